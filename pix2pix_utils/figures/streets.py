"""Streets as plain pixels: strips of scenes and single pictures, enlarged without blur."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.pairs import StreetPairs, to_uint8
from pix2pix_utils.evaluation.predictors import Predictor
from pix2pix_utils.files import atomic_write

GAP = 4  # pixels between pictures


def mosaic(rows: Sequence[Sequence[np.ndarray]], scale: int = 1) -> np.ndarray:
    """Pictures of one size in rows and columns on white, each pixel `scale` times as wide and high.

    `rows`: (H, W, 3) uint8 each. Returns one picture (H', W', 3) uint8.
    """
    enlarged = [
        [np.asarray(one).repeat(scale, axis=0).repeat(scale, axis=1) for one in row] for row in rows
    ]
    height, width = enlarged[0][0].shape[:2]
    sheet = np.full(
        (len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP, 3), 255, np.uint8
    )
    for row, pictures in enumerate(enlarged):
        for column, picture in enumerate(pictures):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    return sheet


@torch.no_grad()
def street_strip(
    pairs: StreetPairs,
    predictors: Mapping[str, Predictor],
    count: int = 24,
    scenes_in_a_row: int = 1,
    scale: int = 1,
) -> np.ndarray:
    """Evenly spaced scenes of a split: label map, each model's photo, ground truth.

    The models come in the order of `predictors`. The split's `count` scenes, or all it has, stand
    several in a row if wanted; what remains of the last row is white. Returns (H, W, 3) uint8.
    """
    batch = pairs.batch(evenly_spaced(range(len(pairs)), count))
    columns = [
        to_uint8(batch["label"]),
        *(to_uint8(predict(batch)) for predict in predictors.values()),
        to_uint8(batch["photo"]),
    ]
    scenes = [list(pictures) for pictures in zip(*columns, strict=True)]
    empty = [np.full_like(picture, 255) for picture in scenes[0]]
    scenes += [empty] * (-len(scenes) % scenes_in_a_row)
    firsts = range(0, len(scenes), scenes_in_a_row)
    return mosaic([list(chain(*scenes[i : i + scenes_in_a_row])) for i in firsts], scale)


def save_picture(picture: np.ndarray, path: Path) -> None:
    """Write a picture (H, W, 3) uint8 as PNG or JPEG, by the name's ending.

    Raises WriteError if it cannot be written.
    """
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, optimize=True, quality=90, subsampling=0)
