"""TODO."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pix2pix_utils.data.folders import evenly_spaced, file_stem
from pix2pix_utils.data.items import FilePair
from pix2pix_utils.errors import UserError

SAMPLES = 5  # images that a folder's palette is recognised by


Read = TypeVar("Read")


def read_samples(files: Sequence[Path], read: Callable[[Path], Read]) -> list[Read]:
    """What `SAMPLES` files hold; passes over damaged ones, and raises UserError if all are."""
    damage: list[UserError] = []

    def attempts(paths: Sequence[Path]):
        for path in paths:
            try:
                yield read(path)
            except UserError as error:
                damage.append(error)

    samples = list(attempts(evenly_spaced(files, SAMPLES))) or list(islice(attempts(files), 1))
    if not samples:
        raise damage[0]
    return samples


def match_by_name(
    photos: Sequence[Path], labels: Sequence[Path], prefix: str
) -> tuple[list[FilePair], list[str]]:
    """Pairs of a photo and a label map of one stem, and a sentence for each file without one."""
    problems = []
    by_stem: dict[str, Path] = {}
    for label in labels:
        other = by_stem.setdefault(file_stem(label), label)
        if other is not label:
            problems.append(f"{other} and {label} are label maps of one name: remove one")
    problems += unpaired({file_stem(photo): photo for photo in photos}, by_stem)
    pairs = [
        FilePair(prefix + file_stem(photo), photo, by_stem[file_stem(photo)])
        for photo in photos
        if file_stem(photo) in by_stem
    ]
    return pairs, problems


def unpaired(photos: dict[str, Path], labels: dict[str, Path]) -> list[str]:
    return [
        *(f"{photo} has no label map" for stem, photo in photos.items() if stem not in labels),
        *(f"{label} has no photo" for stem, label in labels.items() if stem not in photos),
    ]
