"""Scores, intervals and paired comparisons."""

import numpy as np
import pytest
import torch
from torch import nn

from pix2pix_utils.evaluation import (
    bootstrap_interval,
    generator_predictor,
    paired_difference,
    ssim_scores,
    summarize,
)
from pix2pix_utils.metrics import gradient_energy
from pix2pix_utils.models import build_generator


def test_the_real_photo_scores_one_and_its_blur_less(street_data):
    perfect = ssim_scores(lambda batch: batch["photo"], street_data.test)
    assert perfect == pytest.approx(np.ones(len(street_data.test)), abs=1e-6)

    def blurred(batch):
        return nn.functional.avg_pool2d(batch["photo"], 3, stride=1, padding=1)

    assert (ssim_scores(blurred, street_data.test) < 0.95).all()


def test_scores_do_not_depend_on_the_batches(street_data, monkeypatch):
    generator = build_generator("unet", 32, 4)
    together = ssim_scores(generator_predictor(generator), street_data.train)
    monkeypatch.setattr("pix2pix_utils.evaluation.BATCH_SIZE", 5)
    apart = ssim_scores(generator_predictor(generator), street_data.train)
    np.testing.assert_allclose(together, apart, atol=1e-6)


@pytest.mark.parametrize("inference", ["eval", "train"])
def test_scoring_leaves_the_generator_and_the_random_state_alone(street_data, inference):
    generator = build_generator("unet", 32, 4).train()
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    state = torch.get_rng_state()
    first = ssim_scores(generator_predictor(generator, inference), street_data.val)
    assert generator.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[k], v) for k, v in generator.state_dict().items())
    again = ssim_scores(generator_predictor(generator, inference), street_data.val)
    assert np.array_equal(first, again)


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    samples = generator.normal(0.5, 0.1, size=(200, 40))
    intervals = [bootstrap_interval(sample, resamples=300) for sample in samples]
    share = np.mean([low <= 0.5 <= high for low, high in intervals])
    assert 0.88 <= share <= 0.99


def test_a_paired_difference_sees_what_two_intervals_hide():
    generator = np.random.default_rng(0)
    hard_or_easy = generator.uniform(0.2, 0.8, size=100)
    better = hard_or_easy + 0.01 + generator.normal(0, 0.005, size=100)
    a, b = summarize(better), summarize(hard_or_easy)
    assert a["low"] < b["high"]  # the intervals of the means overlap
    difference = paired_difference(better, hard_or_easy)
    assert 0 < difference["low"] < 0.01 < difference["high"]
    assert difference["improved"] > 0.9


def test_gradient_energy_falls_with_blur_and_ignores_brightness():
    photo = torch.rand(2, 3, 32, 32) / 2
    blurred = nn.functional.avg_pool2d(photo, 3, stride=1, padding=1)
    assert (gradient_energy(blurred) < gradient_energy(photo)).all()
    torch.testing.assert_close(gradient_energy(photo + 0.3), gradient_energy(photo))
    assert gradient_energy(torch.full((1, 3, 8, 8), 0.4)).item() == 0
