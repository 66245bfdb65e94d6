"""The folders with image files below a folder, and what their names say."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_utils.data.folders import file_stem, list_images, subfolders
from pix2pix_utils.data.layouts.side_names import is_other, side_of_name, split_of_name

MAX_DEPTH = 4  # folders between a data set and its files


@dataclass(frozen=True)
class Place:
    """A folder that holds image files."""

    folder: Path
    files: tuple[Path, ...]
    parts: tuple[str, ...]  # of its path in the data set
    split: str  # 'train', 'val' or 'test', the name of a folder beside train, or ''
    side: str  # the words that name a side: 'label' for 'train_label', '' if none does
    side_folder: str  # the folders that these words stand in: 'train_label'
    group: tuple[str, ...]  # folders of any other name, such as cities

    @property
    def nested(self) -> bool:
        """Whether it lies in a folder that is neither a split nor a side."""
        return bool(self.group) and self.group[0] == self.parts[0]

    def name_of(self, path: Path) -> str:
        """A file's name by split, group and stem, as 'train/aachen/1', or '/1' without either."""
        return "/".join((self.split, *self.group, file_stem(path)))


def find_places(folder: Path) -> list[Place]:
    """The folder and those up to `MAX_DEPTH` levels below that hold image files."""
    found = list(_image_folders(folder, (), MAX_DEPTH))
    beside_train = {
        position
        for _, parts, _ in found
        for position, part in enumerate(parts)
        if split_of_name(part) == ("train", "")
    }
    return [_place(here, parts, files, beside_train) for here, parts, files in found]


def holds_images(folder: Path) -> bool:
    """Whether any image file lies in a folder or up to `MAX_DEPTH` levels below."""
    return next(_image_folders(folder, (), MAX_DEPTH), None) is not None


def _image_folders(
    folder: Path, parts: tuple[str, ...], depth: int
) -> Iterator[tuple[Path, tuple[str, ...], list[Path]]]:
    if images := list_images(folder):
        yield folder, parts, images
    if depth:
        for inner in subfolders(folder):
            yield from _image_folders(inner, (*parts, inner.name), depth - 1)


def _place(
    folder: Path, parts: tuple[str, ...], files: list[Path], beside_train: set[int]
) -> Place:
    split = ""
    sides, side_folders, group = [], [], []
    for position, part in enumerate(parts):
        word, rest = split_of_name(part)
        split = word or split
        if rest and (word or side_of_name(rest) or is_other(rest)):
            sides.append(rest)
            side_folders.append(part)
        elif rest and not split and position in beside_train:
            split = part.lower()
        elif rest:
            group.append(part)
    return Place(
        folder=folder,
        files=tuple(files),
        parts=parts,
        split=split,
        side="/".join(sides),
        side_folder="/".join(side_folders),
        group=tuple(group),
    )


def named_files(places: Iterable[Place]) -> list[tuple[str, Path]]:
    """All files of some places and their names by split, group and stem."""
    return [(place.name_of(path), path) for place in places for path in place.files]


def short_names(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The split and the short name of names by split, group and stem.

    A short name begins with the split or the group only if there are several of them.
    """
    parts = {name: name.split("/") for name in dict.fromkeys(names)}
    splits = {split for split, *_ in parts.values()}
    groups = {tuple(group) for _, *group, _ in parts.values()}
    short = {}
    for name, (split, *group, stem) in parts.items():
        shown = [split] if split and len(splits) > 1 else []
        shown += group if len(groups) > 1 else []
        short[name] = split, "/".join((*shown, stem))
    return short


def without_sides(places: Sequence[Place]) -> list[Place]:
    """The places of files that no folder's name puts on a side: those of the splits, if any."""
    found = [place for place in places if not place.side and not place.nested]
    return [place for place in found if place.split] or found
