"""Photo and label map of each pair in one folder: x_A and x_B, x and x_mask, x.jpg and x.png."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pix2pix_utils.data.folders import file_name_for
from pix2pix_utils.data.layouts.affixes import two_kinds, within_one
from pix2pix_utils.data.layouts.pairing import NOUNS, by_name, match_splits
from pix2pix_utils.data.layouts.places import Place, find_places, named_files, without_sides
from pix2pix_utils.data.layouts.side_names import side_of_name
from pix2pix_utils.data.layouts.splits import split_groups
from pix2pix_utils.data.source import Listing

FOLDERS = "one folder of files such as 1_photo.jpg and 1_label.png, or 1.jpg and 1.png"
SAME_FORMAT = {".jpeg": ".jpg", ".tiff": ".tif"}


def find(folder: Path) -> Listing | None:
    """The folder itself, its splits, or the folders in it, if most files have a partner there.

    Raises UserError if there are more than two files of each name and it is unclear which to use.
    """
    places = find_places(folder)
    inside = [place for place in places if len(place.parts) == 1 and not place.side]
    for group in (without_sides(places), inside if len(inside) > 1 else []):
        if listing := _by_suffix(folder, group) or _by_affix(folder, group):
            return listing
    return None


def _by_suffix(folder: Path, places: Sequence[Place]) -> Listing | None:
    """Files of equal stem and different format, as those of CMP Facades."""
    cores: dict[str, dict[str, str]] = defaultdict(dict)  # of each suffix
    files: dict[str, Path] = {}
    for place in places:
        for path in place.files:
            suffix = path.suffix.lower()
            suffix = SAME_FORMAT.get(suffix, suffix)
            cores[suffix][str(path)] = place.name_of(path)
            files[str(path)] = path
    kinds = {suffix: set(names.values()) for suffix, names in cores.items()}
    pair = two_kinds(folder, kinds, len(files))
    if pair is None:
        return None
    return _listing(folder, pair, (cores[pair[0]], cores[pair[1]]), files, [])


def _by_affix(folder: Path, places: Sequence[Place]) -> Listing | None:
    """Files whose names differ by an ending, or by a beginning."""
    files, problems = by_name(named_files(places))
    difference = within_one(folder, files)
    if difference is None:
        return None
    return _listing(folder, difference.affixes, difference.cores, files, problems)


def _listing(
    folder: Path,
    pair: tuple[str, str],
    cores: tuple[dict[str, str], dict[str, str]],
    files: dict[str, Path],
    problems: list[str],
) -> Listing:
    one, two = pair
    nouns = (
        f"partner with '{one}' in its name" if one else f"partner without '{two}' in its name",
        f"partner with '{two}' in its name",
    )
    if len({*map(side_of_name, pair)}) == 2:
        nouns = NOUNS
    groups, unpaired = match_splits(cores, (files, files), nouns)
    splits, rule = split_groups(folder, groups)
    return Listing(
        name=file_name_for(folder.name),
        folder=folder,
        description="pairs of files in one folder, whose names differ by "
        + " and ".join(f"'{text}'" for text in pair if text),
        sides=(one or "no suffix", two),
        splits=splits,
        split_rule=rule,
        problems=(*problems, *unpaired),
    )
