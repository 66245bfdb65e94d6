"""Reference predictors without a network, to compare scores with, and the oracle.

Each function is fitted on the train split and returns a `Predictor`. Reference predictors see the
label map only; the oracle returns the real photo, which gives the best value of every measure.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.evaluation.predictors import Predictor

MATCH_SIZE = 32  # pixels, height and width at which label maps are compared


def mean_image(train: StreetPairs) -> Predictor:
    """The mean of all training photos, for every label map."""
    total = np.zeros(train.photos.shape[1:], dtype=np.float64)
    for photo in train.photos:  # one by one: the photos are a memory map
        total += photo
    mean = torch.from_numpy(total / len(train) / 127.5 - 1).permute(2, 0, 1).float()
    return lambda batch: mean.expand(len(batch["classes"]), -1, -1, -1)


def class_color(train: StreetPairs) -> Predictor:
    """The mean colour of each pixel's class in the training photos."""
    colors, _ = _mean_colors(train)
    return lambda batch: colors[batch["classes"]].permute(0, 3, 1, 2).contiguous()


def class_row_color(train: StreetPairs) -> Predictor:
    """The mean colour of each pixel's class in the same image row of the training photos."""
    _, colors = _mean_colors(train)
    row = torch.arange(train.image_size)[:, None]
    return lambda batch: colors[row, batch["classes"]].permute(0, 3, 1, 2).contiguous()


def nearest_label_map(train: StreetPairs) -> Predictor:
    """The photo of the training pair whose label map agrees in the most pixels."""
    size = min(MATCH_SIZE, train.image_size)
    stored = _thumbnails(torch.from_numpy(np.array(train.classes)), size)  # (N, size * size)

    def predict(batch: dict) -> Tensor:
        small = _thumbnails(batch["classes"], size)
        agreement = torch.stack([(stored == one).sum(dim=1) for one in small])
        return train.batch(agreement.argmax(dim=1).tolist())["photo"]

    return predict


def real_photo(train: StreetPairs) -> Predictor:
    """The real photo itself."""
    return lambda batch: batch["photo"]


REFERENCE_PREDICTORS = {
    "mean image": mean_image,
    "class colour": class_color,
    "class and row colour": class_row_color,
    "nearest training label map": nearest_label_map,
}
ORACLE = {"real photo": real_photo}


def _mean_colors(train: StreetPairs) -> tuple[Tensor, Tensor]:
    """Mean colours in [-1, 1] by class, (C, 3), and by image row and class, (S, C, 3).

    A class absent from a row gets its overall mean.
    """
    size, count = train.image_size, len(train.palette)
    sums = np.zeros((size * count, 3))
    pixels = np.zeros(size * count)
    row_offset = np.arange(size)[:, None] * count
    for classes, photo in zip(train.classes, train.photos, strict=True):
        key = (classes + row_offset).ravel()
        pixels += np.bincount(key, minlength=size * count)
        for channel in range(3):
            values = photo[..., channel].ravel()
            sums[:, channel] += np.bincount(key, weights=values, minlength=size * count)
    total, area = sums.reshape(size, count, 3), pixels.reshape(size, count)

    of_class = area.sum(axis=0)[:, None]
    everything = total.sum(axis=(0, 1)) / area.sum()
    overall = np.where(of_class > 0, total.sum(axis=0) / np.maximum(of_class, 1), everything)
    by_row = np.where((area > 0)[..., None], total / np.maximum(area, 1)[..., None], overall)
    in_range = [torch.from_numpy(colors / 127.5 - 1).float() for colors in (overall, by_row)]
    return in_range[0], in_range[1]


def _thumbnails(classes: Tensor, size: int) -> Tensor:
    """Nearest-neighbour reduction of class maps (N, S, S) to (N, size * size) uint8."""
    small = F.interpolate(classes[:, None].float(), size=(size, size), mode="nearest")
    return small.flatten(1).to(torch.uint8)
