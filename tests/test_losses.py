"""The adversarial losses are the report's."""

import pytest
import torch
from torch.nn import functional as F

from pix2pix_utils.errors import UserError
from pix2pix_utils.losses import adversarial_loss


@pytest.mark.parametrize("real", [True, False])
def test_bce_on_scores_equals_the_reports_sigmoid_and_bce(real):
    scores = torch.randn(2, 1, 6, 6)
    expected = F.binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, float(real)))
    torch.testing.assert_close(adversarial_loss("bce")(scores, real), expected)


def test_bce_stays_finite_and_has_a_gradient_where_sigmoid_saturates():
    scores = torch.tensor([200.0], requires_grad=True)
    loss = adversarial_loss("bce")(scores, False)
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert scores.grad.item() == pytest.approx(1)


@pytest.mark.parametrize("real", [True, False])
def test_least_squares_is_mse_of_the_raw_scores(real):
    scores = torch.randn(2, 1, 6, 6) * 3
    expected = F.mse_loss(scores, torch.full_like(scores, float(real)))
    torch.testing.assert_close(adversarial_loss("mse")(scores, real), expected)


@pytest.mark.parametrize("name", ["bce", "mse"])
def test_the_threshold_costs_the_same_for_real_and_fake(name):
    loss = adversarial_loss(name)
    score = torch.tensor([loss.threshold])
    torch.testing.assert_close(loss(score, True), loss(score, False))


def test_unknown_loss():
    with pytest.raises(UserError, match="no adversarial loss 'hinge'.*bce, mse"):
        adversarial_loss("hinge")
