"""Convolutions that are faster on a CPU, swapped into a network of plain torch layers.

A U-Net's innermost layers have most of its weights and hardly any pixels: 1024 to 512 channels are
8 million weights, 34 MB, for a map of 2x2. torch's CPU convolutions copy such weights into another
layout and back in every step, which takes five times as long as the product itself. As one matrix
product over the unfolded map, the convolution copies no weights. PatchGAN's last layer is a matrix
product too, since torch's convolution is slow for its single output channel. The layer before it,
the widest, takes a quarter of a step at 256x256; in training it is computed with fewer
multiplications. Resizing and a 3x3 convolution, which multiply each weight with four equal pixels,
are one transposed convolution with fewer, larger weights.
"""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.acceleration.winograd import TAPS, winograd_convolution
from pix2pix_utils.models.unet import ResizeConvolution

MAX_MATMUL_POSITIONS = 64  # of all maps of a batch; above, torch's convolution is as fast
MIN_LARGE_POSITIONS = 900  # of all maps of a batch; below, torch's convolution is as fast
MIN_WINOGRAD_CHANNEL_PAIRS = 128 * 256  # input times output channels
MIN_RESIZED_POSITIONS = 128  # before resizing; below, summing the weights takes longer
MIN_MATMUL_COLUMNS = 16  # narrower matrices are slow to multiply from the left


def accelerate_on_cpu(network: nn.Module) -> nn.Module:
    """Replace a network's plain convolutions with versions that are faster on a CPU; returns it.

    Parameters, their names and `isinstance` checks do not change; outputs and gradients equal
    torch's up to rounding. Convolutions with groups, dilation, output padding, padding other than
    zeros, or unequal numbers for height and width are left alone, and so are 1x1 convolutions to at
    most 3 channels, which have hardly any weights. torch's own convolutions are used on a GPU, for
    unbatched input, or when `output_size` is given.
    """
    for module in network.modules():
        if type(module) in _FASTER and _is_suitable(module):
            module.__class__ = _FASTER[type(module)]
    return network


class Conv2d(nn.Conv2d):
    """torch's Conv2d: (N, C, H, W) to (N, O, h, w)."""

    padding: tuple[int, ...]  # never "same" or "valid"

    def forward(self, features: Tensor) -> Tensor:
        if features.device.type != "cpu" or features.dim() != 4:
            return super().forward(features)
        batch, _, height, width = features.shape
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        h, w = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
        positions = batch * h * w
        if positions <= MAX_MATMUL_POSITIONS:
            windows = F.unfold(features, kernel, padding=padding, stride=stride)
            out = _product(self.weight.flatten(1), windows, self.bias)
            return out.view(batch, -1, h, w)
        if positions >= MIN_LARGE_POSITIONS and stride == 1:
            bf16 = torch.is_autocast_enabled("cpu")  # too short for sums of products
            if self.out_channels == 1 and not bf16:
                # with stride 1, a convolution is a transposed one, with the kernel turned around
                kernels = self.weight.flip(2, 3).transpose(0, 1)
                return _spread(features, kernels, self.bias, (h, w), stride, kernel - 1 - padding)
            wide = self.out_channels * self.in_channels >= MIN_WINOGRAD_CHANNEL_PAIRS
            if kernel == TAPS and wide and self.training and not bf16:
                return winograd_convolution(features, self.weight, self.bias, padding)
        return super().forward(features)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's ConvTranspose2d: (N, C, h, w) to (N, O, H, W)."""

    padding: tuple[int, ...]

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        if (
            features.device.type != "cpu"
            or features.dim() != 4
            or output_size is not None
            or features[:, 0].numel() > MAX_MATMUL_POSITIONS
        ):
            return super().forward(features, output_size)
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        size = tuple((side - 1) * stride - 2 * padding + kernel for side in features.shape[2:])
        return _spread(features, self.weight, self.bias, size, stride, padding)


class FasterResizeConvolution(ResizeConvolution, Conv2d):
    """Nearest-neighbour resizing and a 3x3 convolution: (N, C, h, w) to (N, O, 2 h, 2 w).

    The four pixels that resizing makes of one are equal, so a 3x3 window covers 2x2 of the pixels
    before resizing, each with the sum of its weights. These sums are a 4x4 kernel of a transposed
    convolution, which takes 16 multiplications per pixel and channel pair, in place of 36.
    """

    def forward(self, features: Tensor) -> Tensor:
        if (
            features.device.type != "cpu"
            or features.dim() != 4
            or features[:, 0].numel() < MIN_RESIZED_POSITIONS
        ):
            return super().forward(features)
        sums = self.weight.flatten(2) @ _weight_sums().to(self.weight.dtype)  # (O, C, 16)
        kernels = sums.unflatten(2, (4, 4)).transpose(0, 1)
        return F.conv_transpose2d(features, kernels, self.bias, stride=2, padding=1)


_FASTER: dict[type, type] = {
    nn.Conv2d: Conv2d,
    nn.ConvTranspose2d: ConvTranspose2d,
    ResizeConvolution: FasterResizeConvolution,
}


def _is_suitable(layer) -> bool:
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str) or layer.groups != 1:
        return False
    is_head = layer.kernel_size == (1, 1) and layer.out_channels <= 3
    pairs = (layer.kernel_size, layer.stride, layer.padding)
    is_square = all(height == width for height, width in pairs)
    is_plain = layer.dilation == (1, 1) and layer.output_padding == (0, 0)
    return is_square and is_plain and not is_head


@cache
def _weight_sums() -> Tensor:
    """Which of the 3x3 weights each of the 4x4 sums has, (9, 16), of zeros and ones."""
    along_an_axis = torch.tensor([[0.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
    return torch.kron(along_an_axis, along_an_axis)


def _spread(
    features: Tensor,
    kernels: Tensor,
    bias: Tensor | None,
    size: tuple[int, ...],
    stride: int,
    padding: int,
) -> Tensor:
    """The sum of the kernels (C, O, k, k), each put at every position and times its feature."""
    windows = _product(kernels.flatten(1).t(), features.flatten(2))  # (N, O k k, h w)
    out = F.fold(windows, size, kernels.shape[2:], padding=padding, stride=stride)
    return out if bias is None else out + bias[:, None, None]


def _product(weights: Tensor, maps: Tensor, bias: Tensor | None = None) -> Tensor:
    """(O, C) times (N, C, P), as one product of matrices: (N, O, P)."""
    batch, _, positions = maps.shape
    if batch == 1 and positions >= MIN_MATMUL_COLUMNS:  # nothing is to be transposed
        if bias is None:
            return (weights @ maps[0])[None]
        return torch.addmm(bias[:, None], weights, maps[0])[None]
    rows = maps.transpose(1, 2).flatten(0, 1).contiguous()  # (N P, C)
    return F.linear(rows, weights, bias).view(batch, positions, -1).transpose(1, 2).contiguous()
