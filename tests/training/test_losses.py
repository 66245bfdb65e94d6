"""The adversarial losses are the report's."""

import pytest
import torch
from torch.nn import functional as F

from pix2pix_utils.errors import UserError
from pix2pix_utils.training.losses import ADVERSARIAL_LOSSES, build_objective


@pytest.mark.parametrize("real", [True, False])
def test_bce_on_scores_equals_the_reports_sigmoid_and_bce(real):
    scores = torch.randn(2, 1, 6, 6)
    expected = F.binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, float(real)))
    torch.testing.assert_close(ADVERSARIAL_LOSSES["bce"](scores, real), expected)


def test_bce_stays_finite_and_has_a_gradient_where_sigmoid_saturates():
    scores = torch.tensor([200.0], requires_grad=True)
    loss = ADVERSARIAL_LOSSES["bce"](scores, False)
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert scores.grad.item() == pytest.approx(1)


@pytest.mark.parametrize("real", [True, False])
def test_least_squares_is_mse_of_the_raw_scores(real):
    scores = torch.randn(2, 1, 6, 6) * 3
    expected = F.mse_loss(scores, torch.full_like(scores, float(real)))
    torch.testing.assert_close(ADVERSARIAL_LOSSES["mse"](scores, real), expected)


@pytest.mark.parametrize("name", ["bce", "mse"])
def test_the_threshold_costs_the_same_for_real_and_fake(name):
    loss = ADVERSARIAL_LOSSES[name]
    score = torch.tensor([loss.threshold])
    torch.testing.assert_close(loss(score, True), loss(score, False))


def test_unknown_names():
    with pytest.raises(UserError, match="no adversarial loss 'hinge'.*bce, mse"):
        build_objective("hinge", "l1", 100.0)
    with pytest.raises(UserError, match="no distance 'l2'.*l1, mse"):
        build_objective("bce", "l2", 100.0)
    with pytest.raises(UserError, match="nothing to learn from"):
        build_objective("none", "l1", 0.0)


def test_the_two_readings_of_mse_are_different_things():
    adversarial = build_objective("mse", "l1", 100.0)
    distance = build_objective("bce", "mse", 100.0)
    scores, a, b = torch.randn(2, 1, 3, 3), torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(adversarial.adversarial(scores, True), (scores - 1).square().mean())
    torch.testing.assert_close(adversarial.distance(a, b), (a - b).abs().mean())
    torch.testing.assert_close(distance.adversarial(scores, True), F.softplus(-scores).mean())
    torch.testing.assert_close(distance.distance(a, b), (a - b).square().mean())
