"""Augmentation of training pairs: horizontal flips and colour jitter.

A flip moves every pixel, so label map and photo are flipped together. Colour jitter is a change of
light: it applies to the photo alone, since a label map's colours name classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2

from pix2pix_utils.errors import check_choice

Augmentation = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps label maps and photos (N, 3, S, S) in [-1, 1] to new ones; uses torch's global generator."""

AUGMENTATIONS = ("none", "flip", "jitter", "flip+jitter")

# The report calls its jitter "custom" and gives no strength. This one is mild: day stays day.
_JITTER = v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05)
_FLIP = v2.RandomHorizontalFlip(p=0.5)


def flip(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror each pair left to right with probability 1/2: both images or neither."""
    pairs = torch.cat([label, photo], dim=1)  # one image of six channels is flipped as a whole
    flipped = torch.stack([_FLIP(pair) for pair in pairs])
    return flipped[:, :3].contiguous(), flipped[:, 3:].contiguous()


def jitter(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Change brightness, contrast, saturation and hue of each photo.

    Label maps are returned unchanged.
    """
    jittered = torch.stack([_JITTER((one + 1) / 2) for one in photo])
    return label, jittered * 2 - 1


def build_augmentation(name: str) -> Augmentation:
    """The augmentation of this name, one of `AUGMENTATIONS`; raises UserError for any other."""
    check_choice("augmentation", name, AUGMENTATIONS)
    steps = [{"flip": flip, "jitter": jitter}[step] for step in name.split("+") if step != "none"]

    def augment(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
        for step in steps:
            label, photo = step(label, photo)
        return label, photo

    return augment
