"""Pairs of two files that show the same scene, matched by name."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pix2pix_utils.data.folders import file_stem
from pix2pix_utils.data.layouts.places import short_names
from pix2pix_utils.data.source import Match, Picture

NOUNS = ("photo", "label map")


def by_name(files: Iterable[tuple[str, Path]]) -> tuple[dict[str, Path], list[str]]:
    """Files by their names, and one sentence for each file whose name another has already."""
    named: dict[str, Path] = {}
    problems = []
    for name, path in files:
        other = named.setdefault(name, path)
        if other is not path:
            problems.append(f"{other} and {path} have the same name: remove one")
    return named, problems


def match(
    first: Mapping[str, Path],
    second: Mapping[str, Path],
    nouns: tuple[str, str] = NOUNS,
    drive_of: Callable[[str], str] = lambda name: "",
) -> tuple[list[Match], list[str]]:
    """The pairs of two sets of named files, and one sentence for each file that is in no pair.

    Pairs are in the order of `first`. `nouns` say what a file of each side is.
    """
    pairs = [
        Match(name, (Picture(path), Picture(second[name])), drive_of(name))
        for name, path in first.items()
        if name in second
    ]
    return pairs, [
        *(f"{path} has no {nouns[1]}" for name, path in first.items() if name not in second),
        *(f"{path} has no {nouns[0]}" for name, path in second.items() if name not in first),
    ]


def match_files(
    first: Iterable[Path],
    second: Iterable[Path],
    prefix: str = "",
    drive_of: Callable[[str], str] = lambda name: "",
) -> tuple[list[Match], list[str]]:
    """As `match`, for files with the same stem; a pair's name is `prefix` and the stem."""
    sides, problems = [], []
    for paths in (first, second):
        named, duplicates = by_name((prefix + file_stem(path), path) for path in paths)
        sides.append(named)
        problems += duplicates
    pairs, unpaired = match(sides[0], sides[1], drive_of=drive_of)
    return pairs, [*problems, *unpaired]


def match_splits(
    cores: tuple[Mapping[str, str], Mapping[str, str]],
    files: tuple[Mapping[str, Path], Mapping[str, Path]],
    nouns: tuple[str, str],
) -> tuple[dict[str, list[Match]], list[str]]:
    """The pairs of every split, by the `cores` of the files' names (see `affixes`)."""
    sides, problems = [], []
    for names, paths in zip(cores, files, strict=True):
        named, duplicates = by_name((core, paths[name]) for name, core in names.items())
        sides.append(named)
        problems += duplicates
    short = short_names([*sides[0], *sides[1]])
    groups = {}
    for split in dict.fromkeys(split for split, _ in short.values()):
        of_split = [
            {short[core][1]: path for core, path in side.items() if short[core][0] == split}
            for side in sides
        ]
        groups[split], unpaired = match(of_split[0], of_split[1], nouns)
        problems += unpaired
    return groups, problems
