"""The data card of any data set: origin, licence, splits, classes, how it was read, its faults."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pix2pix_utils.cards.templates import render
from pix2pix_utils.cards.terms import STREETS, terms_of
from pix2pix_utils.data.checking import DataCheck
from pix2pix_utils.data.dataset import fingerprint
from pix2pix_utils.data.discovery import MAX_DEPTH
from pix2pix_utils.data.reading.options import split_address
from pix2pix_utils.data.reading.pair import Pair
from pix2pix_utils.data.source import SPLITS, Source
from pix2pix_utils.data.streets import SIZES
from pix2pix_utils.report.formats import as_markdown

LISTED = 20  # faults, sizes or groups in a list; the number of the others is named
HUB_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K"}  # as model hubs write it


def data_card(source: Source, check: DataCheck) -> str:
    """The card as Markdown, from a data set and what `check_source` found in it.

    It names no place on this machine. Photo files are read once more, to find copies.
    """
    items = [item for split in SPLITS for item in source.splits[split]]
    terms = terms_of(source.name, source.location, [item.name for item in items])
    return render(
        "data.md",
        name=source.name,
        terms=terms,
        is_drawn=terms is STREETS,
        drawn_sizes=SIZES,
        hub_size=next((text for most, text in HUB_SIZES.items() if len(items) < most), "n>100K"),
        description=source.description,
        fingerprint=fingerprint(source),
        split_rule=source.split_rule,
        counts=as_markdown(_split_rows(source)),
        total=len(items),
        has_groups=any(item.group != item.name for item in items),
        shared_groups=_some(_in_several_splits({s: _groups(source, s) for s in SPLITS})),
        copies=_some(_copies(source)),
        counted=sum(check.photo_sizes.values()),
        sizes=_some([f"{w} x {h} ({n})" for (w, h), n in sorted(check.photo_sizes.items())]),
        classes=as_markdown(_class_rows(source, check.class_frequencies)),
        absent=_absent(source, check.class_frequencies),
        palette=source.palette.name,
        evidence=[_without_place(text, source) for text in source.reading.evidence],
        problems=_some([_without_place(text, source) for text in check.problems]),
        problem_count=len(check.problems),
    )


def _split_rows(source: Source) -> list[dict[str, str]]:
    """Pairs of each split, and the groups that they belong to."""
    rows = []
    for split in SPLITS:
        groups = Counter(_groups(source, split))
        pairs, largest = len(source.splits[split]), max(groups.values())
        row = {"split": split, "pairs": str(pairs), "groups": str(len(groups))}
        rows.append(row | {"pairs in the largest group": str(largest)})
    return rows


def _groups(source: Source, split: str) -> list[str]:
    return [item.group for item in source.splits[split]]


def _in_several_splits(found: Mapping[str, list[str]]) -> list[str]:
    """What occurs in more than one split, with the splits in brackets."""
    splits: dict[str, list[str]] = {}
    for split, values in found.items():
        for value in dict.fromkeys(values):
            splits.setdefault(value, []).append(split)
    return [f"{value} ({', '.join(where)})" for value, where in splits.items() if len(where) > 1]


def _copies(source: Source) -> list[str]:
    """Photo files with the same bytes, if they are in different splits."""
    found: dict[str, dict[str, str]] = {}  # SHA-256 -> split -> the first name in it
    for split in SPLITS:
        for item in source.splits[split]:
            if isinstance(item, Pair) and item.photo.path.is_file():
                digest = hashlib.sha256(item.photo.path.read_bytes()).hexdigest()
                found.setdefault(digest, {}).setdefault(split, item.name)
    return [
        " = ".join(f"{name} ({split})" for split, name in splits.items())
        for splits in found.values()
        if len(splits) > 1
    ]


def _class_rows(source: Source, shares: np.ndarray) -> list[dict[str, str]]:
    """The classes that occur, by their share of the pixels."""
    palette = source.palette
    return [
        {
            "class": palette.classes[index],
            "share of the pixels": f"{100 * shares[index]:.2f} %",
            "scored": "yes" if index < palette.evaluated else "no (void)",
            "colour": " ".join(str(value) for value in palette.colors[index]),
        }
        for index in np.argsort(-shares, kind="stable")
        if shares[index] > 0
    ]


def _absent(source: Source, shares: np.ndarray) -> list[str]:
    return [n for n, share in zip(source.palette.classes, shares, strict=True) if share == 0]


def _some(found: list[str]) -> list[str]:
    """The first `LISTED`, and how many more there are."""
    more = len(found) - LISTED
    return found if more <= 0 else [*found[:LISTED], f"and {more} more"]


def _without_place(text: str, source: Source) -> str:
    """The text without the folders above the data set's files."""
    folder = Path(split_address(source.location)[0])
    for place in (folder, *folder.parents[:MAX_DEPTH]):
        text = text.replace(f"{place}{os.sep}", "").replace(f"{place} ", f"{place.name} ")
    return text
