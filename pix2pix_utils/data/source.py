"""A data set before it is decoded: its pairs, their splits, and the palette of its label maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pix2pix_utils.data.palette import Palette

SPLITS = ("train", "val", "test")


class Item(Protocol):
    """One pair of a label map and a photo; every layout may bring its own kind of item."""

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
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Class indices (S, S) uint8 and the photo (S, S, 3) uint8 at S = `image_size` pixels.

        Both are squashed to a square, as pix2pix does. Without an image size, both come at their
        own size (H, W). Raises UserError, naming the file, if one cannot be used.
        """


@dataclass(frozen=True)
class Source:
    """A data set: files on disk, or scenes to be drawn."""

    name: str
    location: str  # `open_source` finds it again by this: 'synthetic' or the folder
    palette: Palette
    splits: Mapping[str, tuple[Item, ...]]  # train, val and test; no item is in two of them
    split_rule: str  # how the splits were made, in words
    description: str
    version: str = ""  # a hash of the content of a source without files
    problems: tuple[str, ...] = ()  # one sentence for each file that should be in a pair but isn't

    @property
    def listed_problems(self) -> str:
        """All problems, each on an indented line of its own."""
        return "".join(f"\n  {problem}" for problem in self.problems)
