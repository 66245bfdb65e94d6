"""Pairs as tensors: label map and photo in [-1, 1], batches, and the order of an epoch.

Networks work in [-1, 1], the range of the generator's tanh; metrics work in [0, 1]; images are
shown and stored as 0..255.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pix2pix_utils.data.palette import Palette


def epoch_order(pairs: int, seed: int, epoch: int) -> Tensor:
    """The order of the pairs in an epoch: a permutation that depends on seed and epoch alone."""
    return torch.randperm(pairs, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def to_signed(image: np.ndarray) -> Tensor:
    """Convert a uint8 image (..., H, W, 3) to a float32 tensor (..., 3, H, W) in [-1, 1]."""
    return torch.tensor(image).movedim(-1, -3).contiguous().float().div_(127.5).sub_(1)


def to_unit(image: Tensor) -> Tensor:
    """Convert [-1, 1] to [0, 1], any shape."""
    return (image + 1) / 2


def to_uint8(image: Tensor) -> np.ndarray:
    """Convert a tensor (..., 3, H, W) in [-1, 1] to a uint8 image (..., H, W, 3).

    Rounds and clamps; the exact inverse of `to_signed`.
    """
    bytes_ = ((image.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return bytes_.movedim(-3, -1).cpu().numpy()


def signed_colors(palette: Palette) -> Tensor:
    """The classes' colours as networks see them, (C, 3) float32 in [-1, 1]."""
    return to_signed(palette.colors[:, None, None])[..., 0, 0]


class StreetPairs(Dataset):
    """The label maps and photos of one split, N squares of S x S pixels.

    `photos` (N, S, S, 3) and `classes` (N, S, S) are uint8 arrays, usually memory-mapped. Reading
    a pair is a copy without any decoding, so no worker processes are needed.
    """

    def __init__(
        self,
        photos: np.ndarray,
        classes: np.ndarray,
        names: Sequence[str],
        palette: Palette,
        groups: Sequence[str] | None = None,
    ):
        self.photos = photos
        self.classes = classes
        self.names = list(names)
        self.palette = palette
        # one per pair, as `Item.group`; equal for neighbouring frames of one drive
        self.groups = list(names if groups is None else groups)
        self.signed_colors = signed_colors(palette)

    @property
    def image_size(self) -> int:
        return self.photos.shape[1]

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> dict:
        """One pair: `label` and `photo` (3, S, S) float32 in [-1, 1], `classes` (S, S), `name`."""
        batch = self.batch([index])
        tensors = {key: batch[key][0] for key in ("label", "photo", "classes")}
        return {**tensors, "name": self.names[index]}

    def every(self, step: int, start: int = 0, stop: int | None = None) -> "StreetPairs":
        """Every `step`-th pair, from `start` to before `stop`, as a view."""
        part = slice(start, stop, step)
        return StreetPairs(
            self.photos[part],
            self.classes[part],
            self.names[part],
            self.palette,
            self.groups[part],
        )

    def batch(self, indices: Sequence[int]) -> dict:
        """Several pairs in the order of `indices`.

        `label` and `photo` are (B, 3, S, S) float32 in [-1, 1], `classes` is (B, S, S) int64, and
        `names` is a list.
        """
        indices = list(indices)
        classes = torch.from_numpy(self.classes[indices]).long()
        return {
            "label": self.signed_colors[classes].movedim(-1, -3).contiguous(),
            "photo": to_signed(self.photos[indices]),
            "classes": classes,
            "names": [self.names[index] for index in indices],
        }


def class_frequencies(pairs: StreetPairs) -> np.ndarray:
    """The share of each class in the pixels of a split, (C,) float64, adding up to 1."""
    pixels = np.zeros(len(pairs.palette))
    for classes in pairs.classes:
        pixels += np.bincount(classes.ravel(), minlength=len(pixels))
    return pixels / pixels.sum()
