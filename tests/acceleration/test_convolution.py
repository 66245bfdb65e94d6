"""Faster ways to compute a convolution: the same results, gradients and parameters."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from pix2pix_utils.acceleration import convolution
from pix2pix_utils.acceleration.convolution import Conv2d, ConvTranspose2d, accelerate_on_cpu
from pix2pix_utils.acceleration.winograd import shared_weights, winograd_convolution
from pix2pix_utils.models.patchgan import PatchGAN

LAYERS = {
    "down": (Conv2d, nn.Conv2d, dict(kernel_size=4, stride=2, padding=1)),
    "patch": (Conv2d, nn.Conv2d, dict(kernel_size=4, stride=1, padding=1)),
    "refine": (Conv2d, nn.Conv2d, dict(kernel_size=3, padding=1)),
    "without bias": (Conv2d, nn.Conv2d, dict(kernel_size=4, stride=2, padding=1, bias=False)),
    "up": (ConvTranspose2d, nn.ConvTranspose2d, dict(kernel_size=4, stride=2, padding=1)),
    "up without bias": (
        ConvTranspose2d,
        nn.ConvTranspose2d,
        dict(kernel_size=4, stride=2, padding=1, bias=False),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch, height, width", [(1, 4, 4), (2, 4, 6), (3, 2, 2), (1, 20, 18)])
def test_values_and_gradients_are_those_of_torch(name, batch, height, width):
    ours_type, torch_type, options = LAYERS[name]
    torch.manual_seed(0)
    ours, theirs = ours_type(5, 7, **options), torch_type(5, 7, **options)
    theirs.load_state_dict(ours.state_dict())
    outcomes = []
    for layer in (ours, theirs):
        features = torch.rand(
            batch, 5, height, width, generator=torch.Generator().manual_seed(1)
        ).requires_grad_()
        out = layer(features)
        out.square().sum().backward()
        outcomes.append([out, features.grad, *(p.grad for p in layer.parameters())])
    for mine, reference in zip(*outcomes, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["down", "up"])
def test_only_small_maps_become_matrix_products(name, monkeypatch):
    ours_type, torch_type, options = LAYERS[name]
    layer, calls = ours_type(2, 2, **options), []
    plain = torch_type.forward
    monkeypatch.setattr(torch_type, "forward", lambda *a: calls.append(1) or plain(*a))
    layer(torch.rand(1, 2, 8, 8))
    assert not calls
    layer(torch.rand(1, 2, 64, 64))
    assert calls


def test_a_torchvision_network_keeps_its_results_and_names(monkeypatch):
    network = resnet18(weights=None).eval()
    keys, images = list(network.state_dict()), torch.rand(1, 3, 64, 64)
    expected = network(images)
    accelerate_on_cpu(network)
    assert any(type(module) is Conv2d for module in network.modules())
    assert list(network.state_dict()) == keys
    torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(convolution, "SMALL", 0)
    assert torch.equal(network(images), expected)


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 3, 9, 14), (1, 3, 4, 5)])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dtype, error", [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_winograds_convolution_is_torchs(shape, padding, dtype, error):
    torch.manual_seed(0)
    features = torch.rand(shape, dtype=dtype, requires_grad=True)
    weight = torch.randn(5, shape[1], 4, 4, dtype=dtype, requires_grad=True)
    bias = torch.randn(5, dtype=dtype, requires_grad=True)
    outcomes = []
    for convolve in (winograd_convolution, lambda *a: F.conv2d(*a[:3], padding=a[3])):
        out = convolve(features, weight, bias, padding)
        outcomes.append([out, *torch.autograd.grad(out.square().sum(), (features, weight, bias))])
    for ours, theirs in zip(*outcomes, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).norm() < error * theirs.norm()


def test_a_single_channel_is_a_matrix_product_of_large_maps(monkeypatch):
    torch.manual_seed(0)
    layer, calls = Conv2d(5, 1, kernel_size=4, padding=1), []
    plain = nn.Conv2d.forward
    monkeypatch.setattr(nn.Conv2d, "forward", lambda *a: calls.append(1) or plain(*a))
    outcomes = []
    for compute in (layer, lambda features: plain(layer, features)):
        features = torch.rand(2, 5, 33, 40, generator=torch.Generator().manual_seed(1))
        out = compute(features.requires_grad_())
        inputs = (features, *layer.parameters())
        outcomes.append([out, *torch.autograd.grad(out.square().sum(), inputs)])
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert not calls
    with torch.autocast("cpu", torch.bfloat16):  # too short for sums of products
        layer(features)
    assert calls


def test_shared_weights_have_the_gradient_of_all_uses():
    torch.manual_seed(0)
    weight = torch.randn(5, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    real, fake = torch.rand(2, 1, 3, 9, 9, dtype=torch.float64)

    def loss() -> torch.Tensor:
        return sum(winograd_convolution(x, weight, None, 1).square().sum() for x in (real, fake))

    (expected,) = torch.autograd.grad(loss(), weight)
    with shared_weights():
        shared = loss()
    torch.testing.assert_close(torch.autograd.grad(shared, weight)[0], expected)
    with torch.no_grad():
        weight.mul_(2)
    torch.testing.assert_close(torch.autograd.grad(loss(), weight)[0], 2 * expected)
    with shared_weights():  # nothing of the first time is left
        torch.testing.assert_close(torch.autograd.grad(loss(), weight)[0], 2 * expected)


def test_the_discriminator_takes_winograds_way_where_it_pays(monkeypatch):
    calls, images = [], torch.rand(2, 1, 3, 256, 256)
    monkeypatch.setattr(
        convolution,
        "winograd_convolution",
        lambda *a: calls.append(a[1].shape) or winograd_convolution(*a),
    )
    discriminator = PatchGAN(width=64)
    with torch.no_grad():
        scores = discriminator(*images)
        assert calls == [(512, 256, 4, 4)]
        with torch.autocast("cpu", torch.bfloat16):  # too short for its transforms
            discriminator(*images)
        discriminator.eval()(*images)  # exact: a patch is judged by its own pixels alone
        assert len(calls) == 1
        discriminator.train()
        monkeypatch.setattr(convolution, "WIDE", 1 << 62)
        torch.testing.assert_close(scores, discriminator(*images), rtol=1e-4, atol=1e-4)
    assert len(calls) == 1
