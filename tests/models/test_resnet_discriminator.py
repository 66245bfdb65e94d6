"""The discriminator on ResNet18."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import ResNet18_Weights, resnet18

from pix2pix_utils.errors import UserError
from pix2pix_utils.models.deeplab import ImageNetNormalization
from pix2pix_utils.models.resnet_discriminator import ResNet18Discriminator


@pytest.fixture(scope="module")
def scalar():
    return ResNet18Discriminator(8)


@pytest.fixture(scope="module")
def patch():
    return ResNet18Discriminator(8, head="patch")


@pytest.mark.parametrize("size", [32, 50, 64, 128, 256, 512])
def test_scores_at_batch_1_while_training(scalar, patch, size):
    label, photo = torch.rand(2, 1, 3, size, size) * 2 - 1
    with torch.no_grad():
        assert scalar.train()(label, photo).shape == (1, 1, 1, 1)
        side = max(size, 64) // 16
        assert patch.train()(label, photo).shape == (1, 1, side, side)


def test_images_that_are_not_square_keep_their_proportions(patch):
    with torch.no_grad():
        assert patch(*torch.rand(2, 1, 3, 32, 64)).shape == (1, 1, 4, 8)


def test_widened_convolution_reproduces_the_response_on_the_photo(scalar):
    widened = copy.deepcopy(scalar.backbone.conv1)
    label, photo = torch.randn(2, 2, 3, 16, 16)
    both = torch.cat([label, photo], dim=1)
    response = F.conv2d(photo, widened.weight[:, 3:], stride=2, padding=3)
    torch.testing.assert_close(widened(both), response)
    # and is free to learn from the label map from the first step on
    widened(both).square().mean().backward()
    on_label = widened.weight.grad[:, :3]
    assert on_label.flatten(1).abs().sum(dim=1).gt(0).all()
    assert on_label.flatten(1).unique(dim=0).shape[0] == 64  # every filter in its own direction


def test_features_at_the_start_are_those_of_resnet18_on_the_photo():
    torch.manual_seed(0)
    discriminator = ResNet18Discriminator().eval()
    resnet = resnet18(weights=None).eval()
    stages = dict(discriminator.backbone.named_children())
    for name, stage in stages.items():
        if name != "conv1":
            stage.load_state_dict(getattr(resnet, name).state_dict())
    stages["conv1"].weight.data[:, 3:] = resnet.conv1.weight.data
    resnet.fc = nn.Linear(512, 1)
    resnet.fc.load_state_dict(discriminator.head.state_dict())
    label, photo = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        expected = resnet(ImageNetNormalization()(photo))
        torch.testing.assert_close(discriminator(label, photo).flatten(1), expected)


def test_photo_is_normalised_as_the_pretrained_weights_expect():
    transform = ResNet18_Weights.IMAGENET1K_V1.transforms()
    network = ImageNetNormalization()
    assert network.mean.flatten().tolist() == pytest.approx(transform.mean)
    assert network.std.flatten().tolist() == pytest.approx(transform.std)


@pytest.mark.parametrize("head", ["scalar", "patch"])
def test_gradients_reach_every_parameter_and_the_photo(head):
    network = ResNet18Discriminator(head=head)
    label, photo = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    photo.requires_grad_()
    network(label, photo).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.backbone.conv1.weight.grad[:, :3].any()
    assert photo.grad.any()


def test_patch_score_sees_211_pixels(patch):
    photo = torch.rand(1, 3, 512, 512, requires_grad=True)
    patch.eval()(torch.zeros_like(photo), photo)[0, 0, 16, 16].backward()
    seen = photo.grad.abs().sum(dim=(0, 1)).nonzero()
    assert ((seen.amax(dim=0) - seen.amin(dim=0) + 1) <= 211).all()
    assert ((seen.amax(dim=0) - seen.amin(dim=0) + 1) > 180).all()  # ReLU may hide a rim


def test_unknown_head_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match="no head 'pixel'.*scalar, patch"):
        ResNet18Discriminator(head="pixel")
