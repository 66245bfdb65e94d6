"""Upsampling by resizing and convolution, in place of transposed convolutions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import GENERATORS, build_generator
from pix2pix_utils.models.unet import ResizeConvolution, UNet, up_block

RESIZING = ("unet-resize", "enhanced-resize")


def kinds(network):
    return {type(module) for module in network.modules()}


def weave(photo):
    """How much odd and even rows and columns differ: the spread of the means of the four."""
    inside = photo[..., 8:-8, 8:-8]
    means = [inside[..., y::2, x::2].mean() for y in (0, 1) for x in (0, 1)]
    return torch.stack(means).std().item()


@pytest.mark.parametrize("name", RESIZING)
def test_a_resizing_generator_has_no_transposed_convolution(name):
    network, plain = build_generator(name, 64, 2), build_generator(name.split("-")[0], 64, 2)
    assert nn.ConvTranspose2d not in kinds(network) and ResizeConvolution in kinds(network)
    assert nn.ConvTranspose2d in kinds(plain) and ResizeConvolution not in kinds(plain)
    # and is otherwise the same network: as many tensors, with 9 weights in place of 16
    assert len(network.state_dict()) == len(plain.state_dict())


def test_all_pixels_of_an_even_area_are_the_same():
    features = torch.rand(1, 4, 1, 1).expand(1, 4, 20, 20)
    torch.manual_seed(0)
    resized = up_block(4, 3, normalize=False, dropout=False, upsampling="resize")(features)
    transposed = up_block(4, 3, normalize=False, dropout=False)(features)
    assert resized.shape == transposed.shape == (1, 3, 40, 40)
    assert weave(resized) < 1e-6 < 1e-3 < weave(transposed)


def test_resizing_repeats_pixels_before_the_convolution():
    layer, features = ResizeConvolution(3, 5), torch.rand(2, 3, 4, 6)
    repeated = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    expected = F.conv2d(repeated, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(features), expected)


@pytest.mark.parametrize("name", RESIZING)
def test_gradients_reach_every_parameter(name):
    network = build_generator(name, 32, 2)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", [*RESIZING, "spade"])
def test_acceleration_keeps_the_photo(name):
    assert name in GENERATORS
    network, label = build_generator(name, 64, 4).double().eval(), torch.rand(1, 3, 64, 64).double()
    with torch.no_grad():
        photo = network(label)
        torch.testing.assert_close(accelerate_on_cpu(network)(label), photo, rtol=1e-6, atol=1e-9)


def test_unknown_upsampling_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match="no upsampling 'bilinear'.*transposed, resize"):
        UNet(32, 2, upsampling="bilinear")
