"""Material for the studio: an empty street to start from, and stamps of objects to add."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from skimage.draw import ellipse, polygon
from skimage.filters import gaussian
from skimage.measure import label, regionprops

from pix2pix_utils.data.dataset import StreetData, load_data
from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import Palette

SEARCHED_SCENES = 60  # for stamps and for the typical street
SHOWN_SCENES = 24  # to start from
SMOOTHING = 1 / 32  # standard deviation, as a share of the image's width

# Classes to cut stamps from, by Cityscapes' and CamVid's names, and the smallest shares of the
# image's height and of the stamp's convex hull. A partly hidden object fills less of its hull.
_CUT = ("car", "truck", "bus", "person", "pedestrian", "rider", "bicyclist", "vegetation", "tree")
_LEAST_HEIGHT = 0.1
_LEAST_SOLIDITY = 0.87


@dataclass(frozen=True)
class Stamp:
    """An object's shape and class."""

    name: str
    class_index: int
    shape: np.ndarray  # (h, w) bool, without empty rows or columns at its sides


def drawn_streets(image_size: int) -> StreetData:
    """As many drawn streets of a size as the studio needs; the first use draws and stores them."""
    limits = {"train": SEARCHED_SCENES, "val": 1, "test": SHOWN_SCENES}
    return load_data("synthetic", image_size, limits=limits)


def typical_street(pairs: StreetPairs, background: Collection[int]) -> np.ndarray:
    """An empty street (S, S) uint8: for each pixel the most frequent background class.

    The frequencies are those of a split's scenes, slightly smoothed.
    """
    class_maps = pairs.classes[evenly_spaced(range(len(pairs)), SEARCHED_SCENES)]
    background = np.array(sorted(background), dtype=np.uint8)
    shares = [(class_maps == index).mean(axis=0) for index in background]
    sigma = SMOOTHING * pairs.image_size
    smooth = [gaussian(share, sigma, mode="nearest") for share in shares]
    return background[np.argmax(smooth, axis=0)]


def cut_stamps(pairs: StreetPairs, each: int = 2) -> list[Stamp]:
    """The largest whole cars, people and trees of a split's scenes, at most `each` per class.

    Whole means that the object neither touches the image's edge nor is partly hidden.
    """
    stamps = []
    names = [name for name in pairs.palette.classes if name.lower() in _CUT]
    scenes = evenly_spaced(range(len(pairs)), SEARCHED_SCENES)
    for name in names:
        class_index = pairs.palette.index(name)
        largest = []  # (pixels, scene, shape), one of a scene
        for scene in scenes:
            regions = regionprops(label(pairs.classes[scene] == class_index, connectivity=2))
            whole = [region for region in regions if _is_whole(region, pairs.image_size)]
            if whole:
                best = max(whole, key=lambda region: region.area)
                largest.append((best.area, scene, best.image))
        largest.sort(key=lambda found: found[:2], reverse=True)
        stamps += [
            Stamp(f"{name} of {pairs.names[scene]}", class_index, shape)
            for _, scene, shape in largest[:each]
        ]
    return stamps


def _is_whole(region, size: int) -> bool:
    top, left, bottom, right = region.bbox
    inside = top > 0 and left > 0 and bottom < size and right < size
    tall = bottom - top >= _LEAST_HEIGHT * size
    return inside and tall and region.solidity >= _LEAST_SOLIDITY


def drawn_stamps(palette: Palette, size: int) -> list[Stamp]:
    """A simple tree, car and person, as far as the palette has such classes."""
    drawings = (  # name, classes, and height and width as shares of `size` and at least in pixels
        ("drawn tree", ("vegetation", "tree"), (0.42, 6), (0.2, 5), _draw_tree),
        ("drawn car", ("car",), (0.14, 4), (0.22, 6), _draw_car),
        ("drawn person", ("person", "pedestrian"), (0.2, 6), (0.05, 3), _draw_person),
    )
    stamps = []
    for name, class_names, *sides, draw in drawings:
        height, width = (max(least, round(share * size)) for share, least in sides)
        shape = np.zeros((height, width), dtype=bool)
        draw(shape, height, width)
        shape = shape[shape.any(axis=1)][:, shape.any(axis=0)]
        for index, class_name in enumerate(palette.classes):
            if class_name.lower() in class_names:
                stamps.append(Stamp(name, index, shape))
    return stamps


def _draw_tree(shape: np.ndarray, height: int, width: int) -> None:
    shape[ellipse(0.35 * height, (width - 1) / 2, 0.36 * height, width / 2, shape.shape)] = True
    trunk = max(1, round(width / 8))
    shape[round(0.6 * height) :, (width - trunk) // 2 : (width - trunk) // 2 + trunk] = True


def _draw_car(shape: np.ndarray, height: int, width: int) -> None:
    """From the side, at half its width, like the photos."""
    body = np.array([(0.95, 0), (0.5, 0), (0.42, 0.14), (0, 0.3), (0, 0.7), (0.45, 0.86)])
    body = np.vstack([body, [(0.5, 1), (0.95, 1)]]) * (height - 1, width - 1)
    shape[polygon(body[:, 0], body[:, 1], shape.shape)] = True
    for wheel in (0.22, 0.78):
        center = 0.78 * height, wheel * (width - 1)
        shape[ellipse(*center, 0.23 * height, 0.11 * width, shape.shape)] = True


def _draw_person(shape: np.ndarray, height: int, width: int) -> None:
    shape[ellipse(0.1 * height, (width - 1) / 2, 0.12 * height, 0.3 * width, shape.shape)] = True
    shape[round(0.2 * height) : round(0.6 * height)] = True
    leg = max(1, width // 3)
    shape[round(0.6 * height) :, :leg] = True
    shape[round(0.6 * height) :, width - leg :] = True
