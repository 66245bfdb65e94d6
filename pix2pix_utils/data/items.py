"""TODO."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.data import streets
from pix2pix_utils.data.images import halves, open_image, to_classes, to_photo
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError

MAX_ASPECT_DIFFERENCE = 0.02  # between a photo and its label map, relative


# --- One pair -------------------------------------------------------------------------------------
# Every kind of item has a `name`, unique in its source, the `files` it is read from, and
# `read(palette, image_size)`, which returns the class indices (S, S) uint8 and the photo (S, S, 3)
# uint8, squashed to a square as pix2pix does, or both at their own size (H, W) without image_size.
# It raises UserError for a file that cannot be used, and names it.


@dataclass(frozen=True)
class FilePair:
    """A photo and its label map in two files."""

    name: str
    photo: Path
    label: Path

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.photo, self.label)

    def read(
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        opened, problems = [], []
        for path in self.files:
            try:
                opened.append(open_image(path))
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("; ".join(problems))
        photo, label = opened
        stretch = (photo.width / photo.height) / (label.width / label.height)
        if abs(stretch - 1) > MAX_ASPECT_DIFFERENCE:
            raise UserError(
                f"{self.photo} is {photo.width}x{photo.height} but its label map {self.label} is "
                f"{label.width}x{label.height}: crop one, so that both show the same scene"
            )
        classes = to_classes(label, self.label, palette, image_size)
        return classes, to_photo(photo, self.photo, image_size)


@dataclass(frozen=True)
class SideBySide:
    """A photo and its label map side by side in one file, each half as wide as the file."""

    name: str
    path: Path
    photo_left: bool

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        photo, label = halves(open_image(self.path), self.path)
        if not self.photo_left:
            photo, label = label, photo
        classes = to_classes(label, self.path, palette, image_size)
        return classes, to_photo(photo, self.path, image_size)


@dataclass(frozen=True)
class Scene:
    """A drawn street; see `streets`."""

    name: str
    index: int
    seed: int

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def read(
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        return streets.draw_street(self.index, self.seed, image_size or 256)


Item = FilePair | SideBySide | Scene
