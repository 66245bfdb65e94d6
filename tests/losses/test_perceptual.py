"""The perceptual loss compares VGG19's features; here with random weights, as no file is needed."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.models import VGG19_Weights, vgg19
from torchvision.models.feature_extraction import create_feature_extractor

from pix2pix_utils.errors import UserError
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.losses.perceptual import PerceptualLoss


@pytest.fixture(scope="module")
def loss():
    torch.manual_seed(0)
    return PerceptualLoss()


@pytest.fixture
def photos():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 1, 3, 32, 32, generator=generator) * 2 - 1


def test_it_is_the_weighted_distance_of_torchvisions_features(loss, photos):
    layers = {1: 1 / 32, 6: 1 / 16, 11: 1 / 8, 20: 1 / 4, 29: 1}  # relu1_1, 2_1, 3_1, 4_1, 5_1
    with torch.device("meta"):
        network = vgg19()
    network.features[:30].load_state_dict(loss.features.state_dict(), assign=True)
    extractor = create_feature_extractor(network, [f"features.{i}" for i in layers]).eval()
    normalize = VGG19_Weights.IMAGENET1K_V1.transforms(crop_size=32, resize_size=32)
    with torch.no_grad():
        ours, theirs = (extractor(normalize((image + 1) / 2)).values() for image in photos)
    expected = sum(
        weight * F.l1_loss(a, b) for weight, a, b in zip(layers.values(), ours, theirs, strict=True)
    )
    torch.testing.assert_close(loss(*photos), expected, rtol=1e-5, atol=0)
    assert loss(photos[0], photos[0]).item() == 0


def test_the_gradient_reaches_the_generated_photo_alone(loss, photos):
    generated, photo = (image.clone().requires_grad_() for image in photos)
    loss.train()  # nothing in it depends on the mode, and no weight is trained
    loss(generated, photo).backward()
    assert generated.grad.abs().sum() > 0 and photo.grad is None
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_under_autocast_it_is_computed_in_float32(loss, photos):
    generated, photo = photos.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(generated, photo)
    torch.testing.assert_close(value, loss(generated.float(), photo.float()))


def test_it_is_a_term_of_the_objective(loss, photos):
    objective = build_objective(
        "none", "l1", 0.0, perceptual_weight=2.0, load_perceptual=lambda: loss
    )
    torch.testing.assert_close(objective.reconstruction(*photos), 2 * loss(*photos))


def test_small_photos_are_refused(loss):
    small = torch.zeros(1, 3, 16, 32)
    with pytest.raises(UserError, match=r"32x32 pixels, not 32x16: --set perceptual_weight=0$"):
        loss(small, small)
