"""Predictions and scores of a predictor on a split."""

import numpy as np
import pytest
import torch
from torch import nn

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import (
    batchwise,
    generator_predictor,
    predictions,
    ssim_scores,
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
    monkeypatch.setattr("pix2pix_utils.evaluation.predictors.BATCH_SIZE", 5)
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
