"""The enhanced generator of the study: a U-Net of explicit encoder and decoder blocks."""

import torch
from torch import Tensor, nn

from pix2pix_utils.errors import check_choice
from pix2pix_utils.models.initialization import init_normal
from pix2pix_utils.models.unet import down_block, levels_to_one_pixel, up_block


class EncoderBlock(nn.Module):
    """Halve the height and width with a 4x4 convolution, then refine with a 3x3 convolution.

    Each convolution is preceded by LeakyReLU and followed by batch norm. The returned features are
    not activated yet: a decoder block that receives them as a skip applies its own ReLU.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        activate: bool = True,
        normalize: bool = True,
        extra_conv: bool = True,
    ):
        super().__init__()
        layers = [*down_block(channels_in, channels_out, activate, normalize)]
        if extra_conv:
            layers.append(nn.LeakyReLU(0.2))
            layers.append(nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1))
            if normalize:
                layers.append(nn.BatchNorm2d(channels_out))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)  # (N, channels_in, H, W) to (N, channels_out, H / 2, W / 2)


class DecoderBlock(nn.Module):
    """Double the height and width as `up_block` does, then refine with a 3x3 convolution.

    Each convolution is preceded by ReLU and followed by batch norm; dropout comes last.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        dropout: bool = False,
        extra_conv: bool = True,
        upsampling: str = "transposed",
    ):
        super().__init__()
        layers = [*up_block(channels_in, channels_out, True, False, upsampling)]
        if extra_conv:
            layers += [
                nn.ReLU(),
                nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1),
                nn.BatchNorm2d(channels_out),
            ]
        if dropout:
            layers.append(nn.Dropout(0.5))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)  # (N, channels_in, H, W) to (N, channels_out, 2 H, 2 W)


class OutputBlock(nn.Module):
    """The last decoder block: its last convolution returns the three colours, and tanh bounds them.

    No batch norm between that convolution and tanh: it would give the photos of every batch the
    same mean and contrast; at batch size 1, a night scene would get those of a day scene.
    """

    def __init__(
        self,
        channels_in: int,
        width: int,
        extra_conv: bool = True,
        upsampling: str = "transposed",
    ):
        super().__init__()
        channels_out = width if extra_conv else 3
        layers = [*up_block(channels_in, channels_out, extra_conv, False, upsampling)]
        if extra_conv:
            layers += [nn.ReLU(), nn.Conv2d(width, 3, kernel_size=3, padding=1)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)  # (N, channels_in, S / 2, S / 2) to (N, 3, S, S) in [-1, 1]


class EnhancedUNet(nn.Module):
    """The baseline with a second convolution in every block, and batch norm after all but the last.

    The encoder stops at 2x2, one level before the baseline's: batch norm needs more than one value
    per channel, and a batch may be a single image. Filters double from `width` up to 8 `width`. The
    decoder block of each size also receives the encoder's features of that size.

    Input: (N, `channels_in`, S, S), output: (N, 3, S, S) in [-1, 1], with S = `image_size`, one of
    32, 64, ..., 512.

    Three options undo single differences from the baseline, for ablations. `extra_conv=False`
    leaves out the 3x3 convolutions. `norm_everywhere=False` leaves out the batch norm of the first
    and of the innermost encoder block, where the baseline has none. `dropout_blocks` chooses the
    three decoder blocks that end in dropout: the "first" (innermost), the "last" before the output
    block, or "none"; a 32-pixel network has only three. With both booleans off it equals the
    baseline for half the image size, which has the same number of levels. `upsampling` is that of
    `up_block`.

    At 256 pixels and `width` 64 it has 60 million parameters, the baseline 54. Below 128 pixels it
    has fewer than the baseline, whose level at 1x1 is its largest.

    Raises UserError for another size, choice of blocks or upsampling.
    """

    def __init__(
        self,
        image_size: int = 256,
        width: int = 64,
        channels_in: int = 3,
        extra_conv: bool = True,
        norm_everywhere: bool = True,
        dropout_blocks: str = "first",
        upsampling: str = "transposed",
    ):
        super().__init__()
        levels = levels_to_one_pixel(image_size) - 1
        filters = [width * min(2**level, 8) for level in range(levels)]
        innermost = levels - 1
        choices = {"first": range(3), "last": range(innermost - 3, innermost), "none": range(0)}
        check_choice("choice of dropout_blocks", dropout_blocks, choices)

        self.encoder = nn.ModuleList(
            EncoderBlock(
                channels_in=channels_in if level == 0 else filters[level - 1],
                channels_out=filters[level],
                activate=level > 0,
                normalize=norm_everywhere or 0 < level < innermost,
                extra_conv=extra_conv,
            )
            for level in range(levels)
        )
        self.decoder = nn.ModuleList(
            DecoderBlock(
                # every level but the innermost also receives the encoder's features
                channels_in=filters[level] * (1 if level == innermost else 2),
                channels_out=filters[level - 1],
                dropout=innermost - level in choices[dropout_blocks],
                extra_conv=extra_conv,
                upsampling=upsampling,
            )
            for level in reversed(range(1, levels))
        )
        self.output = OutputBlock(filters[0] * 2, width, extra_conv, upsampling)
        self.apply(init_normal)

    def forward(self, label: Tensor) -> Tensor:
        skips = []
        features = label
        for block in self.encoder:
            features = block(features)  # (N, filters[level], S / 2**(level + 1), same)
            skips.append(features)
        skips.pop()  # the innermost features go straight up
        for block in self.decoder:
            features = torch.cat([block(features), skips.pop()], dim=1)
        return self.output(features)
