"""The adversarial losses are the report's, hinge and OASIS's, each with its side for a network."""

import pytest
import torch
from torch.nn import functional as F

from pix2pix_utils.errors import UserError
from pix2pix_utils.losses.adversarial import ADVERSARIAL_LOSSES, check_discriminator
from pix2pix_utils.models import DISCRIMINATORS


@pytest.mark.parametrize("real", [True, False])
def test_bce_on_scores_equals_the_reports_sigmoid_and_bce(real):
    scores = torch.randn(2, 1, 6, 6)
    expected = F.binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, float(real)))
    torch.testing.assert_close(ADVERSARIAL_LOSSES["bce"].discriminator(scores, real), expected)


def test_bce_stays_finite_and_has_a_gradient_where_sigmoid_saturates():
    scores = torch.tensor([200.0], requires_grad=True)
    loss = ADVERSARIAL_LOSSES["bce"].discriminator(scores, False)
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert scores.grad.item() == pytest.approx(1)


@pytest.mark.parametrize("real", [True, False])
def test_least_squares_is_mse_of_the_raw_scores(real):
    scores = torch.randn(2, 1, 6, 6) * 3
    expected = F.mse_loss(scores, torch.full_like(scores, float(real)))
    torch.testing.assert_close(ADVERSARIAL_LOSSES["mse"].discriminator(scores, real), expected)


@pytest.mark.parametrize("name", ["bce", "mse"])
def test_the_generator_wants_its_pairs_to_be_scored_as_real_ones(name):
    loss, scores = ADVERSARIAL_LOSSES[name], torch.randn(2, 1, 6, 6)
    assert torch.equal(loss.generator(scores), loss.discriminator(scores, True))


def test_hinge_by_hand():
    loss, scores = ADVERSARIAL_LOSSES["hinge"], torch.tensor([-3.0, 0.5, 2.0])
    assert loss.discriminator(scores, True).item() == pytest.approx((4 + 0.5 + 0) / 3)
    assert loss.discriminator(scores, False).item() == pytest.approx((0 + 1.5 + 3) / 3)
    assert loss.generator(scores).item() == pytest.approx(0.5 / 3)


def test_hinge_pulls_the_generator_where_the_discriminator_has_enough():
    scores = torch.tensor([[2.0, -2.0]], requires_grad=True)
    loss = ADVERSARIAL_LOSSES["hinge"]
    for value, slopes in (
        (loss.discriminator(scores, True), [0, -0.5]),
        (loss.discriminator(scores, False), [0.5, 0]),
        (loss.generator(scores), [-0.5, -0.5]),
    ):
        (gradient,) = torch.autograd.grad(value, scores)
        assert gradient.flatten().tolist() == slopes


def class_scores(weighted: bool) -> torch.Tensor:
    """Two pixels: the first rather taken for its class, the second rather for generated."""
    channels = [[0.5, 0.25], [0.25, 0.75], [3.0, 1.0]]
    scores = torch.tensor(channels).reshape(1, 3, 1, 2)
    scores[:, :2].log_()
    return scores if weighted else scores[:, :2]


@pytest.mark.parametrize("weighted", [True, False])
def test_classes_by_hand(weighted):
    loss, scores = ADVERSARIAL_LOSSES["classes"], class_scores(weighted)
    half, quarter, most = (-torch.tensor([0.5, 0.25, 0.75]).log()).tolist()
    expected = ((3 if weighted else 1) * half + quarter) / 2
    assert loss.discriminator(scores, True).item() == pytest.approx(expected)
    assert loss.generator(scores).item() == pytest.approx(expected)
    assert loss.discriminator(scores, False).item() == pytest.approx((quarter + most) / 2)


@pytest.mark.parametrize("weighted", [True, False])
def test_classes_takes_a_pixel_for_real_whose_class_is_likelier_than_generated(weighted):
    assert ADVERSARIAL_LOSSES["classes"].taken_for_real(class_scores(weighted)).item() == 0.5


@pytest.mark.parametrize("name", ["bce", "mse", "hinge"])
def test_the_threshold_costs_the_same_for_real_and_fake(name):
    loss = ADVERSARIAL_LOSSES[name]
    score = torch.tensor([loss.threshold])
    torch.testing.assert_close(loss.discriminator(score, True), loss.discriminator(score, False))


@pytest.mark.parametrize(("name", "between"), [("bce", 0.0), ("mse", 0.5), ("hinge", 0.0)])
def test_the_share_of_patches_above_the_threshold_is_taken_for_real(name, between):
    scores = torch.tensor([between - 0.1, between, between + 0.1, between + 5]).reshape(2, 1, 1, 2)
    share = ADVERSARIAL_LOSSES[name].taken_for_real(scores)
    assert share.ndim == 0 and share.item() == 0.5


@pytest.mark.parametrize("name", ["bce", "mse", "hinge", "mse-sigmoid"])
def test_a_loss_of_patch_scores_is_refused_for_the_segmentation_discriminator(name):
    message = rf"^the adversarial loss '{name}' .* --set adversarial_loss=classes$"
    with pytest.raises(UserError, match=message):
        check_discriminator(name, "segmentation")


@pytest.mark.parametrize("discriminator", sorted(DISCRIMINATORS.keys() - {"segmentation"}))
def test_the_loss_of_classes_is_refused_for_every_other_discriminator(discriminator):
    message = rf"^the adversarial loss 'classes' .* '{discriminator}' .*discriminator=segmentation$"
    with pytest.raises(UserError, match=message):
        check_discriminator("classes", discriminator)


@pytest.mark.parametrize(
    ("loss", "discriminator"),
    [
        ("classes", "segmentation"),
        ("bce", "patchgan"),
        ("hinge", "resnet18"),
        ("none", "patchgan"),
        ("none", "segmentation"),
    ],
)
def test_what_fits_is_accepted(loss, discriminator):
    check_discriminator(loss, discriminator)
