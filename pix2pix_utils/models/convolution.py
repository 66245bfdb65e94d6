"""Convolutions that are faster on a CPU: matrix products for small feature maps, and Winograd's.

A U-Net's innermost layers have most of its weights and hardly any pixels: 1024 to 512 channels are
8 million weights, 34 MB, for a map of 2x2. torch's convolutions on a CPU copy such weights into
another layout and back in every step, which takes five times as long as the product itself.
Written as one matrix product over the unfolded map, nothing is copied. The discriminator's widest
layer is a quarter of a step at 256x256, and can do with fewer multiplications: in training alone,
since their rounding errors reach a few pixels further than the layer itself. Parameters, names and
results are those of torch's own layers, up to rounding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.models.winograd import TAPS, winograd_convolution

SMALL = 64  # positions of all maps of a batch together; above, torch's convolution is as fast
# Winograd's transforms pay off from here on: positions, and weights of one tap
LARGE, WIDE = 900, 128 * 256


class Conv2d(nn.Conv2d):
    """torch's Conv2d: (N, C, H, W) to (N, O, h, w)."""

    padding: tuple[int, ...]  # in pixels; "same" and "valid" are torch's alone

    def forward(self, features: Tensor) -> Tensor:
        batch, _, height, width = features.shape
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        h, w = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
        positions = batch * h * w
        if features.device.type != "cpu":
            return super().forward(features)
        if positions <= SMALL:
            windows = F.unfold(features, kernel, padding=padding, stride=stride)
            windows = windows.transpose(1, 2).flatten(0, 1).contiguous()  # (N h w, C kernel^2)
            out = F.linear(windows, self.weight.flatten(1), self.bias)
            return out.view(batch, h, w, -1).permute(0, 3, 1, 2).contiguous()
        pays = positions >= LARGE and self.out_channels * self.in_channels >= WIDE
        bf16 = torch.is_autocast_enabled("cpu")  # too short for the transforms
        if (kernel, stride) == (TAPS, 1) and pays and self.training and not bf16:
            return winograd_convolution(features, self.weight, self.bias, padding)
        return super().forward(features)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's ConvTranspose2d: (N, C, h, w) to (N, O, H, W)."""

    padding: tuple[int, ...]

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        batch, channels, h, w = features.shape
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        if features.device.type != "cpu" or batch * h * w > SMALL:
            return super().forward(features, output_size)
        positions = features.permute(0, 2, 3, 1).reshape(-1, channels)  # (N h w, C)
        windows = positions @ self.weight.flatten(1)  # (N h w, O kernel kernel)
        windows = windows.view(batch, h * w, -1).transpose(1, 2)
        size = tuple((side - 1) * stride - 2 * padding + kernel for side in (h, w))
        out = F.fold(windows, size, kernel, padding=padding, stride=stride)
        return out if self.bias is None else out + self.bias[:, None, None]


def use_matrix_products(network: nn.Module) -> None:
    """Let the plain convolutions of a network that torchvision built compute as `Conv2d` does."""
    for module in network.modules():
        if type(module) is not nn.Conv2d or module.groups != 1 or module.dilation != (1, 1):
            continue
        square = len({*module.kernel_size}) == len({*module.stride}) == 1
        if square and isinstance(module.padding, tuple) and len({*module.padding}) == 1:
            module.__class__ = Conv2d
