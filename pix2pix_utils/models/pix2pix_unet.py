"""The U-Net of junyanz/pytorch-CycleGAN-and-pix2pix, for the weights released with it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pix2pix_utils.models.initialization import init_normal
from pix2pix_utils.models.unet import levels_to_one_pixel


class UNetLevel(nn.Module):
    """One level of the U-Net and all levels inside it: down, the inner levels, up, and the skip.

    Input: (N, C, H, W). Output: the input and the level's own result, concatenated, (N, 2 C, H, W);
    the outermost level takes (N, `channels_in`, S, S) and returns its result alone, (N, 3, S, S).

    The names and positions of the layers are those of the released files: `model.0`, `model.1`,
    and so on, with the inner level among them. That repository's activations overwrite their input,
    so its skips carry features after LeakyReLU; the ReLU that follows makes both the same.
    """

    def __init__(self, filters: Sequence[int], level: int, channels_in: int):
        super().__init__()
        self.outermost, innermost = level == 0, level == len(filters) - 1
        outside = 3 if self.outermost else filters[level - 1]  # channels
        inside = filters[level]
        taken = channels_in if self.outermost else outside

        layers: list[nn.Module] = [] if self.outermost else [nn.LeakyReLU(0.2)]
        layers.append(nn.Conv2d(taken, inside, kernel_size=4, stride=2, padding=1, bias=False))
        if not (self.outermost or innermost):
            layers.append(nn.BatchNorm2d(inside))
        if not innermost:
            layers.append(UNetLevel(filters, level + 1, channels_in))
        layers.append(nn.ReLU())
        layers.append(
            nn.ConvTranspose2d(
                inside if innermost else inside * 2,
                outside,
                kernel_size=4,
                stride=2,
                padding=1,
                bias=self.outermost,
            )
        )
        layers.append(nn.Tanh() if self.outermost else nn.BatchNorm2d(outside))
        if inside == outside and not innermost:  # the middle levels: three of them at 256x256
            layers.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        result = self.model(features)
        return result if self.outermost else torch.cat([features, result], dim=1)


class Pix2PixUNet(nn.Module):
    """`unet_256` of the repository, state-dict compatible key for key, and its other sizes.

    It differs from the baseline in details: no biases before batch norm, dropout in the middle
    levels instead of the innermost three, batch norm scales from N(1, 0.02).

    Input: (N, `channels_in`, S, S), output: (N, 3, S, S) in [-1, 1], with S = `image_size`, one of
    32, 64, ..., 512; one level fewer or more for each halving or doubling of the image. The
    released files fit 256, `width` 64 and 3 channels. Raises UserError for another size.
    """

    def __init__(self, image_size: int = 256, width: int = 64, channels_in: int = 3):
        super().__init__()
        levels = levels_to_one_pixel(image_size)
        filters = [width * min(2**level, 8) for level in range(levels)]
        self.model = UNetLevel(filters, 0, channels_in)
        self.apply(_init_normal)

    def forward(self, label: Tensor) -> Tensor:
        return self.model(label)


def _init_normal(module: nn.Module) -> None:
    """That repository's initial weights: convolutions N(0, 0.02), batch norm scales N(1, 0.02)."""
    init_normal(module)
    if isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
