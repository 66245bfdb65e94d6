"""Classes and their colours: from class index maps to coloured label maps, and back.

A class index map is an integer array (H, W); a label map is its coloured picture (H, W, 3) in
0..255. Scores are computed over the first `evaluated` classes of a palette; the others are void
(unlabelled, or too rare to be judged), but keep their own colours.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error

PALETTES = Path(__file__).parent / "palettes"
MAX_CSV_BYTES = 1 << 16  # 255 classes need less than a quarter of it


@dataclass(frozen=True, eq=False)
class Palette:
    """An ordered set of classes with one distinct colour each."""

    name: str
    classes: tuple[str, ...]
    colors: np.ndarray  # (C, 3) uint8
    evaluated: int  # classes[:evaluated] are scored, the others are void

    def __len__(self) -> int:
        return len(self.classes)

    def index(self, class_name: str) -> int:
        """The index of a class by its name; raises ValueError if there is none."""
        return self.classes.index(class_name)

    def encode(self, class_map: np.ndarray) -> np.ndarray:
        """Colour a class index map: (..., H, W) integers to (..., H, W, 3) uint8.

        Raises UserError for an index outside the palette.
        """
        class_map = np.asarray(class_map)
        if class_map.size and not 0 <= class_map.min() <= class_map.max() < len(self):
            raise UserError(
                f"class indices {class_map.min()} to {class_map.max()} do not fit the palette "
                f"'{self.name}', which has the classes 0 to {len(self) - 1}"
            )
        return self.colors[class_map]

    def decode(self, label_map: np.ndarray) -> np.ndarray:
        """Class index of the nearest palette colour: (..., 3) uint8 to (...) uint8.

        The exact inverse of `encode`. Colours that JPEG or resizing has blended are snapped to
        the nearest class; `distance` says how far off they were.
        """
        return self._nearest(label_map)[0]

    def distance(self, label_map: np.ndarray) -> np.ndarray:
        """Euclidean RGB distance from every pixel to the nearest palette colour, (...) float32."""
        return self._nearest(label_map)[1]

    def to_dict(self) -> dict:
        """Plain values, for a checkpoint."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "colors": self.colors.tolist(),
            "evaluated": self.evaluated,
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Palette":
        """The inverse of `to_dict`; raises KeyError, TypeError or ValueError for anything else."""
        classes = tuple(str(name) for name in values["classes"])
        colors = np.array(values["colors"], dtype=np.int64).reshape(len(classes), 3)
        evaluated = int(values["evaluated"])
        if not 1 <= evaluated <= len(classes) <= 256:
            raise ValueError(f"{evaluated} evaluated classes of {len(classes)}")
        if colors.min() < 0 or colors.max() > 255 or len(np.unique(colors, axis=0)) < len(colors):
            raise ValueError("the colours of a palette must be distinct and in 0..255")
        return cls(str(values["name"]), classes, colors.astype(np.uint8), evaluated)

    def _nearest(self, label_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        label_map = np.asarray(label_map, dtype=np.uint8)
        # A label map has few distinct colours: find the nearest class once for each of them.
        packed = label_map.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
        distinct, inverse = np.unique(packed, return_inverse=True)
        rgb = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=-1)
        best = np.full(len(rgb), np.inf, dtype=np.float32)
        nearest = np.zeros(len(rgb), dtype=np.uint8)
        for index, color in enumerate(self.colors):
            away = np.sqrt(((rgb.astype(np.float32) - color) ** 2).sum(axis=-1))
            nearest[away < best] = index
            best = np.minimum(best, away)
        inverse = inverse.reshape(packed.shape)
        return nearest[inverse], best[inverse]


def read_palette(path: Path, name: str, evaluated: int | None = None) -> Palette:
    """The palette in a CSV file with the columns name,red,green,blue and one line for each class.

    If `evaluated` is None, every class is evaluated. Raises UserError if the file is anything else.
    """
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise UserError(f"{path} has more than {MAX_CSV_BYTES} bytes: it is not a palette")
        with explain_os_error(f"read {path}"), path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        names = tuple(row["name"].strip() for row in rows)
        numbers = [[row[channel].strip() for channel in ("red", "green", "blue")] for row in rows]
        digits = (re.fullmatch("[0-9]{1,9}", number) for line in numbers for number in line)
        if not all(digits) or not all(name and name.isprintable() for name in names):
            raise ValueError
    except (csv.Error, KeyError, ValueError, AttributeError):
        raise UserError(
            f"{path} must have the columns name,red,green,blue, separated by commas, with a name "
            "and three whole numbers in each line"
        ) from None
    colors = np.array(numbers, dtype=np.int64).reshape(-1, 3)
    if not 2 <= len(colors) <= 255 or colors.max() > 255:
        raise UserError(f"{path} must name 2 to 255 classes with colours in 0..255")
    if len(np.unique(colors, axis=0)) < len(colors) or len(set(names)) < len(names):
        raise UserError(f"{path} holds a name or a colour twice")
    colors = colors.astype(np.uint8)
    colors.flags.writeable = False
    return Palette(name, names, colors, len(names) if evaluated is None else evaluated)


def voc_colors(count: int) -> np.ndarray:
    """PASCAL VOC's colours (count, 3) uint8: an index's bits, spread over the high bits of RGB."""
    colors = np.zeros((count, 3), dtype=np.uint8)
    for index in range(count):
        for bit in range(8):
            colors[index, bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return colors


# Cordts et al. 2016: colours and train ids of the cityscapesScripts label table. Indices 0..18 are
# the 19 train ids, followed by the classes that Cityscapes leaves out of its scores. Classes that
# share a colour there share an index here: polegroup with pole, licence plate with car, and
# everything black (ego vehicle, static, ...) with unlabeled.
CITYSCAPES = read_palette(PALETTES / "cityscapes.csv", "cityscapes", evaluated=19)

# Brostow et al. 2009, reduced to the 11 classes of the SegNet tutorial, in its order.
CAMVID = read_palette(PALETTES / "camvid.csv", "camvid", evaluated=11)

# Index into CITYSCAPES for the label ids 0..33 of `gtFine/*_labelIds.png`. The licence plate's id
# is -1, which the uint8 files of some tools store as 255; it is part of the car.
CITYSCAPES_LABEL_IDS = np.array(
    # ids 0..6 void, 7..16 flat and construction, 17..23 objects to sky, 24..33 humans and vehicles
    [
        *(19, 19, 19, 19, 19, 20, 21),
        *(0, 1, 22, 23, 2, 3, 4, 24, 25, 26),
        *(5, 5, 6, 7, 8, 9, 10),
        *(11, 12, 13, 14, 15, 27, 28, 16, 17, 18),
    ],
    dtype=np.uint8,
)
