"""The PatchGAN discriminator (Isola et al. 2017, as in znxlwm/pytorch-pix2pix)."""

import torch
from torch import Tensor, nn

from pix2pix_utils.models.initialization import init_normal


class PatchGAN(nn.Module):
    """Scores every 70x70 patch of a photo as real or generated, given its label map.

    Input: label map (N, `label_channels`, S, S) and photo (N, 3, S, S) in [-1, 1]. Output: raw
    scores (N, 1, h, w), one per patch, with h = w = S / 8 - 2 (30 for 256); positive means real.
    The paper's final sigmoid is part of the loss, where it is numerically stable.
    """

    def __init__(self, width: int = 64, label_channels: int = 3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(label_channels + 3, width, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            *self._block(width, width * 2, stride=2),
            *self._block(width * 2, width * 4, stride=2),
            *self._block(width * 4, width * 8, stride=1),
            nn.Conv2d(width * 8, 1, kernel_size=4, stride=1, padding=1),
        )
        self.apply(init_normal)

    @staticmethod
    def _block(channels_in: int, channels_out: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(channels_in, channels_out, kernel_size=4, stride=stride, padding=1),
            nn.BatchNorm2d(channels_out),
            nn.LeakyReLU(0.2),
        ]

    def forward(self, label: Tensor, photo: Tensor) -> Tensor:
        return self.features(label, photo)[-1]

    def features(self, label: Tensor, photo: Tensor) -> list[Tensor]:
        """The activations of the five convolutions; the last are the scores, (N, 1, h, w)."""
        activations = []
        values = torch.cat([label, photo], dim=1)
        for layer in self.layers:
            values = layer(values)
            if isinstance(layer, nn.LeakyReLU):
                activations.append(values)
        return [*activations, values]
