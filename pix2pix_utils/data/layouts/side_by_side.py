"""One file for each pair, photo and label map side by side: pix2pix's own layout."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.data.folders import file_name_for, file_stem
from pix2pix_utils.data.images import halves, open_image, to_classes, to_photo
from pix2pix_utils.data.layouts.splits import sides_by_split, split_groups
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.palette_discovery import find_palette, label_side, read_samples
from pix2pix_utils.data.source import Source

FOLDERS = "train/ and val/ of side-by-side images"


@dataclass(frozen=True)
class SideBySide:
    """A photo and its label map in one file, each half as wide as the file; an `Item`."""

    name: str
    path: Path
    photo_left: bool

    @property
    def group(self) -> str:
        return self.name

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


def matches(folder: Path) -> bool:
    return len(sides_by_split(folder)) == 1


def open_folder(folder: Path) -> Source:
    (groups,) = sides_by_split(folder).values()
    files = [path for paths in groups.values() for path in paths]
    samples = read_samples(files, lambda path: halves(open_image(path), path))
    sides = list(zip(*samples, strict=True))
    side = label_side(sides)
    items = {
        group: [
            SideBySide(f"{group}/" * (len(groups) > 1) + file_stem(path), path, side == 1)
            for path in paths
        ]
        for group, paths in groups.items()
    }
    splits, rule = split_groups(folder, items)
    left, right = ("label map", "photo") if side == 0 else ("photo", "label map")
    return Source(
        name=file_name_for(folder.name),
        location=str(folder),
        palette=find_palette(
            folder, sides[side], files, lambda path: halves(open_image(path), path)[side]
        ),
        splits=splits,
        split_rule=rule,
        description=f"side-by-side images, {left} left and {right} right",
    )
