"""Convolutions that are matrix products where feature maps are small.

A U-Net's innermost layers have most of its weights and hardly any pixels: 1024 to 512 channels are
8 million weights, 34 MB, for a map of 2x2. torch's convolutions on a CPU copy such weights into
another layout and back in every step, which takes five times as long as the product itself.
Written as one matrix product over the unfolded map, nothing is copied. Parameters, names and
results are those of torch's own layers, up to rounding.
"""

from torch import Tensor, addmm, nn
from torch.nn import functional as F

SMALL = 64  # positions of all maps of a batch together; above, torch's convolution is as fast


class Conv2d(nn.Conv2d):
    """torch's Conv2d: (N, C, H, W) to (N, O, h, w)."""

    padding: tuple[int, ...]  # in pixels; "same" and "valid" are torch's alone

    def forward(self, features: Tensor) -> Tensor:
        batch, _, height, width = features.shape
        (kernel, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        h, w = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
        if features.device.type != "cpu" or batch * h * w > SMALL:
            return super().forward(features)
        windows = F.unfold(features, kernel, padding=padding, stride=stride)
        windows = windows.transpose(0, 1).flatten(1)  # (C kernel kernel, N h w)
        weights = self.weight.flatten(1)  # (O, C kernel kernel)
        if self.bias is None:
            out = weights @ windows
        else:
            out = addmm(self.bias[:, None], weights, windows)
        return out.view(-1, batch, h, w).transpose(0, 1).contiguous()


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
