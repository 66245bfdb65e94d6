"""Which classes a folder's label maps have: those of palette.csv, known ones, or their own colours.

Files that cannot be read are passed over here; reading the pairs names them all.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pix2pix_utils.data.images import LOSSY_SUFFIXES, rgb, sample_pixels, single_channel
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, Palette
from pix2pix_utils.errors import UserError

KNOWN_PALETTE_DISTANCE = 40  # to recognise a palette; JPEG moves most pixels by less
KNOWN_PALETTE_SHARE = 0.90
MAX_DERIVED_CLASSES = 64
MAX_CSV_BYTES = 1 << 16  # 255 classes need less than a quarter of it

OpenImage = Callable[[Path], Image.Image]


def label_side(sides: Sequence[Sequence[Image.Image]]) -> int:
    """Which of two sets of sample images are label maps, 0 or 1.

    Label maps lie close to the colours of a known palette; where neither set does, they are the
    images with fewer colours.
    """
    pixels = [[sample_pixels(image) for image in images] for images in sides]
    distances = [
        min(
            np.mean([p.distance(sample).mean() for sample in samples]) for p in (CITYSCAPES, CAMVID)
        )
        for samples in pixels
    ]
    if min(distances) > KNOWN_PALETTE_DISTANCE / 4:
        distances = [np.mean([len(np.unique(s, axis=0)) for s in samples]) for samples in pixels]
    return int(np.argmin(distances))


def find_palette(
    folder: Path,
    samples: Sequence[Image.Image],
    files: Sequence[Path],
    open_label: OpenImage,
) -> Palette:
    """The palette of a folder's label maps: palette.csv, a known one, or their own few colours.

    `samples` are some of the label maps, `files` all of them; `open_label` reads one. Raises
    UserError for a wrong palette.csv, or for too many colours without one.
    """
    if palette := csv_palette(folder):
        return palette
    if all(single_channel(image) is not None for image in samples):
        return _grey_palette(folder, _readable(files, open_label))
    pixels = np.concatenate([sample_pixels(image) for image in samples])
    known = min((CITYSCAPES, CAMVID), key=lambda palette: palette.distance(pixels).mean())
    if (known.distance(pixels) <= KNOWN_PALETTE_DISTANCE).mean() >= KNOWN_PALETTE_SHARE:
        return known
    colors = _distinct(rgb(image) for image in _readable(files, open_label))
    if len(colors) > MAX_DERIVED_CLASSES or any(p.suffix.lower() in LOSSY_SUFFIXES for p in files):
        raise UserError(
            f"the label maps in {folder} have {len(colors)} or more colours, which are neither "
            "those of Cityscapes nor of CamVid: name the classes in a file palette.csv there, with "
            "the columns name,red,green,blue"
        )
    names = tuple("#{:02x}{:02x}{:02x}".format(*color) for color in sorted(colors))
    return Palette(
        f"colours of {folder.name}", names, np.array(sorted(colors), dtype=np.uint8), len(colors)
    )


def csv_palette(folder: Path) -> Palette | None:
    """The palette in `palette.csv` (columns name,red,green,blue), if the folder has one.

    Raises UserError for anything else under that name.
    """
    path = folder / "palette.csv"
    if not path.exists() and not path.is_symlink():
        return None
    if not path.is_file():
        raise UserError(f"{path} is no file that can be read: mend or remove it")
    form = UserError(
        f"{path} must have the columns name,red,green,blue, separated by commas, with a name and "
        "three whole numbers in each line"
    )
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise UserError(f"{path} has more than {MAX_CSV_BYTES} bytes: it is no palette")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        names = tuple(row["name"].strip() for row in rows)
        texts = [[row[c].strip() for c in ("red", "green", "blue")] for row in rows]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (csv.Error, KeyError, ValueError, AttributeError):
        raise form from None
    if not all(re.fullmatch("[0-9]{1,9}", text) for line in texts for text in line):
        raise form
    if not all(name and name.isprintable() for name in names):
        raise form
    colors = np.array(texts, dtype=np.int64).reshape(-1, 3)
    if not 2 <= len(colors) <= 255 or colors.max() > 255:
        raise UserError(f"{path} must name 2 to 255 classes with colours in 0..255")
    if len(np.unique(colors, axis=0)) < len(colors) or len(set(names)) < len(names):
        raise UserError(f"{path} holds a name or a colour twice")
    return Palette(f"{folder.name}/palette.csv", names, colors.astype(np.uint8), len(names))


def _grey_palette(folder: Path, images: Iterable[Image.Image]) -> Palette:
    """The palette of single-channel label maps: class indices 0, 1, 2... or a few grey levels."""
    levels = _distinct(image.convert("I") for image in images)
    if 0 <= min(levels) <= max(levels) < MAX_DERIVED_CLASSES:
        count = max(levels) + 1
        names = tuple(f"class {index}" for index in range(count))
        return Palette(f"indices of {folder.name}", names, _voc_colors(count), count)
    if len(levels) > MAX_DERIVED_CLASSES or not 0 <= min(levels) <= max(levels) <= 255:
        raise UserError(
            f"the label maps in {folder} hold {len(levels)} or more grey levels from {min(levels)} "
            f"to {max(levels)}: class indices must be in 0..{MAX_DERIVED_CLASSES - 1}"
        )
    grey = np.array(sorted(levels), dtype=np.uint8)[:, None].repeat(3, axis=1)
    names = tuple(f"grey {level}" for level in sorted(levels))
    return Palette(f"greys of {folder.name}", names, grey, len(grey))


def _readable(files: Iterable[Path], open_image: OpenImage) -> Iterator[Image.Image]:
    for path in files:
        try:
            yield open_image(path)
        except UserError:
            continue


def _distinct(images: Iterable[Image.Image]) -> set:
    """The colours or grey levels of all images; stops reading once there are too many."""
    found: set = set()
    for image in images:
        found.update(value for _, value in image.getcolors(image.width * image.height) or ())
        if len(found) > MAX_DERIVED_CLASSES:
            break
    return found


def _voc_colors(count: int) -> np.ndarray:
    """The colour map of PASCAL VOC: the index's bits, spread over the channels' high bits."""
    colors = np.zeros((count, 3), dtype=np.uint8)
    for index in range(count):
        for bit in range(8):
            colors[index, bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return colors
