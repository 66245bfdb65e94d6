"""One file for each pair, photo and label map side by side: pix2pix's own layout."""

from pathlib import Path

from pix2pix_utils.data.folders import file_name_for, subfolders
from pix2pix_utils.data.layouts.places import (
    find_places,
    holds_images,
    named_files,
    short_names,
    without_sides,
)
from pix2pix_utils.data.layouts.side_names import (
    is_only_a_side,
    side_of_name,
    split_of_name,
)
from pix2pix_utils.data.layouts.splits import split_groups
from pix2pix_utils.data.source import Listing, Match, Picture
from pix2pix_utils.errors import UserError

FOLDERS = "train/ and val/ of side-by-side images"
MAX_ABOVE = 3  # folders above the one that was named whose names are looked at


def find(folder: Path) -> Listing | None:
    """The images in a folder or in its splits.

    Raises UserError if the folders' names say that these are photos or label maps alone.
    """
    places = find_places(folder)
    found = without_sides(places)
    if not found:
        found = [place for place in places if place.split and not place.nested]
        if len({place.side.lower() for place in found}) != 1:
            return None
        if side_of_name(found[0].side) == "label":
            names = ", ".join(str(place.folder.relative_to(folder)) for place in found)
            raise UserError(
                f"{folder} has label maps in {names}, but no photos beside them: add a folder of "
                "photos for each, with the same file names"
            )
    _refuse_one_side(folder)
    files = named_files(found)
    short = short_names(name for name, _ in files)
    groups: dict[str, list[Match]] = {}
    for name, path in files:
        split, short_name = short[name]
        halves = Picture(path, "left"), Picture(path, "right")
        groups.setdefault(split, []).append(Match(short_name, halves))
    splits, rule = split_groups(folder, groups)
    return Listing(
        name=file_name_for(folder.name),
        folder=folder,
        description="pairs side by side, each in one file",
        sides=("left", "right"),
        splits=splits,
        split_rule=rule,
    )


def _refuse_one_side(folder: Path) -> None:
    """Raise UserError for a folder of photos or label maps whose partners lie beside it.

    The folder's own name may say so, as in train_label/, or one above it: photos/train/.
    """
    for here in (folder, *folder.parents[:MAX_ABOVE]):
        role, (split, _) = side_of_name(here.name), split_of_name(here.name)
        if not is_only_a_side(here.name) or (role is None and not (split and here == folder)):
            continue
        inner = folder.relative_to(here)
        for beside in subfolders(here.parent):
            other = side_of_name(beside.name)
            if not is_only_a_side(beside.name) or other in (None, role):
                continue
            if split_of_name(beside.name)[0] != split:
                continue
            alike = all(side_of_name(part) == role for part in inner.parts)
            if (alike or (beside / inner).is_dir()) and holds_images(beside):
                raise UserError(
                    f"{folder} holds only one of the two pictures of each pair, and {beside} "
                    f"seems to hold the other: give the path of the folder above, {here.parent}"
                )
