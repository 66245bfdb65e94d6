"""A small generator with spatially-adaptive normalisation (SPADE, Park et al. 2019)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.models.initialization import init_normal

HALVINGS = 4  # from the image to the features that the generator starts from


class SpatiallyAdaptiveNorm(nn.Module):
    """Batch norm whose scale and shift differ from pixel to pixel, as the label map says.

    Ordinary batch norm would wash out a label map with large areas of one class: where all values
    are equal, subtracting their mean leaves zero. Here the label map's features, the guide, give
    every pixel the scale and shift that its class needs.

    Input: features (N, C, h, w) and guide (N, G, h, w). Output: (N, C, h, w).
    """

    def __init__(self, channels: int, guide_channels: int):
        super().__init__()
        self.normalize = nn.BatchNorm2d(channels, affine=False)
        self.scale_and_shift = nn.Conv2d(guide_channels, 2 * channels, kernel_size=1)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift(guide).chunk(2, dim=1)
        return self.normalize(features) * (1 + scale) + shift


class Guide(nn.Module):
    """The label map's features at one size, for the normalisations there: (N, G, h, w) twice."""

    def __init__(self, channels: int):
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, planes: Tensor) -> Tensor:
        return F.relu(self.convolution(planes))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after normalisation and LeakyReLU, beside a shortcut.

    Input: features (N, `channels_in`, h, w) and the label map's planes (N, G, h, w). Output:
    (N, `channels_out`, h, w).
    """

    def __init__(self, channels_in: int, channels_out: int, guide_channels: int):
        super().__init__()
        self.guide = Guide(guide_channels)
        self.norms = nn.ModuleList(
            SpatiallyAdaptiveNorm(channels, guide_channels)
            for channels in (channels_in, channels_out)
        )
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, channels_out, kernel_size=3, padding=1)
            for channels in (channels_in, channels_out)
        )
        self.shortcut = (
            nn.Identity()
            if channels_in == channels_out
            else nn.Conv2d(channels_in, channels_out, kernel_size=1, bias=False)
        )
        self.convolutions.apply(init_normal)
        self.shortcut.apply(init_normal)

    def forward(self, features: Tensor, planes: Tensor) -> Tensor:
        guide = self.guide(planes)
        changed = features
        for normalize, convolve in zip(self.norms, self.convolutions, strict=True):
            changed = convolve(F.leaky_relu(normalize(changed, guide), 0.2))
        return self.shortcut(features) + changed


class SpadeGenerator(nn.Module):
    """From the label map at 1/16 of its size up to the photo, guided by the label map at each size.

    A 1x1 convolution turns the label map into `width` planes (with one-hot input, a vector for each
    class); average pooling halves them to every size. The smallest are the beginning; at each size
    follow a residual block and nearest-neighbour upsampling, and at full size one more guided
    normalisation, a convolution to the three colours, and tanh. There is no encoder, no skip
    connection, and no transposed convolution. Filters double from `width` at full size up to
    8 `width`.

    Smaller than the paper's network for training on a CPU: no random vector, half the
    convolutions at full size, 1x1 instead of 3x3 convolutions for scale and shift, one guide for
    both normalisations of a block, and none on its shortcut; no spectral normalisation.

    Input: (N, `channels_in`, H, W), output: (N, 3, H, W) in [-1, 1], any height and width from 32.
    `image_size`, which every generator takes, has no effect: the network is convolutional.
    """

    def __init__(self, image_size: int = 256, width: int = 64, channels_in: int = 3):
        super().__init__()
        filters = [width * min(2**level, 8) for level in range(HALVINGS + 1)]
        self.planes = nn.Conv2d(channels_in, width, kernel_size=1)
        self.start = nn.Conv2d(width, filters[-1], kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(
            ResidualBlock(filters[level], filters[level - 1], width)
            for level in reversed(range(1, HALVINGS + 1))
        )
        self.guide = Guide(width)
        self.normalize = SpatiallyAdaptiveNorm(width, width)
        self.output = nn.Conv2d(width, 3, kernel_size=3, padding=1)
        # The convolutions that read the label map keep torch's initial weights: from the smaller
        # ones of the pix2pix paper, the guides of different classes start out nearly equal, and
        # the first hundreds of steps lead less far.
        self.output.apply(init_normal)

    def forward(self, label: Tensor) -> Tensor:
        pyramid = [self.planes(label)]  # (N, width, S / 2**level, same)
        for _ in range(HALVINGS):
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        features = self.start(pyramid[-1])
        for block in self.blocks:
            features = block(features, pyramid.pop())
            features = F.interpolate(features, size=pyramid[-1].shape[-2:], mode="nearest")
        features = self.normalize(features, self.guide(pyramid.pop()))
        return torch.tanh(self.output(F.leaky_relu(features, 0.2)))
