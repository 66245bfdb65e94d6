"""Classes and their colours: from class index maps to coloured label maps, and back.

A class index map is an integer array (H, W); a label map is its coloured picture (H, W, 3) in
0..255. Scores are computed over the first `evaluated` classes of a palette; the others are void
(unlabelled, or too rare to be judged), but keep their own colours.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error

PALETTES = Path(__file__).parent / "palettes"
MAX_CSV_BYTES = 1 << 16  # 255 classes need less than a quarter of it
IGNORED_VALUES = (255, 65535)  # in single-channel files: -1, stored without a sign
VOID_NAMES = {"void", "unlabeled", "unlabelled", "ignore", "ignored"}
UNKNOWN = -1  # stands in tables for a colour or value that names no class


@dataclass(frozen=True, eq=False)
class Palette:
    """An ordered set of classes with one distinct colour each."""

    name: str
    classes: tuple[str, ...]
    colors: np.ndarray  # (C, 3) uint8
    evaluated: int  # classes[:evaluated] are scored, the others are void
    # the class of each value in single-channel files; if empty, the values are class indices
    values: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def void(self) -> int | None:
        """The class of pixels that are not scored; None if every class is evaluated."""
        return self.evaluated if self.evaluated < len(self) else None

    @property
    def is_grey(self) -> bool:
        """Whether all colours are shades of grey."""
        return bool((self.colors == self.colors[:, :1]).all())

    def with_void(self) -> "Palette":
        """The palette with a void class; black, or the first free grey if a class is black."""
        if self.void is not None:
            return self
        used = set(map(tuple, self.colors.tolist()))
        grey = next(level for level in range(256) if (level,) * 3 not in used)
        return replace(
            self,
            classes=(*self.classes, "void" if "void" not in self.classes else "ignored"),
            colors=np.concatenate([self.colors, np.full((1, 3), grey, np.uint8)]),
            values=self.values or dict(enumerate(range(len(self)))),
        )

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

    def value_table(self) -> np.ndarray:
        """The class of each value in a single-channel file, (65536,) int16, or UNKNOWN.

        `IGNORED_VALUES` are void unless they name a class.
        """
        table = np.full(1 << 16, UNKNOWN, np.int16)
        if self.void is not None:
            table[list(IGNORED_VALUES)] = self.void
        for value, index in (self.values or dict(enumerate(range(len(self))))).items():
            table[value] = index
        return table

    def decode_exactly(self, label_map: np.ndarray) -> np.ndarray:
        """Class index of every colour: (..., 3) uint8 to (...) int16, or UNKNOWN."""
        known, order = np.unique(pack(self.colors), return_index=True)
        packed = pack(label_map)
        found = np.searchsorted(known, packed).clip(max=len(known) - 1)
        return np.where(known[found] == packed, order[found], UNKNOWN).astype(np.int16)

    def decode(self, label_map: np.ndarray) -> np.ndarray:
        """Class index of the nearest palette colour: (..., 3) uint8 to (...) uint8.

        The exact inverse of `encode`. Colours that JPEG or resizing has blended are snapped to
        the nearest class; `distance` says how far off they were.
        """
        return self.nearest(label_map)[0]

    def distance(self, label_map: np.ndarray) -> np.ndarray:
        """Euclidean RGB distance from every pixel to the nearest palette colour, (...) float32."""
        return self.nearest(label_map)[1]

    def to_dict(self) -> dict:
        """Plain values, for a checkpoint."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "colors": self.colors.tolist(),
            "evaluated": self.evaluated,
            "values": [[value, index] for value, index in self.values.items()],
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
        table = {int(value): int(index) for value, index in values["values"]}
        if not all(0 <= v < 1 << 16 and 0 <= i < len(classes) for v, i in table.items()):
            raise ValueError("a palette's values must be in 0..65535 and name its classes")
        return cls(str(values["name"]), classes, colors.astype(np.uint8), evaluated, table)

    def nearest(self, label_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `decode` and `distance` return, both at once."""
        label_map = np.asarray(label_map, dtype=np.uint8)
        # A label map has few distinct colours: find the nearest class once for each of them.
        packed = pack(label_map)
        distinct, inverse = np.unique(packed, return_inverse=True)
        rgb = unpack(distinct)
        best = np.full(len(rgb), np.inf, dtype=np.float32)
        nearest = np.zeros(len(rgb), dtype=np.uint8)
        for index, color in enumerate(self.colors):
            away = np.sqrt(((rgb.astype(np.float32) - color) ** 2).sum(axis=-1))
            nearest[away < best] = index
            best = np.minimum(best, away)
        inverse = inverse.reshape(packed.shape)
        return nearest[inverse], best[inverse]


def pack(colors: np.ndarray) -> np.ndarray:
    """Colours (..., 3) in 0..255 as one number each, (...) uint32."""
    return np.asarray(colors).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def unpack(packed: np.ndarray) -> np.ndarray:
    """The inverse of `pack`: (...) integers to (..., 3) uint8."""
    packed = np.asarray(packed)
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], -1).astype(np.uint8)


def read_palette(path: Path, name: str, evaluated: int | None = None) -> Palette:
    """The palette in a CSV file with one line for each class, under the columns

    name,red,green,blue    or r,g,b for the colour
    void                   yes for classes that are not scored, otherwise no; without this column,
                           classes with one of `VOID_NAMES` are not scored

    A line's number is the class's value in single-channel files; void classes become the last ones
    of the palette. `evaluated` says how many classes are evaluated if there is no column void; None
    means all of them. Raises UserError if the file is anything else.
    """
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise UserError(f"{path} has more than {MAX_CSV_BYTES} bytes: it is not a palette")
        with explain_os_error(f"read {path}"), path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True, skipinitialspace=True))
        names = [row["name"].strip() for row in rows]
        short = bool(rows) and "r" in rows[0]
        channels = ("r", "g", "b") if short else ("red", "green", "blue")
        numbers = [[row[channel].strip() for channel in channels] for row in rows]
        digits = (re.fullmatch("[0-9]{1,9}", number) for line in numbers for number in line)
        void = [
            {"yes": True, "no": False}[row["void"].strip().lower()]
            if "void" in row
            else evaluated is None and row["name"].strip().lower() in VOID_NAMES
            for row in rows
        ]
        if not all(digits) or not all(name and name.isprintable() for name in names):
            raise ValueError
    except (csv.Error, KeyError, ValueError, AttributeError):
        raise UserError(
            f"{path} must have the columns name,red,green,blue, separated by commas, with a name "
            "and three whole numbers in each line, and may have a column void with yes or no"
        ) from None
    colors = np.array(numbers, dtype=np.int64).reshape(-1, 3)
    if not 2 <= len(colors) <= 255 or colors.max() > 255:
        raise UserError(f"{path} must name 2 to 255 classes with colours in 0..255")
    if len(np.unique(colors, axis=0)) < len(colors) or len(set(names)) < len(names):
        raise UserError(f"{path} holds a name or a colour twice")
    if all(void):
        raise UserError(f"{path} says that every class is void: at least one must be scored")
    order = sorted(range(len(names)), key=lambda line: void[line])
    colors = colors[order].astype(np.uint8)
    colors.flags.writeable = False
    return Palette(
        name,
        tuple(names[line] for line in order),
        colors,
        evaluated=len(names) - sum(void) if evaluated is None else evaluated,
        values={line: index for index, line in enumerate(order)} if any(void) else {},
    )


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

# Everingham et al. 2010: 20 classes and the background; void is the border of the objects.
VOC = read_palette(PALETTES / "voc.csv", "voc", evaluated=21)

# Neuhold et al. 2017: Mapillary Vistas 1.2. The car that takes the pictures is not evaluated.
MAPILLARY = read_palette(PALETTES / "mapillary.csv", "mapillary", evaluated=63)

# Classes of CITYSCAPES for the label ids 0..33 of `gtFine/*_labelIds.png`. The licence plate's id
# is -1, which the uint8 files of some tools store as 255; it is part of the car.
_LABEL_ID_CLASSES = (
    *(19, 19, 19, 19, 19, 20, 21),  # 0..6 void
    *(0, 1, 22, 23, 2, 3, 4, 24, 25, 26),  # 7..16 flat and construction
    *(5, 5, 6, 7, 8, 9, 10),  # 17..23 objects, nature and sky
    *(11, 12, 13, 14, 15, 27, 28, 16, 17, 18),  # 24..33 humans and vehicles
)
LABEL_IDS = {**dict(enumerate(_LABEL_ID_CLASSES)), 255: CITYSCAPES.index("car")}

# `gtFine/*_labelTrainIds.png`: 0..18, and 255 for everything that is not evaluated
TRAIN_IDS = {value: value for value in range(CITYSCAPES.evaluated)}
