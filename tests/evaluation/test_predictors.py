"""Scores, intervals and paired comparisons."""

import numpy as np
import pytest
import torch
from torch import nn

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import gradient_energy
from pix2pix_utils.evaluation.predictors import (
    batchwise,
    generator_predictor,
    predictions,
    ssim_scores,
)
from pix2pix_utils.evaluation.statistics import (
    bootstrap_interval,
    over_seeds,
    paired_difference,
    summarize,
)
from pix2pix_utils.models import build_generator


def test_the_real_photo_scores_one_and_its_blur_less(street_data):
    perfect = ssim_scores(lambda batch: batch["photo"], street_data.test)
    assert perfect == pytest.approx(np.ones(len(street_data.test)), abs=1e-6)

    def blurred(batch):
        return nn.functional.avg_pool2d(batch["photo"], 3, stride=1, padding=1)

    assert (ssim_scores(blurred, street_data.test) < 0.95).all()


@pytest.mark.parametrize("inference", ["eval", "train"])
def test_scores_do_not_depend_on_the_batches(street_data, monkeypatch, inference):
    predict = generator_predictor(build_generator("unet", 32, 4), inference)
    together = ssim_scores(predict, street_data.train)
    monkeypatch.setattr("pix2pix_utils.evaluation.BATCH_SIZE", 5)
    apart = ssim_scores(predict, street_data.train)
    np.testing.assert_allclose(together, apart, atol=1e-6)


@pytest.mark.parametrize(
    "shortage",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate"),
        MemoryError(),
    ],
)
def test_a_batch_that_does_not_fit_is_halved(street_data, shortage):
    seen = []

    def short_of_memory(batch):
        if len(batch["photo"]) > 3:
            raise shortage
        seen.append(len(batch["photo"]))
        return batch["photo"]

    found = list(predictions(short_of_memory, street_data.train))
    assert seen == [2] * 6  # 16, 8, 4, then 2 to the end
    assert [name for batch, _ in found for name in batch["names"]] == street_data.train.names


def test_one_image_too_many_is_a_users_mistake_and_other_errors_pass(street_data):
    def never(batch):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(UserError, match="32x32 pixels.*--device cpu"):
        list(batchwise(never, street_data.val))

    def broken(batch):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(batchwise(broken, street_data.val))


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


def test_a_p_value_is_small_for_a_difference_and_uniform_without_one():
    generator = np.random.default_rng(0)
    scores = generator.normal(0.5, 0.1, size=(200, 30))
    others = scores + generator.normal(0, 0.02, size=scores.shape)
    found = [paired_difference(a, b)["p_value"] for a, b in zip(others, scores, strict=True)]
    assert 0.4 < np.mean(found) < 0.6
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.1
    assert paired_difference(others[0] + 0.03, scores[0])["p_value"] < 0.005
    equal = paired_difference(scores[0], scores[0])
    assert equal["p_value"] == 1
    assert equal["mean"] == equal["low"] == equal["high"] == equal["detectable"] == 0


def test_a_detectable_difference_is_detected_four_times_in_five():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.02, size=(100, 50))
    size = np.mean([paired_difference(row, np.zeros(50))["detectable"] for row in noise])
    found = [paired_difference(row + size, np.zeros(50))["p_value"] < 0.05 for row in noise]
    assert 0.7 < np.mean(found) < 0.9


def test_over_seeds_tells_training_noise_from_image_noise():
    images = np.linspace(0.2, 0.8, 10)
    found = over_seeds([images - 0.02, images, images + 0.02])
    assert (found["lowest"], found["mean"], found["highest"]) == pytest.approx((0.48, 0.5, 0.52))
    assert found["deviation"] == pytest.approx(0.02)
    assert found["seeds"] == 3
    assert np.isnan(over_seeds([images])["deviation"])


def test_gradient_energy_falls_with_blur_and_ignores_brightness():
    photo = torch.rand(2, 3, 32, 32) / 2
    blurred = nn.functional.avg_pool2d(photo, 3, stride=1, padding=1)
    assert (gradient_energy(blurred) < gradient_energy(photo)).all()
    torch.testing.assert_close(gradient_energy(photo + 0.3), gradient_energy(photo))
    assert gradient_energy(torch.full((1, 3, 8, 8), 0.4)).item() == 0
