"""Two folders, one of photos and one of label maps, with or without splits.

The names of the files are equal, or differ by what all files of a side begin or end with.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from pix2pix_utils.data.folders import file_name_for, subfolders
from pix2pix_utils.data.layouts.affixes import between_sides
from pix2pix_utils.data.layouts.pairing import NOUNS, by_name, match_splits
from pix2pix_utils.data.layouts.places import Place, find_places, named_files
from pix2pix_utils.data.layouts.side_names import is_other, photos_first, side_of_name
from pix2pix_utils.data.layouts.splits import split_groups
from pix2pix_utils.data.source import Listing
from pix2pix_utils.errors import UserError

FOLDERS = (
    "two folders of matching file names, as photos/ and labels/ or train_img/ and train_label/"
)

Side = list[Place]


def find(folder: Path) -> Listing | None:
    """Photos and label maps by the words of their folders, else the only two folders there are.

    Raises UserError if it is unclear which two folders are the sides, or if one has no images.
    """
    chosen = _choose_sides(folder, find_places(folder))
    if chosen is None:
        return None
    one, two = sorted(chosen, key=lambda side: photos_first(side[0].side))
    first, second, left_out = _without_lone_test(_align((one, two)))
    _refuse_alternatives(folder, first, second)
    folders = _shown(first), _shown(second)
    (first_files, first_problems), (second_files, second_problems) = _files(first), _files(second)
    difference = between_sides(
        folder, list(first_files), list(second_files), beginnings=any(map(side_of_name, folders))
    )
    sides = folders
    told = all(difference.affixes) and any(map(side_of_name, difference.affixes))
    if told and not any(map(side_of_name, folders)):
        sides = difference.affixes
    known = len({*map(side_of_name, sides)}) == 2
    nouns = NOUNS if known else (f"partner in {folders[0]}/", f"partner in {folders[1]}/")
    groups, unpaired = match_splits(difference.cores, (first_files, second_files), nouns)
    splits, rule = split_groups(folder, groups)
    return Listing(
        name=file_name_for(folder.name),
        folder=folder,
        description=f"pairs of files in {folders[0]}/ and {folders[1]}/, matched by name{left_out}",
        sides=sides,
        splits=splits,
        split_rule=rule,
        problems=(*first_problems, *second_problems, *unpaired),
    )


def _choose_sides(folder: Path, places: Sequence[Place]) -> tuple[Side, Side] | None:
    """The places of the two sides; None if it is unclear which they are."""
    photos: dict[str, Side] = {}
    labels: dict[str, Side] = {}
    rest: dict[str, Side] = {}  # by words such as 'a', or the first folder; '' if there is none
    for place in places:
        role = side_of_name(place.side)
        if (place.nested and place.side) or is_other(place.side):
            continue  # of a data set in a folder of its own, or of pictures of another kind
        if place.side:
            found = {"photo": photos, "label": labels, None: rest}[role]
            found.setdefault(place.side.lower(), []).append(place)
        elif place.group:
            head, *group = place.group
            moved = replace(place, side_folder=head, group=tuple(group))
            rest.setdefault(head, []).append(moved)
        else:
            shown = place.parts[0] if place.parts else "."
            rest.setdefault("", []).append(replace(place, side_folder=shown))
    if len(photos) == len(labels) == 1:
        return next(iter(photos.values())), next(iter(labels.values()))
    known = [*photos.values(), *labels.values()]
    if len(known) == 2 and not rest:
        return known[0], known[1]
    if len(known) >= 2:
        _refuse_several(folder, known)
    if known and not rest:
        _refuse_empty_partner(folder, known[0], places)
    unknown = [_with_splits(side) for side in rest.values()]
    if not known and (len(unknown) < 2 or any(place.nested and place.side for place in places)):
        return None
    one, *others = [*known, *unknown]
    matching = [other for other in others if _matches(folder, one, other)]
    if len(matching) > 1 and (known or len(matching) == len(others)):
        _refuse_several(folder, [one, *others])
    if len(matching) == 1 and (known or len(others) == 1):
        return one, matching[0]
    return (one, others[0]) if labels and len(others) == 1 and others[0][0].parts else None


def _with_splits(side: Side) -> Side:
    """Without files beside the folders of the splits, such as a preview."""
    return [place for place in side if place.split] or side


def _matches(folder: Path, one: Side, other: Side) -> bool:
    """Whether most files of the smaller side have a partner on the other."""
    names = [list(_files(side)[0]) for side in _align((one, other))]
    known = any(side_of_name(_shown(side)) for side in (one, other))
    difference = between_sides(folder, names[0], names[1], beginnings=known)
    cores = [{*found.values()} for found in difference.cores]
    return 2 * len(cores[0] & cores[1]) >= min(map(len, cores))


def _refuse_several(folder: Path, sides: Sequence[Side]) -> None:
    names = ", ".join(f"{_main(side).folder.relative_to(folder)}/" for side in sides)
    raise UserError(
        f"{folder} has pictures of the same scenes in {names}: keep only one folder of photos, "
        "named photos, and one of label maps, named labels"
    )


def _refuse_empty_partner(folder: Path, side: Side, places: Sequence[Place]) -> None:
    """Raise UserError if the only other folders hold no images, or pictures of another kind."""
    role = side_of_name(side[0].side)
    missing = "label" if role == "photo" else "photo"
    noun = dict(zip(("photo", "label"), NOUNS, strict=True))[missing]
    for beside in dict.fromkeys((folder, side[0].folder.parent)):
        for other in subfolders(beside):
            if side_of_name(other.name) == missing:
                raise UserError(
                    f"{other} holds no image files: save each {noun} there as an image, as PNG"
                )
    others = sorted({place.side_folder for place in places if is_other(place.side)})
    if others:
        raise UserError(
            f"{folder} has {_shown(side)}/ and, by their names, other pictures in "
            f"{', '.join(f'{name}/' for name in others)}, but no folder of {noun}s: add it, or "
            f"rename the folder that holds them to {missing}s"
        )


def _align(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """Both sides without folders that only one of them has, as data/ in images/data/train/."""
    groups = [{place.group for place in side} for side in sides]
    splits = [{place.split for place in side} for side in sides]
    one_split = len(splits[0]) == len(splits[1]) == 1 and "" in splits[0] | splits[1]
    aligned = []
    for side, own in zip(sides, groups, strict=True):
        levels = zip(*own, strict=False) if groups[0].isdisjoint(groups[1]) else ()
        common = sum(1 for _ in takewhile(lambda level: len({*level}) == 1, levels))
        aligned.append(
            [
                replace(place, group=place.group[common:], split="" if one_split else place.split)
                for place in side
            ]
        )
    return aligned[0], aligned[1]


def _refuse_alternatives(folder: Path, first: Side, second: Side) -> None:
    """Raise UserError if no folder of one side has a counterpart, as v1.2/labels, v2.0/labels."""
    groups = [{place.group for place in side} for side in (first, second)]
    if groups[0].isdisjoint(groups[1]):
        several = max((first, second), key=lambda side: len({place.group for place in side}))
        names = sorted({str(place.folder.relative_to(folder)) for place in several})
        other = second if several is first else first
        raise UserError(
            f"{folder} has {_shown(several)}/ in several places ({', '.join(names[:5])}), and none "
            f"corresponds to {_shown(other)}/: keep the one to use"
        )


def _without_lone_test(sides: tuple[Side, Side]) -> tuple[Side, Side, str]:
    """Both sides without the test split if one lacks it, since its labels are often not public."""
    splits = [{place.split for place in side} for side in sides]
    lone = [index for index in (0, 1) if splits[index] - splits[1 - index] == {"test"}]
    if not lone or splits[1 - lone[0]] - splits[lone[0]]:
        return *sides, ""
    kept = [[place for place in side if place.split != "test"] for side in sides]
    return kept[0], kept[1], f" (the test split has none in {_shown(sides[1 - lone[0]])}/)"


def _files(side: Side) -> tuple[dict[str, Path], list[str]]:
    return by_name(named_files(side))


def _main(side: Side) -> Place:
    return next((place for place in side if place.split == "train"), side[0])


def _shown(side: Side) -> str:
    return _main(side).side_folder
