"""The U-Net of the CycleGAN and pix2pix repository, against its documented keys."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pix2pix_utils.errors import UserError
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet


def documented_shapes(d):
    """Key to shape of `unet_256` with d filters, from the repository's description."""
    filters = [d, 2 * d, 4 * d, 8 * d, 8 * d, 8 * d, 8 * d, 8 * d]
    shapes = {
        "model.model.0.weight": (d, 3, 4, 4),
        "model.model.3.weight": (2 * d, 3, 4, 4),
        "model.model.3.bias": (3,),
    }

    def batch_norm(key, channels):
        for name in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{key}.{name}"] = (channels,)
        shapes[f"{key}.num_batches_tracked"] = ()

    for k in range(1, 8):
        prefix = "model.model.1" + ".model.3" * (k - 1)
        outside, inside = filters[k - 1], filters[k]
        shapes[f"{prefix}.model.1.weight"] = (inside, outside, 4, 4)
        if k < 7:
            batch_norm(f"{prefix}.model.2", inside)
            shapes[f"{prefix}.model.5.weight"] = (2 * inside, outside, 4, 4)
            batch_norm(f"{prefix}.model.6", outside)
        else:
            shapes[f"{prefix}.model.3.weight"] = (inside, outside, 4, 4)
            batch_norm(f"{prefix}.model.4", outside)
    return shapes


def documented_state(d, seed=0):
    """A state dict of those shapes with values of a trained network's order of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in documented_shapes(d).items():
        value = torch.randn(shape, generator=generator)
        if key.endswith("num_batches_tracked"):
            value = torch.tensor(7)
        elif key.endswith("running_var"):
            value = value.abs() + 0.1
        elif len(shape) == 4:
            value = value * 0.2
        state[key] = value
    return state


def functional_unet_256(state, label):
    """The network in evaluation mode as one plain function, skips not activated twice but as
    there: LeakyReLU writes into its input, so the skip carries activated features."""

    def normalized(x, key):
        s = {n: state[f"{key}.{n}"] for n in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(x, **s)

    prefixes = ["model.model.1" + ".model.3" * (k - 1) for k in range(8)]  # prefixes[0] is unused
    x = F.conv2d(label, state["model.model.0.weight"], stride=2, padding=1)
    skips = []
    for k in range(1, 8):
        x = F.leaky_relu(x, 0.2)
        skips.append(x)
        x = F.conv2d(x, state[f"{prefixes[k]}.model.1.weight"], stride=2, padding=1)
        if k < 7:
            x = normalized(x, f"{prefixes[k]}.model.2")
    for k in range(7, 0, -1):
        up, norm = ("3", "4") if k == 7 else ("5", "6")
        weight = state[f"{prefixes[k]}.model.{up}.weight"]
        x = F.conv_transpose2d(F.relu(x), weight, stride=2, padding=1)
        x = torch.cat([skips[k - 1], normalized(x, f"{prefixes[k]}.model.{norm}")], dim=1)
    weight, bias = state["model.model.3.weight"], state["model.model.3.bias"]
    return torch.tanh(F.conv_transpose2d(F.relu(x), weight, bias, stride=2, padding=1))


def test_keys_and_shapes_of_the_released_files():
    with torch.device("meta"):
        network = Pix2PixUNet(256, 64)
    ours = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert ours == documented_shapes(64)
    assert len(ours) == 82
    assert sum(p.numel() for p in network.parameters()) == 54_413_955


def test_computes_what_the_released_network_computes():
    state = documented_state(4)
    network = Pix2PixUNet(256, 4).eval()
    network.load_state_dict(state)
    network.double()  # rounding grows from one batch norm to the next
    state = {key: value.double() for key, value in state.items()}
    label = torch.rand(2, 3, 256, 256, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        ours, theirs = network(label), functional_unet_256(state, label)
    assert theirs.std() > 0.1  # not all saturated, not all grey
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_the_middle_levels_have_dropout_as_in_the_repository(size):
    network = Pix2PixUNet(size, 2)
    dropouts = [name for name, m in network.named_modules() if isinstance(m, nn.Dropout)]
    assert len(dropouts) == size.bit_length() - 6
    if size == 256:
        prefixes = ["model.model.1" + ".model.3" * (k - 1) for k in (4, 5, 6)]
        assert sorted(dropouts) == sorted(f"{prefix}.model.7" for prefix in prefixes)


def test_initial_weights_are_those_of_the_repository():
    torch.manual_seed(0)
    network = Pix2PixUNet(64, 32)
    for kind, mean in ((nn.Conv2d, 0), (nn.ConvTranspose2d, 0), (nn.BatchNorm2d, 1)):
        weights = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, kind)])
        assert abs(weights.mean() - mean) < 2e-3 and abs(weights.std() - 0.02) < 2e-3


def test_gradients_reach_every_parameter():
    network = Pix2PixUNet(32, 2)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_unsupported_sizes_are_answered_with_the_supported_ones():
    with pytest.raises(UserError, match=r"image_size is 48.*32, 64, 128, 256, 512"):
        Pix2PixUNet(48)
