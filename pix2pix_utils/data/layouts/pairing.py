"""Pairs of a photo and a label map in two files, matched by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.data.folders import file_stem
from pix2pix_utils.data.images import open_image, to_classes, to_photo
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError

MAX_ASPECT_DIFFERENCE = 0.02  # between a photo and its label map, relative


@dataclass(frozen=True)
class FilePair:
    """A photo and its label map in two files; an `Item`."""

    name: str
    photo: Path
    label: Path
    drive: str = ""

    @property
    def group(self) -> str:
        return self.drive or self.name

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


def match_by_name(
    photos: Iterable[Path], labels: Iterable[Path], prefix: str
) -> tuple[list[FilePair], list[str]]:
    """Pairs of files with the same stem, and one sentence for each file that is in no pair.

    A pair's name is `prefix` and the stem.
    """
    sides, duplicates = [], []
    for kind, paths in (("photos", photos), ("label maps", labels)):
        by_name: dict[str, Path] = {}
        for path in paths:
            other = by_name.setdefault(prefix + file_stem(path), path)
            if other is not path:
                duplicates.append(f"{other} and {path} are {kind} of the same name: remove one")
        sides.append(by_name)
    pairs, problems = match(*sides)
    return pairs, [*duplicates, *problems]


def match(
    photos: Mapping[str, Path], labels: Mapping[str, Path]
) -> tuple[list[FilePair], list[str]]:
    """The pairs of two sets of named files, and one sentence for each file that is in no pair."""
    return [FilePair(name, photos[name], labels[name]) for name in photos if name in labels], [
        *(f"{photo} has no label map" for name, photo in photos.items() if name not in labels),
        *(f"{label} has no photo" for name, label in labels.items() if name not in photos),
    ]
