"""Classes and colours: how a map of class indices becomes a coloured label map, and back.

A class index map is an integer array (H, W); a label map is its coloured picture (H, W, 3) in
0..255. The first ``evaluated`` classes of a palette are the ones that scores are computed over;
those behind them are void (unlabelled, or too rare to be judged), but keep their own colour.
"""

from dataclasses import dataclass

import numpy as np

from pix2pix_utils.errors import UserError


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

        An exact inverse of `encode`; colours that JPEG or resizing blended are snapped to the
        nearest class. `distance` tells how far they were off.
        """
        return self._nearest(label_map)[0]

    def distance(self, label_map: np.ndarray) -> np.ndarray:
        """Euclidean RGB distance of every pixel to its nearest palette colour, (...) float32."""
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


def _palette(name: str, evaluated: int, table: list[tuple[str, tuple[int, int, int]]]) -> Palette:
    colors = np.array([color for _, color in table], dtype=np.uint8)
    colors.flags.writeable = False
    return Palette(name, tuple(label for label, _ in table), colors, evaluated)


# Cordts et al. 2016, colours and train ids of the cityscapesScripts label table. Indices 0..18 are
# the 19 train ids; behind them stand the classes that Cityscapes leaves out of its scores. Classes
# that share a colour there share an index here: polegroup with pole, licence plate with car, and
# everything black (ego vehicle, static, ...) with unlabeled.
CITYSCAPES = _palette(
    "cityscapes",
    19,
    [
        ("road", (128, 64, 128)),
        ("sidewalk", (244, 35, 232)),
        ("building", (70, 70, 70)),
        ("wall", (102, 102, 156)),
        ("fence", (190, 153, 153)),
        ("pole", (153, 153, 153)),
        ("traffic light", (250, 170, 30)),
        ("traffic sign", (220, 220, 0)),
        ("vegetation", (107, 142, 35)),
        ("terrain", (152, 251, 152)),
        ("sky", (70, 130, 180)),
        ("person", (220, 20, 60)),
        ("rider", (255, 0, 0)),
        ("car", (0, 0, 142)),
        ("truck", (0, 0, 70)),
        ("bus", (0, 60, 100)),
        ("train", (0, 80, 100)),
        ("motorcycle", (0, 0, 230)),
        ("bicycle", (119, 11, 32)),
        ("unlabeled", (0, 0, 0)),
        ("dynamic", (111, 74, 0)),
        ("ground", (81, 0, 81)),
        ("parking", (250, 170, 160)),
        ("rail track", (230, 150, 140)),
        ("guard rail", (180, 165, 180)),
        ("bridge", (150, 100, 100)),
        ("tunnel", (150, 120, 90)),
        ("caravan", (0, 0, 90)),
        ("trailer", (0, 0, 110)),
    ],
)

# Index into CITYSCAPES for the label ids 0..33 of `gtFine/*_labelIds.png`. The licence plate has
# the id -1, which the uint8 files of some tools store as 255; it belongs to the car.
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

# Brostow et al. 2009 with the 11 classes of the SegNet tutorial, in its order.
CAMVID = _palette(
    "camvid",
    11,
    [
        ("Sky", (128, 128, 128)),
        ("Building", (128, 0, 0)),
        ("Pole", (192, 192, 128)),
        ("Road", (128, 64, 128)),
        ("Pavement", (60, 40, 222)),
        ("Tree", (128, 128, 0)),
        ("SignSymbol", (192, 128, 128)),
        ("Fence", (64, 64, 128)),
        ("Car", (64, 0, 128)),
        ("Pedestrian", (64, 64, 0)),
        ("Bicyclist", (0, 128, 192)),
        ("Unlabelled", (0, 0, 0)),
    ],
)
