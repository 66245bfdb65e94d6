"""Feature matching compares a discriminator's layers, and moves only the generated photo."""

import pytest
import torch

from pix2pix_utils.losses.feature_matching import feature_matching_loss


def test_the_mean_over_the_layers_leaves_out_the_scores():
    real = [torch.zeros(2, 4, 8, 8), torch.zeros(2, 8, 4, 4), torch.zeros(2, 1, 3, 3)]
    fake = [
        torch.full((2, 4, 8, 8), 1.0),
        torch.full((2, 8, 4, 4), -3.0),
        torch.full((2, 1, 3, 3), 9),
    ]
    assert feature_matching_loss(real, fake).item() == pytest.approx((1 + 3) / 2)


def test_the_gradient_reaches_the_generated_features_alone():
    real, fake = ([torch.randn(2, 4, 8, 8, requires_grad=True) for _ in range(3)] for _ in range(2))
    feature_matching_loss(real, fake).backward()
    assert all(layer.grad is None for layer in real)
    assert all(layer.grad.abs().sum() > 0 for layer in fake[:-1]) and fake[-1].grad is None


def test_features_in_a_shorter_format_are_compared_in_float32():
    real = [torch.full((1, 1, 2, 2), 256.0, dtype=torch.bfloat16), torch.zeros(1)]
    fake = [torch.full((1, 1, 2, 2), 1.0, dtype=torch.bfloat16), torch.zeros(1)]
    loss = feature_matching_loss(real, fake)
    assert loss.dtype == torch.float32 and loss.item() == 255
