"""A data set before it is decoded: its pairs, their splits, and how its files are read.

From disk to pixels: a layout lists the files by their names (`Listing`), `reading` looks into them
and decides once for the whole data set how they are read (`Reading`), and a `Source` has both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pix2pix_utils.data.palette import Palette

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Picture:
    """An image file, or one half of a file that holds two pictures side by side."""

    path: Path
    half: str | None = None  # None, 'left' or 'right'

    def __str__(self) -> str:
        return f"the {self.half} half of {self.path}" if self.half else str(self.path)


@dataclass(frozen=True)
class Match:
    """Two pictures of the same scene; which of them is the photo is not known yet."""

    name: str  # unique within the data set
    pictures: tuple[Picture, Picture]  # in the order of `Listing.sides`
    drive: str = ""  # equal for frames of one video, which are listed in temporal order


@dataclass(frozen=True)
class Listing:
    """What a layout knows from the names of files and folders, before any file is opened."""

    name: str  # of the data set
    folder: Path
    description: str
    sides: tuple[str, str]  # what tells the two sides apart: folders, suffixes, 'left' and 'right'
    splits: Mapping[str, tuple[Match, ...]]  # train, val and test
    split_rule: str  # how the splits were made, in words
    problems: tuple[str, ...] = ()  # one sentence for each file that should be in a pair but isn't
    # what the layout itself prescribes; None is found out from names and contents
    label_side: int | None = None  # 0 or 1
    palette: Palette | None = None
    label_kind: str | None = None  # one of `reading.options.LABEL_KINDS`


@dataclass(frozen=True)
class Reading:
    """How the files of a data set become class maps and photos; the same for all of them."""

    palette: Palette
    nearest: bool = False  # a colour counts as the nearest of the palette, as JPEG requires
    by_index: bool = False  # files with a colour table hold class indices, not colours
    photo_bits: int = 16  # significant bits of photos that are stored with 16 bits
    turn_photos: bool = True  # as their EXIF orientation says
    evidence: tuple[str, ...] = ()  # what was seen and decided, one sentence each

    def identity(self) -> list:
        """Plain values of all that decides what is read; the palette's name does not."""
        return [
            *(self.palette.to_dict() | {"name": ""}, self.nearest, self.by_index),
            *(self.photo_bits, self.turn_photos),
        ]


@dataclass(frozen=True, eq=False)
class Seen:
    """What the files of a data set look like, all together."""

    photo_sizes: Mapping[tuple[int, int], int]  # (width, height) in pixels: number of photos
    class_pixels: np.ndarray  # (C,) pixels of each class in all label maps


class Item(Protocol):
    """One pair of a label map and a photo."""

    @property
    def name(self) -> str:
        """Unique within the source."""

    @property
    def group(self) -> str:
        """What it shares with its neighbours: a drive, a city; its own name if it has none.

        Items of a group are in temporal order and not independent of each other.
        """

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that `read` opens; empty for a drawn scene."""

    def read(
        self, reading: Reading, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Class indices (S, S) uint8 and the photo (S, S, 3) uint8 at S = `image_size` pixels.

        Both are squashed to a square, as pix2pix does. Without an image size, both come at their
        own size (H, W). Raises UserError, naming the file, if one cannot be used.
        """


@dataclass(frozen=True)
class Source:
    """A data set: files on disk, or scenes to be drawn."""

    name: str
    location: str  # `open_source` finds it again by this: 'synthetic' or the folder, with options
    reading: Reading
    splits: Mapping[str, tuple[Item, ...]]  # train, val and test; no item is in two of them
    split_rule: str  # how the splits were made, in words
    description: str
    version: str = ""  # a hash of the contents of all files or drawn scenes
    problems: tuple[str, ...] = ()  # one sentence for each file that cannot be used
    seen: Seen | None = None  # None for drawn scenes

    @property
    def palette(self) -> Palette:
        return self.reading.palette
