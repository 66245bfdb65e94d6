"""The enhanced generator is what its description says, and each switch takes one thing back."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from pix2pix_utils.errors import UserError
from pix2pix_utils.models.enhanced import DecoderBlock, EnhancedUNet
from pix2pix_utils.models.unet import UNet


def count(network, kind=None):
    if kind is None:
        return sum(p.numel() for p in network.parameters())
    return sum(isinstance(module, kind) for module in network.modules())


def layers_in_order(network, size):
    """The leaf modules in the order in which a forward pass of `size` pixels runs them."""
    order = []
    hooks = [
        module.register_forward_hook(lambda module, *_: order.append(module))
        for module in network.modules()
        if not list(module.children())
    ]
    network(torch.rand(1, 3, size, size) * 2 - 1)
    for hook in hooks:
        hook.remove()
    return order


@pytest.mark.parametrize("size", [32, 64, 256])
def test_every_convolution_but_the_output_is_followed_by_batch_norm(size):
    order = layers_in_order(EnhancedUNet(size, 2), size)
    followers = [
        after
        for module, after in pairwise(order)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    levels = size.bit_length() - 2
    assert len(followers) == 4 * levels  # two a block, as many decoder as encoder blocks
    assert all(isinstance(layer, nn.BatchNorm2d) for layer in followers[:-1])
    assert isinstance(followers[-1], nn.Tanh)


def test_skips_connect_blocks_of_equal_size_and_the_encoder_ends_at_2x2():
    network = EnhancedUNet(64, 2)
    sizes = {}
    for name, module in network.named_modules():
        if name.count(".") == 1 and not name.startswith("output"):
            module.register_forward_hook(
                lambda _, inputs, output, name=name: sizes.update(
                    {name: (inputs[0].shape[1:], output.shape[1:])}
                )
            )
    network(torch.rand(1, 3, 64, 64))
    encoded = [sizes[f"encoder.{i}"][1] for i in range(5)]
    assert encoded == [(2, 32, 32), (4, 16, 16), (8, 8, 8), (16, 4, 4), (16, 2, 2)]
    for block in range(1, 4):  # takes the block below and the encoder's equal
        taken, below = sizes[f"decoder.{block}"][0], sizes[f"decoder.{block - 1}"][1]
        equal = encoded[4 - block]
        assert taken == (below[0] + equal[0], *equal[1:]) and below[1:] == equal[1:]


def test_is_larger_than_the_baseline_from_128_pixels_on():
    for size in (128, 256, 512):
        assert count(EnhancedUNet(size, 8)) > count(UNet(size, 8))
    for size in (32, 64):  # as its description says
        assert count(EnhancedUNet(size, 8)) < count(UNet(size, 8))
    for size in (64, 128, 256, 512):  # of as many levels
        assert count(EnhancedUNet(size, 8)) > 1.4 * count(UNet(size // 2, 8))


@pytest.mark.parametrize("size", [64, 256])
def test_extra_convolutions_are_one_a_block(size):
    network = EnhancedUNet(size, 8)
    difference = count(network) - count(EnhancedUNet(size, 8, extra_conv=False))
    extra = [m for m in network.modules() if getattr(m, "kernel_size", None) == (3, 3)]
    assert len(extra) == 2 * (size.bit_length() - 2)
    # weights, biases and a batch norm each; the output block's 3x3 paints 3 of 8 channels in
    # place of a transposed 4x4 that did, which now ends in 8
    expected = sum(m.weight.numel() + 3 * m.out_channels for m in extra[:-1])
    expected += (9 * 8 * 3 + 3) + (16 * 16 * 8 + 8) + 2 * 8 - (16 * 16 * 3 + 3)
    assert difference == expected


@pytest.mark.parametrize(
    ("choice", "with_dropout"),
    [("first", [0, 1, 2]), ("last", [3, 4, 5]), ("none", [])],
)
def test_three_decoder_blocks_have_dropout(choice, with_dropout):
    network = EnhancedUNet(256, 2, dropout_blocks=choice)
    assert [i for i, b in enumerate(network.decoder) if count(b, nn.Dropout)] == with_dropout
    assert count(network, nn.Dropout) == len(with_dropout)
    assert all(m.p == 0.5 for m in network.modules() if isinstance(m, nn.Dropout))
    other = EnhancedUNet(256, 2)
    assert [p.shape for p in network.parameters()] == [p.shape for p in other.parameters()]


@pytest.mark.parametrize("extra_conv", [True, False])
def test_norm_switch_takes_it_from_the_first_and_innermost_encoder_block_only(extra_conv):
    network = EnhancedUNet(64, 2, extra_conv=extra_conv, norm_everywhere=False)
    full = EnhancedUNet(64, 2, extra_conv=extra_conv)
    each = 2 if extra_conv else 1
    assert [count(b, nn.BatchNorm2d) for b in full.encoder] == [each] * 5
    assert [count(b, nn.BatchNorm2d) for b in network.encoder] == [0, each, each, each, 0]
    for ours, theirs in ((network.decoder, full.decoder), (network.output, full.output)):
        assert str(ours) == str(theirs)


@pytest.mark.parametrize("training", [True, False])
def test_with_every_difference_off_it_is_the_baseline_with_one_level_fewer(training):
    network = EnhancedUNet(64, 4, extra_conv=False, norm_everywhere=False).train(training)
    baseline = UNet(32, 4).train(training)  # five levels; run on 64 pixels it ends at 2x2 too
    for a, b in zip(baseline.parameters(), network.parameters(), strict=True):
        a.data.copy_(b.data)
    label = torch.rand(2, 3, 64, 64) * 2 - 1
    torch.manual_seed(0)
    ours = network(label)
    torch.manual_seed(0)
    torch.testing.assert_close(ours, baseline(label))


def test_gradients_reach_every_parameter():
    network = EnhancedUNet(32, 2)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert all(m.weight.grad.any() for m in network.modules() if isinstance(m, nn.Conv2d))


def test_unsupported_sizes_and_choices_are_answered_with_the_supported_ones():
    with pytest.raises(UserError, match=r"image_size is 100.*32, 64, 128, 256, 512"):
        EnhancedUNet(100)
    with pytest.raises(UserError, match="dropout_blocks 'all'.*first, last, none"):
        EnhancedUNet(64, dropout_blocks="all")


def test_blocks_halve_and_double():
    assert DecoderBlock(4, 2)(torch.rand(2, 4, 5, 7)).shape == (2, 2, 10, 14)
