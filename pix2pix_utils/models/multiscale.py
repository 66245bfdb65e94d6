"""PatchGANs on two scales of the photo (pix2pixHD, Wang et al. 2018)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.models.patchgan import PatchGAN

SMALLEST_SIZE = 32  # pixels that a PatchGAN can score


class MultiScalePatchGAN(nn.Module):
    """A PatchGAN for the pair of label map and photo, and one for the pair at half its size.

    A patch of the coarse one covers 140x140 pixels of the photo. It sees whether larger shapes are
    right, and the fine one sees the texture.

    Input: label map (N, `label_channels`, S, S) and photo (N, 3, S, S) in [-1, 1]. Output: raw
    scores (N, 2, h, w), positive means real: the fine scores, with h = w = S / 8 - 2, and the
    coarse ones, repeated to the same size, so that both count equally in a mean. A halved pair
    below 32 pixels is enlarged to 32: at 32 pixels, the coarse PatchGAN sees the same patches as
    the fine one, but blurred.
    """

    def __init__(self, width: int = 64, label_channels: int = 3):
        super().__init__()
        self.fine = PatchGAN(width, label_channels)
        self.coarse = PatchGAN(width, label_channels)

    def forward(self, label: Tensor, photo: Tensor) -> Tensor:
        return self.features(label, photo)[-1]

    def features(self, label: Tensor, photo: Tensor) -> list[Tensor]:
        """The activations of both PatchGANs, the fine one's first; the last are the scores."""
        *fine_features, fine = self.fine.features(label, photo)
        *coarse_features, coarse = self.coarse.features(_halved(label), _halved(photo))
        coarse = F.interpolate(coarse, fine.shape[-2:], mode="nearest")
        return [*fine_features, *coarse_features, torch.cat([fine, coarse], dim=1)]


def _halved(image: Tensor) -> Tensor:
    """(N, C, S, S) to (N, C, S / 2, S / 2), but at least 32 pixels."""
    small = F.avg_pool2d(image, 2)
    if (smallest := min(small.shape[-2:])) < SMALLEST_SIZE:
        size = [round(side * SMALLEST_SIZE / smallest) for side in small.shape[-2:]]
        small = F.interpolate(small, size, mode="bilinear", align_corners=False)
    return small
