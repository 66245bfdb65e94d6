"""Beginnings and endings by which the names of photos and label maps differ, as x_A and x_B.

A name is a file's stem with the folders before it; its core is what remains without the affix.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

from pix2pix_utils.data.layouts.side_names import is_other, photos_first, side_of_name
from pix2pix_utils.errors import UserError

MAX_KINDS = 8  # files of the same scene; Cityscapes has 5
# where an ending may begin: before a separator, at a letter after a digit, or at a capital
ENDINGS = re.compile(r"(?<=[^\W_])(?=[\W_])|(?<=\d)(?=[^\W\d_])|(?<=[a-z])(?=[A-Z])")
# where a beginning may end: after a separator, or before a digit
BEGINNINGS = re.compile(r"(?<=[\W_])(?=[^\W_])|(?<=[^\W\d_])(?=\d)")
BOTH = {"photo", "label"}
PREFERRED = ("labelids", "labelcolors", "labelcolor", "color", "labeltrainids")  # the first there

Cores = dict[str, set[str]]  # affix: the cores of the names that have it


@dataclass(frozen=True)
class Difference:
    """How the names of two sides differ."""

    affixes: tuple[str, str]  # '' if a side's names have none
    cores: tuple[dict[str, str], dict[str, str]]  # {name: core} of each side


def between_sides(
    folder: Path, first: Sequence[str], second: Sequence[str], beginnings: bool
) -> Difference:
    """How two sets of names differ so that most of them match; files of other kinds are left out.

    `beginnings` allows that they differ by what they begin with, as files of two videos do too.
    Raises UserError if a side has several kinds of files and it is unclear which to use.
    """
    sides = (first, second)
    best: tuple[int, int, tuple[str, ...], bool] = (0, 0, ("", ""), True)
    if {*first} != {*second}:
        for at_end in (False, True) if beginnings else (True,):
            cores = [_cores(names, at_end) for names in sides]
            for pair in product(*cores):
                count = len(cores[0][pair[0]] & cores[1][pair[1]])
                best = max(best, (count, -len(pair[0] + pair[1]), pair, at_end))
    count, _, pair, at_end = best
    if 2 * count < min(len({*first}), len({*second})):
        return Difference(("", ""), ({name: name for name in first}, {n: n for n in second}))
    cores = [_cores(names, at_end) for names in sides]
    matched = cores[0][pair[0]] & cores[1][pair[1]]
    affixes, kept = [], []
    for names, found in zip(sides, cores, strict=True):
        kinds = _kinds(found, matched)
        affix = _choose(folder, kinds)
        others = [kind for kind in kinds if kind != affix]
        affixes.append(affix)
        kept.append(
            {
                name: _core(name, affix, at_end) or name
                for name in names
                if not any(_core(name, kind, at_end) in matched for kind in others)
            }
        )
    return Difference((affixes[0], affixes[1]), (kept[0], kept[1]))


def within_one(folder: Path, names: Collection[str]) -> Difference | None:
    """How the names of two kinds of files differ that lie in the same folders.

    None if most names have no partner. Beginnings count only if their words say which are photos
    and which label maps, since files of different videos differ by beginnings too. Raises
    UserError if there are more than two kinds and it is unclear which to use.
    """
    for at_end in (True, False):
        cores = _cores(names, at_end)
        if not at_end:
            cores = {text: found for text, found in cores.items() if side_of_name(text)}
        pair = two_kinds(folder, cores, len({*names}))
        if pair is None or (not at_end and {*map(side_of_name, pair)} != {"photo", "label"}):
            continue
        kept: tuple[dict[str, str], dict[str, str]] = ({}, {})
        kinds = _kinds(cores, cores[pair[0]] & cores[pair[1]])
        for name in names:  # the longest affix that a name has, since every name has ''
            having = [kind for kind in kinds if _core(name, kind, at_end)]
            kind = max(having, key=len, default=None)
            if kind in pair:
                kept[pair.index(kind)][name] = _core(name, kind, at_end) or name
            elif kind is None:
                kept[0][name] = name
        return Difference(pair, kept)
    return None


def two_kinds(folder: Path, cores: Cores, count: int) -> tuple[str, str] | None:
    """The two affixes by which most of `count` names differ, that of photos first if known."""
    roles = {affix: side_of_name(affix) for affix in cores}
    found = [
        # of equally many, a photo and a label map rather than two kinds of label maps
        (len(cores[one] & cores[two]), {roles[one], roles[two]} == BOTH, -len(one + two), one, two)
        for one, two in combinations(cores, 2)
    ]
    if not found:
        return None
    most, _, _, one, two = max(found)
    matched = cores[one] & cores[two]
    kinds = _kinds(cores, matched)
    if most < 2 or sum(len(cores[kind] & matched) for kind in kinds) <= count / 2:
        return None
    usable = [kind for kind in kinds if not is_other(kind)]
    if len(usable) > 2:
        labels = [kind for kind in usable if side_of_name(kind) == "label"]
        others = [kind for kind in usable if kind not in labels]
        photos = [kind for kind in others if side_of_name(kind) == "photo" or not kind] or others
        usable = [_choose(folder, kinds) for kinds in (photos, labels) if kinds]
    if len(usable) != 2:
        return None
    one, two = sorted(usable, key=lambda kind: (photos_first(kind), len(kind), kind))
    return one, two


def _cores(names: Collection[str], at_end: bool) -> Cores:
    """The cores of all affixes that one name in `MAX_KINDS` has, or more; '' is one of them."""
    cores: Cores = defaultdict(set)
    for name in names:
        start = name.rfind("/") + 1
        for found in (ENDINGS if at_end else BEGINNINGS).finditer(name, start + 1):
            at = found.start()
            affix, core = (name[at:], name[:at]) if at_end else (name[start:at], name[at:])
            if re.search(r"[^\W\d_]", affix) and not re.search(r"\d{3}", affix):
                cores[affix].add(core if at_end else name[:start] + core)
    cores = {text: found for text, found in cores.items() if len(found) * MAX_KINDS >= len(names)}
    return {"": {*names}, **cores}


def _core(name: str, affix: str, at_end: bool) -> str | None:
    where, slash, stem = name.rpartition("/")
    has = stem.endswith(affix) if at_end else stem.startswith(affix)
    core = stem.removesuffix(affix) if at_end else stem.removeprefix(affix)
    return f"{where}{slash}{core}" if has and core else None


def _kinds(cores: Cores, matched: set[str]) -> list[str]:
    """The affixes that files of the same scenes have."""
    return [affix for affix, found in cores.items() if 2 * len(found & matched) >= len(matched)]


def _choose(folder: Path, kinds: Sequence[str]) -> str:
    """The affix to use of those of one side."""
    usable = [kind for kind in kinds if not is_other(kind)] or list(kinds)
    if "" in usable or len(usable) == 1:
        return "" if "" in usable else usable[0]
    for end in PREFERRED:
        for kind in usable:
            if kind.lower().endswith(end):
                return kind
    raise UserError(
        f"{folder} has files of several kinds for the same scenes, named "
        f"{', '.join(f'*{kind}*' for kind in usable)}: keep one kind of photos and one of label "
        "maps"
    )
