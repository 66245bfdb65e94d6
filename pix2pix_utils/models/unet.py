"""The U-Net generator of the baseline (Isola et al. 2017, as in znxlwm/pytorch-pix2pix)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.models.initialization import init_normal

IMAGE_SIZES = (32, 64, 128, 256, 512)
UPSAMPLINGS = ("transposed", "resize")


def levels_to_one_pixel(image_size: int) -> int:
    """How many halvings reduce an image to 1x1; raises UserError for a size no U-Net supports."""
    if image_size not in IMAGE_SIZES:
        sizes = ", ".join(map(str, IMAGE_SIZES))
        raise UserError(f"image_size is {image_size}, but a U-Net needs one of {sizes}")
    return image_size.bit_length() - 1  # 256 = 2 ** 8


class ResizeConvolution(nn.Conv2d):
    """Double the height and width by nearest-neighbour resizing, then a 3x3 convolution.

    In a transposed convolution, odd and even pixels are computed with different weights, which can
    show as a weave; here all share them (Odena et al. 2016, "Deconvolution and checkerboard
    artifacts"). Input: (N, `channels_in`, h, w). Output: (N, `channels_out`, 2 h, 2 w).
    """

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out, kernel_size=3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(F.interpolate(features, scale_factor=2, mode="nearest"))


def down_block(
    channels_in: int, channels_out: int, activate: bool, normalize: bool
) -> nn.Sequential:
    """Halve the height and width: LeakyReLU, 4x4 convolution with stride 2, batch norm."""
    layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if activate else []
    layers.append(nn.Conv2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1))
    if normalize:
        layers.append(nn.BatchNorm2d(channels_out))
    return nn.Sequential(*layers)


def up_block(
    channels_in: int,
    channels_out: int,
    normalize: bool,
    dropout: bool,
    upsampling: str = "transposed",
) -> nn.Sequential:
    """Double the height and width: ReLU, upsampling, batch norm, dropout.

    The upsampling is a "transposed" 4x4 convolution, or a ResizeConvolution ("resize"). Raises
    UserError for another upsampling.
    """
    check_choice("upsampling", upsampling, UPSAMPLINGS)
    layers: list[nn.Module] = [nn.ReLU()]
    if upsampling == "transposed":
        layers.append(
            nn.ConvTranspose2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1)
        )
    else:
        layers.append(ResizeConvolution(channels_in, channels_out))
    if normalize:
        layers.append(nn.BatchNorm2d(channels_out))
    if dropout:
        layers.append(nn.Dropout(0.5))
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """An encoder down to one pixel, a decoder back up, and skip connections between equal sizes.

    Eight levels at 256x256; one fewer or more for each halving or doubling of the image, so the
    innermost feature map is 1x1 at every size. The innermost encoder level has no batch norm: at
    batch size 1, one value per channel has no spread to normalise by. The filters double from
    `width` up to 8 `width`. The three innermost decoder levels have dropout. `upsampling` is that
    of `up_block`.

    Input: (N, `channels_in`, S, S), output: (N, 3, S, S) in [-1, 1], with S = `image_size`, one of
    32, 64, ..., 512. Raises UserError for another size or upsampling.
    """

    def __init__(
        self,
        image_size: int = 256,
        width: int = 64,
        channels_in: int = 3,
        upsampling: str = "transposed",
    ):
        super().__init__()
        levels = levels_to_one_pixel(image_size)
        filters = [width * min(2**level, 8) for level in range(levels)]
        innermost = levels - 1

        self.down = nn.ModuleList(
            down_block(
                channels_in=channels_in if level == 0 else filters[level - 1],
                channels_out=filters[level],
                activate=level > 0,
                normalize=0 < level < innermost,
            )
            for level in range(levels)
        )
        self.up = nn.ModuleList(
            up_block(
                # every level but the innermost also receives the encoder's features
                channels_in=filters[level] * (1 if level == innermost else 2),
                channels_out=3 if level == 0 else filters[level - 1],
                normalize=level > 0,
                dropout=innermost - level < 3,
                upsampling=upsampling,
            )
            for level in reversed(range(levels))
        )
        self.apply(init_normal)

    def forward(self, label: Tensor) -> Tensor:
        skips = []
        features = label
        for block in self.down:
            features = block(features)  # (N, filters[level], S / 2**(level + 1), same)
            skips.append(features)
        skips.pop()  # the innermost features go straight up
        for block in self.up[:-1]:
            features = torch.cat([block(features), skips.pop()], dim=1)
        return torch.tanh(self.up[-1](features))
