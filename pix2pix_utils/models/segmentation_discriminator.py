"""A discriminator that segments the photo (OASIS, Sushko et al. 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.errors import UserError
from pix2pix_utils.models.initialization import init_normal
from pix2pix_utils.models.label_input import nearest_class, one_hot
from pix2pix_utils.models.unet import ResizeConvolution, down_block

LEVELS = 4  # halvings of the photo


class SegmentationDiscriminator(nn.Module):
    """A U-Net that finds the class of each pixel of a photo, or that the pixel was generated.

    It sees the photo alone. For a real photo it learns the classes of the label map; for a
    generated one, the further class "generated"; the generator learns to have its pixels taken for
    their classes. So it is told at every pixel what is missing there, not only that something is.

    Input: label map as colours and photo, each (N, 3, S, S) in [-1, 1], S even and at least
    32. Output: (N, 3, S, S), at each pixel the log-probability of the label map's class, the
    log-probability of "generated", and a weight for the first: inversely proportional to the number
    of the batch's pixels of that class, with a mean of 1, so that every class that occurs counts
    equally, rare or not.

    `colors`: the class colours of the palette, (K, 3) in [-1, 1]; they are not in the state dict,
    as they belong to the data. Batch norm keeps the training stable in place of the paper's
    spectral normalisation, and plain blocks replace residual ones. Raises UserError if the colours
    are missing.
    """

    colors: Tensor

    def __init__(self, width: int = 64, colors: Tensor | None = None):
        super().__init__()
        if colors is None:
            raise UserError(
                "the discriminator segmentation needs the class colours: pass the palette's as "
                "colors, or use another discriminator, such as patchgan"
            )
        self.register_buffer("colors", colors, persistent=False)
        filters = [width * 2**level for level in range(LEVELS)]
        self.down = nn.ModuleList(
            down_block(
                channels_in=3 if level == 0 else filters[level - 1],
                channels_out=filters[level],
                activate=level > 0,
                normalize=level > 0,
            )
            for level in range(LEVELS)
        )
        self.up = nn.ModuleList(
            _up_block(
                # every level but the innermost also receives the encoder's features
                channels_in=filters[level] * (1 if level == LEVELS - 1 else 2),
                channels_out=filters[level - 1],
            )
            for level in reversed(range(1, LEVELS))
        )
        # the last level, at full size, sees the photo itself beside the features
        self.enlarge = nn.Sequential(nn.LeakyReLU(0.2), ResizeConvolution(2 * width, width))
        self.look = nn.Conv2d(3, width, kernel_size=3, padding=1)
        self.classify = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Conv2d(width, len(colors) + 1, kernel_size=1)
        )
        self.apply(init_normal)

    def forward(self, label: Tensor, photo: Tensor) -> Tensor:
        return self.features(label, photo)[-1]

    def features(self, label: Tensor, photo: Tensor) -> list[Tensor]:
        """The activations of the encoder's and decoder's levels, then what `forward` returns."""
        activations = []
        values = photo
        for block in self.down:
            values = block(values)  # (N, filters[level], S / 2**(level + 1), same)
            activations.append(values)
        skips = activations[:-1]
        for block in self.up:
            skip = skips.pop()
            values = F.interpolate(block(values), size=skip.shape[-2:], mode="nearest")
            activations.append(values)
            values = torch.cat([values, skip], dim=1)
        values = self.enlarge(values) + self.look(photo)  # (N, width, S, S)
        activations.append(values)
        return [*activations, self._judge(label, self.classify(values))]

    def _judge(self, label: Tensor, logits: Tensor) -> Tensor:
        """What `forward` returns, from the logits of the classes and of "generated"."""
        classes = nearest_class(label, self.colors)[:, None]
        probabilities = F.log_softmax(logits, dim=1, dtype=label.dtype)  # not autocast's
        pixels = one_hot(classes[:, 0], len(self.colors), label.dtype).sum(dim=(0, 2, 3))  # (K,)
        weights = classes.numel() / (pixels.clamp(min=1) * (pixels > 0).sum())
        planes = [probabilities.gather(1, classes), probabilities[:, -1:], weights[classes]]
        return torch.cat(planes, dim=1)


def _up_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """LeakyReLU, 3x3 convolution, batch norm; upsampling follows, where it costs least."""
    return nn.Sequential(
        nn.LeakyReLU(0.2),
        nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1),
        nn.BatchNorm2d(channels_out),
    )
