"""Predictions that no network made: what a score means shows only beside these.

Each function fits on the train split and returns a `Predictor`. The floors ignore the target. The
ceiling is the target, and no prediction: a measure's best value.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.evaluation.predictors import Predictor

MATCH_SIZE = 32  # pixels; label maps are compared at this size


def mean_image(train: StreetPairs) -> Predictor:
    """The mean of all training photos, whatever the label map."""
    total = np.zeros(train.photos.shape[1:], dtype=np.float64)
    for photo in train.photos:
        total += photo
    mean = to_float_photo(total / len(train))
    return lambda batch: mean.expand(len(batch["classes"]), -1, -1, -1)


def class_color(train: StreetPairs) -> Predictor:
    """Each pixel gets its class's mean colour in the training photos."""
    colors = _mean_colors(train, by_row=False)  # (1, C, 3)
    return lambda batch: _painted(batch["classes"], colors)


def class_row_color(train: StreetPairs) -> Predictor:
    """Each pixel gets its class's mean colour in the same image row of the training photos."""
    colors = _mean_colors(train, by_row=True)  # (S, C, 3)
    return lambda batch: _painted(batch["classes"], colors)


def nearest_label_map(train: StreetPairs) -> Predictor:
    """The photo of the training pair whose label map agrees in most pixels."""
    size = min(MATCH_SIZE, train.image_size)
    stored = _thumbnails(torch.from_numpy(np.array(train.classes)), size)  # (N, size * size)

    def predict(batch: dict) -> Tensor:
        wanted = _thumbnails(batch["classes"], size)
        agreement = torch.stack([(stored == one).sum(dim=1) for one in wanted])
        return train.batch(agreement.argmax(dim=1).tolist())["photo"]

    return predict


def real_photo(train: StreetPairs) -> Predictor:
    """The answer itself, for the ceiling of every measure."""
    return lambda batch: batch["photo"]


REFERENCE_PREDICTORS = {
    "mean image": mean_image,
    "class colour": class_color,
    "class and row colour": class_row_color,
    "nearest training label map": nearest_label_map,
}
ORACLE = {"real photo": real_photo}


def to_float_photo(photo: np.ndarray) -> Tensor:
    """(H, W, 3) floats in 0..255 to (3, H, W) in [-1, 1]."""
    return torch.from_numpy(photo / 127.5 - 1).permute(2, 0, 1).float()


def _mean_colors(train: StreetPairs, by_row: bool) -> Tensor:
    """Mean colour (rows, C, 3) in [-1, 1]; a class unseen in a row gets its overall mean."""
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

    everything = total.sum(axis=(0, 1)) / area.sum()
    seen = area.sum(axis=0) > 0
    overall = np.where(
        seen[:, None], total.sum(axis=0) / np.maximum(area.sum(axis=0), 1)[:, None], everything
    )
    if not by_row:
        return torch.from_numpy(overall[None] / 127.5 - 1).float()
    rows = np.where((area > 0)[..., None], total / np.maximum(area, 1)[..., None], overall[None])
    return torch.from_numpy(rows / 127.5 - 1).float()


def _painted(classes: Tensor, colors: Tensor) -> Tensor:
    """Class maps (N, S, S) to photos (N, 3, S, S), with colours (1 or S, C, 3)."""
    size = classes.shape[-2]
    rows = torch.arange(size)[:, None] if len(colors) > 1 else torch.zeros(1, 1, dtype=torch.long)
    return colors[rows, classes].permute(0, 3, 1, 2).contiguous()


def _thumbnails(classes: Tensor, size: int) -> Tensor:
    """Nearest-neighbour reduction of class maps (N, S, S) to (N, size * size) uint8."""
    small = F.interpolate(classes[:, None].float(), size=(size, size), mode="nearest")
    return small.flatten(1).to(torch.uint8)
