"""The street on the model card, painted with the tools of the studio."""

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.widgets.studio import cut_stamps, drawn_stamps, regions

# class of a stamp, its size in percent, and the place of its foot as shares of height and width
ADDED = (
    ("vegetation", 110, 0.62, 0.87),
    ("car", 80, 0.7, 0.55),
    ("person", 110, 0.8, 0.93),
)


def painted_street(data: StreetData) -> np.ndarray:
    """The studio's first scene, to which a tree, a car and a person are added, (S, S) uint8."""
    palette, size = data.palette, data.test.image_size
    stamps = {palette.classes[stamp.class_index]: stamp for stamp in drawn_stamps(palette, size)}
    whole_cars = [s for s in cut_stamps(data.train) if palette.classes[s.class_index] == "car"]
    if whole_cars:  # seen from behind; the drawn one crosses the street
        stamps["car"] = whole_cars[0]
    street = np.array(data.test.classes[0])
    for name, percent, row, column in ADDED:
        shape, index = _scaled(stamps[name].shape, percent), stamps[name].class_index
        street = regions.put(street, shape, index, int(row * size), int(column * size))
    return street


def _scaled(shape: np.ndarray, percent: int) -> np.ndarray:
    """A shape (h, w) at a size in percent, by nearest neighbour as in the studio's canvas."""
    height, width = (max(1, round(side * percent / 100)) for side in shape.shape)
    rows = (np.arange(height) + 0.5) * shape.shape[0] / height
    columns = (np.arange(width) + 0.5) * shape.shape[1] / width
    return shape[rows.astype(int)[:, None], columns.astype(int)]
