"""The objective is a weighted sum of its terms, and without the new ones the report's."""

import pytest
import torch
from torch.nn import functional as F

from pix2pix_utils.data.pairs import to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.losses.structural import ms_ssim_loss


@pytest.fixture
def photos():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1


class RedDistance(torch.nn.Module):
    """Stands in for the perceptual loss."""

    def forward(self, generated, photo):
        return (generated[:, 0] - photo[:, 0]).abs().mean()


@pytest.mark.parametrize(("distance", "function"), [("l1", F.l1_loss), ("mse", F.mse_loss)])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 100.0])
def test_without_new_terms_the_reconstruction_is_the_reports(photos, distance, function, alpha):
    generated, photo = photos
    generated.requires_grad_()
    found = build_objective("bce", distance, alpha).reconstruction(generated, photo)
    expected = alpha * function(generated, photo)
    assert torch.equal(found, expected)
    gradients = [torch.autograd.grad(loss, generated)[0] for loss in (found, expected)]
    assert torch.equal(*gradients)


def test_the_reconstruction_is_the_weighted_sum_of_its_terms(photos):
    generated, photo = photos
    objective = build_objective(
        "none",
        "mse",
        3.0,
        ssim_weight=20.0,
        ms_ssim_weight=7.0,
        perceptual_weight=5.0,
        load_perceptual=RedDistance,
    )
    similarity = ssim(to_unit(generated), to_unit(photo)).mean()
    red = (generated[:, 0] - photo[:, 0]).abs().mean()
    structural = 20 * (1 - similarity) + 7 * ms_ssim_loss(generated, photo)
    expected = 3 * F.mse_loss(generated, photo) + structural + 5 * red
    torch.testing.assert_close(objective.reconstruction(generated, photo), expected)


def test_the_perceptual_network_is_loaded_only_if_its_weight_is_above_0():
    def load():
        raise UserError("no network here")

    objective = build_objective("bce", "l1", 100.0, load_perceptual=load)
    assert objective.perceptual is None
    with pytest.raises(UserError, match="no network here"):
        build_objective("bce", "l1", 100.0, perceptual_weight=1.0, load_perceptual=load)
    with pytest.raises(UserError, match=r"^perceptual_weight is 1.0, but no network"):
        build_objective("bce", "l1", 100.0, perceptual_weight=1.0)


def test_feature_matching_is_weighted():
    real, fake = ([torch.full((1, 2, 3, 3), value), torch.zeros(1)] for value in (1.0, 3.0))
    objective = build_objective("bce", "l1", 100.0, feature_weight=10.0)
    assert objective.feature_matching(real, fake).item() == pytest.approx(20)


def test_unknown_names():
    with pytest.raises(UserError, match="no adversarial loss 'wgan'.*bce, mse, hinge, classes"):
        build_objective("wgan", "l1", 100.0)
    with pytest.raises(UserError, match="no distance 'l2'.*l1, mse"):
        build_objective("bce", "l2", 100.0)


def test_the_generator_needs_something_to_learn_from():
    with pytest.raises(UserError, match="nothing to learn from.*ms_ssim_weight"):
        build_objective("none", "l1", 0.0)
    for name in ("ssim_weight", "ms_ssim_weight"):
        build_objective("none", "l1", 0.0, **{name: 1.0})
    build_objective("none", "l1", 0.0, perceptual_weight=1.0, load_perceptual=RedDistance)
    build_objective("bce", "l1", 0.0)


def test_features_of_a_discriminator_that_never_learns_are_not_matched():
    with pytest.raises(UserError, match=r"^feature_weight is 10.0, but without an adversarial"):
        build_objective("none", "l1", 100.0, feature_weight=10.0)


def test_the_two_readings_of_mse_are_different_things():
    adversarial = build_objective("mse", "l1", 100.0)
    distance = build_objective("bce", "mse", 100.0)
    scores, a, b = torch.randn(2, 1, 3, 3), torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    for objective, score_loss, photo_loss in (
        (adversarial, (scores - 1).square().mean(), (a - b).abs().mean()),
        (distance, F.softplus(-scores).mean(), (a - b).square().mean()),
    ):
        torch.testing.assert_close(objective.adversarial.generator(scores), score_loss)
        torch.testing.assert_close(objective.distance(a, b), photo_loss)
