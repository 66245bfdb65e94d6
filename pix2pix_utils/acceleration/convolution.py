"""Convolutions that are faster on a CPU: matrix products for small feature maps, and Winograd's.

A U-Net's innermost layers have most of its weights and hardly any pixels: 1024 to 512 channels are
8 million weights, 34 MB, for a map of 2x2. torch's convolutions on a CPU copy such weights into
another layout and back in every step, which takes five times as long as the product itself.
Written as one matrix product over the unfolded map, nothing is copied. So is the discriminator's
last layer, whose one output channel torch's convolution is slow for. The layer before it, the
widest, is a quarter of a step at 256x256, and can do with fewer multiplications: in training alone,
since their rounding errors reach a few pixels further than the layer itself. Parameters, names and
results are those of torch's own layers, up to rounding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.acceleration.winograd import TAPS, winograd_convolution

SMALL = 64  # positions of all maps of a batch together; above, torch's convolution is as fast
LARGE = 900  # positions from which the other ways pay off, ...
WIDE = 128 * 256  # ... Winograd's for so many weights of one tap
FEW = 16  # columns; narrower matrices are slow to multiply from the left


class Conv2d(nn.Conv2d):
    """torch's Conv2d: (N, C, H, W) to (N, O, h, w)."""

    padding: tuple[int, ...]  # in pixels; "same" and "valid" are torch's alone

    def forward(self, features: Tensor) -> Tensor:
        if features.device.type != "cpu":
            return super().forward(features)
        batch, _, height, width = features.shape
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        h, w = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
        positions = batch * h * w
        if positions <= SMALL:
            windows = F.unfold(features, kernel, padding=padding, stride=stride)
            out = _product(self.weight.flatten(1), windows, self.bias)
            return out.view(batch, -1, h, w)
        if positions >= LARGE and stride == 1:
            bf16 = torch.is_autocast_enabled("cpu")  # too short for sums of products
            if self.out_channels == 1 and not bf16:
                # with stride 1, a convolution is a transposed one, with the kernel turned around
                kernels = self.weight.flip(2, 3).transpose(0, 1)
                return _spread(features, kernels, self.bias, (h, w), stride, kernel - 1 - padding)
            wide = self.out_channels * self.in_channels >= WIDE
            if kernel == TAPS and wide and self.training and not bf16:
                return winograd_convolution(features, self.weight, self.bias, padding)
        return super().forward(features)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's ConvTranspose2d: (N, C, h, w) to (N, O, H, W)."""

    padding: tuple[int, ...]

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        batch, _, h, w = features.shape
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        if features.device.type != "cpu" or batch * h * w > SMALL:
            return super().forward(features, output_size)
        size = tuple((side - 1) * stride - 2 * padding + kernel for side in (h, w))
        return _spread(features, self.weight, self.bias, size, stride, padding)


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
    if batch == 1 and positions >= FEW:  # nothing is to be transposed
        product = (
            weights @ maps[0] if bias is None else torch.addmm(bias[:, None], weights, maps[0])
        )
        return product[None]
    rows = maps.transpose(1, 2).flatten(0, 1).contiguous()  # (N P, C)
    return F.linear(rows, weights, bias).view(batch, positions, -1).transpose(1, 2).contiguous()


def accelerate_on_cpu(network: nn.Module) -> None:
    """Let the plain convolutions of a network that torchvision built compute as `Conv2d` does."""
    for module in network.modules():
        if type(module) is not nn.Conv2d or module.groups != 1 or module.dilation != (1, 1):
            continue
        square = len({*module.kernel_size}) == len({*module.stride}) == 1
        if square and isinstance(module.padding, tuple) and len({*module.padding}) == 1:
            module.__class__ = Conv2d
