"""Which classes a folder's label maps have: the one place where their encoding is decided.

In this order: the folder's palette.csv, class indices or grey levels in a single channel, a known
palette, the label maps' own few colours. Files that cannot be read are skipped here; reading the
pairs reports them all.

To add a known palette, put its CSV file into palettes/, load it in `palette`, list it in `KNOWN`.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.images import LOSSY_SUFFIXES, rgb, sample_pixels, single_channel
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, Palette, read_palette, voc_colors
from pix2pix_utils.errors import UserError

KNOWN = (CITYSCAPES, CAMVID)
KNOWN_DISTANCE = 40  # RGB distance from a known palette; JPEG moves most pixels by less
KNOWN_SHARE = 0.90  # share of the sampled pixels that must be within this distance
MAX_DERIVED_CLASSES = 64
SAMPLES = 5  # images by which a folder is recognised

T = TypeVar("T")


def read_samples(files: Sequence[Path], read: Callable[[Path], T]) -> list[T]:
    """Read `SAMPLES` evenly spaced files, skipping unreadable ones.

    If none of these can be read, the first readable file of all; raises UserError if there is none.
    """
    samples = list(_readable(evenly_spaced(files, SAMPLES), read))
    return samples or list(islice(_readable(files, read), 1)) or [read(files[0])]


def label_side(sides: Sequence[Sequence[Image.Image]]) -> int:
    """Which of two sets of sample images are the label maps, 0 or 1.

    Label maps are close to the colours of a known palette; if neither set is, they are the images
    with fewer colours.
    """
    pixels = [[sample_pixels(image) for image in images] for images in sides]
    scores = [
        min(np.mean([p.distance(sample).mean() for sample in samples]) for p in KNOWN)
        for samples in pixels
    ]
    if min(scores) > KNOWN_DISTANCE / 4:
        scores = [np.mean([len(np.unique(s, axis=0)) for s in samples]) for samples in pixels]
    return int(np.argmin(scores))


def find_palette(
    folder: Path,
    samples: Sequence[Image.Image],
    files: Sequence[Path],
    open_label: Callable[[Path], Image.Image],
) -> Palette:
    """The palette of a folder's label maps.

    `samples` are some of the label maps, `files` are all of them, and `open_label` reads one.
    Raises UserError for an invalid palette.csv, or if there is none and the label maps have too
    many colours.
    """
    if palette := csv_palette(folder):
        return palette
    if all(single_channel(image) is not None for image in samples):
        return _index_or_grey_palette(folder, _readable(files, open_label))
    pixels = np.concatenate([sample_pixels(image) for image in samples])
    known = min(KNOWN, key=lambda palette: palette.distance(pixels).mean())
    if (known.distance(pixels) <= KNOWN_DISTANCE).mean() >= KNOWN_SHARE:
        return known
    colors = _distinct_values(rgb(image) for image in _readable(files, open_label))
    if len(colors) > MAX_DERIVED_CLASSES or any(p.suffix.lower() in LOSSY_SUFFIXES for p in files):
        raise UserError(
            f"the label maps in {folder} have {len(colors)} or more colours, which are neither "
            "those of Cityscapes nor of CamVid: name the classes in a file palette.csv there, with "
            "the columns name,red,green,blue"
        )
    names = tuple("#{:02x}{:02x}{:02x}".format(*color) for color in colors)
    return Palette(f"colours of {folder.name}", names, np.array(colors, np.uint8), len(colors))


def csv_palette(folder: Path) -> Palette | None:
    """The palette in `palette.csv`, if the folder has one; raises UserError if it is invalid."""
    path = folder / "palette.csv"
    if not os.path.lexists(path):
        return None
    if not path.is_file():
        raise UserError(f"{path} is not a readable file: fix or remove it")
    return read_palette(path, f"{folder.name}/palette.csv")


def _index_or_grey_palette(folder: Path, images: Iterable[Image.Image]) -> Palette:
    """The palette of single-channel label maps: class indices 0, 1, 2... or a few grey levels."""
    levels = _distinct_values(image.convert("I") for image in images)
    lowest, highest = levels[0], levels[-1]
    if 0 <= lowest <= highest < MAX_DERIVED_CLASSES:
        names = tuple(f"class {index}" for index in range(highest + 1))
        return Palette(f"indices of {folder.name}", names, voc_colors(len(names)), len(names))
    if len(levels) > MAX_DERIVED_CLASSES or not 0 <= lowest <= highest <= 255:
        raise UserError(
            f"the label maps in {folder} hold {len(levels)} or more grey levels from {lowest} "
            f"to {highest}: class indices must be in 0..{MAX_DERIVED_CLASSES - 1}"
        )
    grey = np.array(levels, dtype=np.uint8)[:, None].repeat(3, axis=1)
    names = tuple(f"grey {level}" for level in levels)
    return Palette(f"greys of {folder.name}", names, grey, len(grey))


def _readable(files: Iterable[Path], read: Callable[[Path], T]) -> Iterator[T]:
    for path in files:
        try:
            yield read(path)
        except UserError:
            continue


def _distinct_values(images: Iterable[Image.Image]) -> list:
    """The sorted colours or grey levels of all images; stops once there are too many."""
    found: set = set()
    for image in images:
        found.update(value for _, value in image.getcolors(image.width * image.height) or ())
        if len(found) > MAX_DERIVED_CLASSES:
            break
    return sorted(found)
