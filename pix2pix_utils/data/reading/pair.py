"""A pair of image files, or of the two halves of one file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.data.images import open_picture, to_classes, to_photo
from pix2pix_utils.data.source import Picture, Reading
from pix2pix_utils.errors import UserError


@dataclass(frozen=True)
class Pair:
    """A photo and its label map; an `Item`."""

    name: str
    photo: Picture
    label: Picture
    drive: str = ""

    @property
    def group(self) -> str:
        return self.drive or self.name

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self.photo.path, self.label.path)))

    def read(
        self, reading: Reading, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        problems = []
        opened = []
        for picture, upright in ((self.photo, reading.turn_photos), (self.label, True)):
            try:
                opened.append(open_picture(picture, upright))
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("; ".join(dict.fromkeys(problems)))
        photo, label = opened
        classes = to_classes(label, self.label.path, reading, image_size)
        return classes, to_photo(photo, self.photo.path, reading, image_size)
