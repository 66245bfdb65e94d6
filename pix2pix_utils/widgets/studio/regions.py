"""Edits of a class map by regions: select, remove, move, or add one.

The canvas of the studio has these functions in JavaScript, see regions.js. A class map is a (H, W)
uint8 array of class indices; a region is a (H, W) bool array. Every function returns a new class
map and leaves its arguments unchanged.
"""

from collections.abc import Collection

import numpy as np
from skimage.segmentation import expand_labels, flood

from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError

# Countable classes, by Cityscapes' and CamVid's names. A removed object is replaced
# by background (road, buildings, sky and the like), never by another object.
OBJECTS = frozenset(
    (
        *("pole", "traffic light", "traffic sign", "signsymbol"),
        *("person", "pedestrian", "rider", "bicyclist"),
        *("car", "truck", "bus", "train", "motorcycle", "bicycle", "caravan", "trailer"),
        *("dynamic", "unlabeled", "unlabelled"),
    )
)

# Vertical distances count this many times, since streets consist of horizontal layers.
VERTICAL_WEIGHT = 3


def background_classes(palette: Palette) -> list[int]:
    """The indices of the classes that may fill a gap: all but countable objects and unlabelled."""
    return [index for index, name in enumerate(palette.classes) if name.lower() not in OBJECTS]


def connected_region(class_map: np.ndarray, row: int, column: int) -> np.ndarray:
    """The region around a pixel: pixels of its class that touch by a side or a corner.

    Raises UserError for a pixel outside the map.
    """
    height, width = class_map.shape
    if not (0 <= row < height and 0 <= column < width):
        raise UserError(f"the pixel ({row}, {column}) is outside the {height} x {width} label map")
    return flood(class_map, (row, column), connectivity=2)


def remove(class_map: np.ndarray, region: np.ndarray, background: Collection[int]) -> np.ndarray:
    """Remove a region and continue its surroundings in its place.

    Each of its pixels gets the class of the nearest pixel outside whose class is in `background`
    and not one of the region's; if there is none, of the nearest pixel of any other class.
    Distance is Euclidean, with rows counted `VERTICAL_WEIGHT` times. Raises UserError if the map
    has no other class.
    """
    others = ~np.isin(class_map, class_map[region])
    sources = others & np.isin(class_map, list(background))
    if not sources.any():
        sources = others
    if not sources.any():
        raise UserError(
            "the label map has only this class, so nothing can fill the gap; paint another first"
        )
    labels = np.where(sources, class_map.astype(int) + 1, 0)  # 0 is what expand_labels fills
    stretched = np.repeat(labels, VERTICAL_WEIGHT, axis=0)
    nearest = expand_labels(stretched, distance=sum(stretched.shape))
    nearest = nearest[VERTICAL_WEIGHT // 2 :: VERTICAL_WEIGHT] - 1
    return np.where(region, nearest, class_map).astype(np.uint8)


def move(
    class_map: np.ndarray, region: np.ndarray, rows: int, columns: int, background: Collection[int]
) -> np.ndarray:
    """Move a region by some pixels; its old place is filled as by `remove`.

    It covers whatever is at its new place; parts outside the map are cut off.
    """
    row, column = np.nonzero(region)
    filled = remove(class_map, region, background)
    return _paste(filled, row + rows, column + columns, class_map[region])


def put(
    class_map: np.ndarray, shape: np.ndarray, class_index: int, row: int, column: int
) -> np.ndarray:
    """Add a shape (h, w) bool of one class, the middle of its lowest row at a pixel.

    Parts outside the map are cut off.
    """
    row_of, column_of = np.nonzero(shape)
    rows, columns = row_of + row - shape.shape[0] + 1, column_of + column - shape.shape[1] // 2
    return _paste(class_map, rows, columns, np.full(rows.shape, class_index))


def _paste(
    class_map: np.ndarray, rows: np.ndarray, columns: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Set the pixels at these rows and columns, as far as they are inside the map."""
    changed = class_map.copy()
    height, width = class_map.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    changed[rows[inside], columns[inside]] = values[inside]
    return changed
