"""Faster convolutions on a CPU: the outputs, gradients and parameters of torch's own layers."""

import copy

import pytest
import torch
from torch import nn

from pix2pix_utils.acceleration import convolution
from pix2pix_utils.acceleration.convolution import (
    Conv2d,
    ConvTranspose2d,
    FasterResizeConvolution,
    accelerate_on_cpu,
)
from pix2pix_utils.acceleration.winograd import winograd_convolution
from pix2pix_utils.models import DISCRIMINATORS, GENERATORS, build_discriminator, build_generator
from pix2pix_utils.models.patchgan import PatchGAN
from pix2pix_utils.models.unet import ResizeConvolution

LAYERS = {
    "down": (nn.Conv2d, dict(kernel_size=4, stride=2, padding=1)),
    "patch": (nn.Conv2d, dict(kernel_size=4, stride=1, padding=1)),
    "refine": (nn.Conv2d, dict(kernel_size=3, padding=1)),
    "without bias": (nn.Conv2d, dict(kernel_size=4, stride=2, padding=1, bias=False)),
    "up": (nn.ConvTranspose2d, dict(kernel_size=4, stride=2, padding=1)),
    "up without bias": (nn.ConvTranspose2d, dict(kernel_size=4, stride=2, padding=1, bias=False)),
}


def calls_of_torch(monkeypatch, kind) -> list:
    """A list that grows with each forward pass of torch's own layer."""
    calls, forward = [], kind.forward
    monkeypatch.setattr(kind, "forward", lambda *a: calls.append(a[0]) or forward(*a))
    return calls


def outputs_and_gradients(network: nn.Module, *inputs: torch.Tensor) -> list[torch.Tensor]:
    """The output, and the gradients of its sum of squares by the inputs and the parameters.

    None for an input that only chooses among the outputs.
    """
    inputs = [tensor.clone().requires_grad_() for tensor in inputs]
    torch.manual_seed(0)  # of the dropout
    out = network(*inputs)
    wanted = [*inputs, *network.parameters()]
    return [out, *torch.autograd.grad(out.square().sum(), wanted, allow_unused=True)]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch, height, width", [(1, 4, 4), (2, 4, 6), (3, 2, 2), (1, 20, 18)])
def test_values_and_gradients_are_those_of_torch(name, batch, height, width):
    kind, options = LAYERS[name]
    torch.manual_seed(0)
    plain, features = kind(5, 7, **options), torch.rand(batch, 5, height, width)
    faster = accelerate_on_cpu(copy.deepcopy(plain))
    assert type(faster) in (Conv2d, ConvTranspose2d) and isinstance(faster, kind)
    torch.testing.assert_close(
        outputs_and_gradients(faster, features),
        outputs_and_gradients(plain, features),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("batch, height, width", [(1, 4, 4), (2, 4, 6), (1, 20, 18), (2, 9, 8)])
def test_resizing_and_convolution_are_those_of_torch(batch, height, width, monkeypatch):
    torch.manual_seed(0)
    plain, features = ResizeConvolution(5, 7), torch.rand(batch, 5, height, width)
    expected = outputs_and_gradients(plain, features)
    faster, calls = accelerate_on_cpu(copy.deepcopy(plain)), calls_of_torch(monkeypatch, nn.Conv2d)
    assert type(faster) is FasterResizeConvolution and isinstance(faster, ResizeConvolution)
    ours = outputs_and_gradients(faster, features)
    assert not calls or 64 < 4 * batch * height * width < 4 * 128
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["down", "up"])
def test_only_small_maps_become_matrix_products(name, monkeypatch):
    kind, options = LAYERS[name]
    layer, calls = accelerate_on_cpu(kind(2, 2, **options)), calls_of_torch(monkeypatch, kind)
    layer(torch.rand(1, 2, 8, 8))
    assert not calls
    layer(torch.rand(1, 2, 64, 64))
    assert calls


@pytest.mark.parametrize(
    "kind, options",
    [
        (nn.Conv2d, dict(kernel_size=3, dilation=2)),
        (nn.Conv2d, dict(kernel_size=3, groups=2)),
        (nn.Conv2d, dict(kernel_size=3, padding="same")),
        (nn.Conv2d, dict(kernel_size=3, padding=1, padding_mode="reflect")),
        (nn.Conv2d, dict(kernel_size=(3, 1))),
        (nn.Conv2d, dict(kernel_size=3, stride=(2, 1))),
        (nn.Conv2d, dict(kernel_size=3, padding=(1, 0))),
        (nn.ConvTranspose2d, dict(kernel_size=3, dilation=2)),
        (nn.ConvTranspose2d, dict(kernel_size=4, groups=2)),
        (nn.ConvTranspose2d, dict(kernel_size=3, stride=2, padding=1, output_padding=1)),
    ],
    ids=str,
)
def test_other_convolutions_stay_torchs_own(kind, options):
    plain, features = kind(4, 4, **options), torch.rand(1, 4, 5, 5)
    network = accelerate_on_cpu(nn.Sequential(copy.deepcopy(plain)))
    assert type(network[0]) is kind
    assert torch.equal(network(features), plain(features))


@pytest.mark.parametrize("name", ["down", "up"])
def test_unbatched_input_and_a_given_output_size_are_answered_as_torch_does(name):
    kind, options = LAYERS[name]
    plain, features = kind(5, 7, **options), torch.rand(1, 5, 4, 4)
    faster = accelerate_on_cpu(copy.deepcopy(plain))
    assert torch.equal(faster(features[0]), plain(features[0]))
    if kind is nn.ConvTranspose2d:
        out = faster(features, output_size=[9, 9])
        assert out.shape[2:] == (9, 9)
        assert torch.equal(out, plain(features, output_size=[9, 9]))


def test_other_devices_get_torchs_convolutions(monkeypatch):
    """What a GPU gets, seen on torch's device for shapes."""
    network = accelerate_on_cpu(nn.Conv2d(2, 2, kernel_size=4)).to("meta")
    calls = calls_of_torch(monkeypatch, nn.Conv2d)
    assert network(torch.rand(1, 2, 4, 4, device="meta")).shape == (1, 2, 1, 1)
    assert len(calls) == 1


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_a_network_keeps_its_outputs_gradients_and_names(name, monkeypatch):
    torch.manual_seed(0)
    plain = (
        build_generator(name, 32, 4)
        if name in GENERATORS
        else build_discriminator(name, 4, colors=torch.rand(5, 3) * 2 - 1)
    )
    # in float64 only a wrong formula makes a difference, in evaluation it is not amplified
    plain = plain.double().eval()
    images = torch.rand(1 if name in GENERATORS else 2, 2, 3, 32, 32, dtype=torch.float64) * 2 - 1
    network = copy.deepcopy(plain)
    assert accelerate_on_cpu(network) is network
    assert any(type(module) in (Conv2d, ConvTranspose2d) for module in network.modules())
    assert list(network.state_dict()) == list(plain.state_dict())
    torch.testing.assert_close(
        outputs_and_gradients(copy.deepcopy(network), *images),  # a copy is as fast, and as good
        outputs_and_gradients(plain, *images),
        rtol=1e-6,
        atol=1e-9,
    )


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 3, 9, 14), (1, 3, 4, 5)])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dtype, error", [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_winograds_convolution_is_torchs(shape, padding, dtype, error):
    class Winograd(nn.Conv2d):
        def forward(self, features):
            return winograd_convolution(features, self.weight, self.bias, padding)

    torch.manual_seed(0)
    features = torch.rand(shape, dtype=dtype)
    plain = nn.Conv2d(shape[1], 5, kernel_size=4, padding=padding, dtype=dtype)
    faster = Winograd(shape[1], 5, kernel_size=4, dtype=dtype)
    faster.load_state_dict(plain.state_dict())
    both = outputs_and_gradients(faster, features), outputs_and_gradients(plain, features)
    for ours, theirs in zip(*both, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).norm() < error * theirs.norm()


def test_a_single_channel_is_a_matrix_product_of_large_maps(monkeypatch):
    torch.manual_seed(0)
    plain, features = nn.Conv2d(5, 1, kernel_size=4, padding=1), torch.rand(2, 5, 33, 40)
    expected = outputs_and_gradients(plain, features)
    faster, calls = accelerate_on_cpu(plain), calls_of_torch(monkeypatch, nn.Conv2d)
    torch.testing.assert_close(
        outputs_and_gradients(faster, features), expected, rtol=1e-4, atol=1e-4
    )
    assert not calls
    with torch.autocast("cpu", torch.bfloat16):  # too short for sums of products
        faster(features)
    assert calls


def test_the_discriminator_uses_winograds_convolution_where_it_pays(monkeypatch):
    calls, images = [], torch.rand(2, 1, 3, 256, 256)
    monkeypatch.setattr(
        convolution,
        "winograd_convolution",
        lambda *a: calls.append(a[1].shape) or winograd_convolution(*a),
    )
    discriminator = accelerate_on_cpu(PatchGAN(width=64))
    with torch.no_grad():
        scores = discriminator(*images)
        assert calls == [(512, 256, 4, 4)]
        with torch.autocast("cpu", torch.bfloat16):  # too short for its transforms
            discriminator(*images)
        discriminator.eval()(*images)  # exact: a patch is judged by its own pixels alone
        assert len(calls) == 1
        discriminator.train()
        monkeypatch.setattr(convolution, "MIN_WINOGRAD_CHANNEL_PAIRS", 1 << 62)
        torch.testing.assert_close(scores, discriminator(*images), rtol=1e-4, atol=1e-4)
    assert len(calls) == 1
