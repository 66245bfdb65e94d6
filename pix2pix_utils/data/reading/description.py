"""From a listing of files to a source: look into the files and decide how they are read."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pix2pix_utils.data.palette import Palette, read_palette
from pix2pix_utils.data.reading.fit import class_counts, misfits
from pix2pix_utils.data.reading.known_palettes import PALETTES
from pix2pix_utils.data.reading.label_maps import Given, decide_label_maps
from pix2pix_utils.data.reading.options import Options
from pix2pix_utils.data.reading.pair import Pair
from pix2pix_utils.data.reading.photos import (
    aspect_problem,
    photo_bits,
    photo_orientation,
    upright_size,
)
from pix2pix_utils.data.reading.sides import decide_side
from pix2pix_utils.data.reading.survey import Survey
from pix2pix_utils.data.source import Item, Listing, Seen, Source
from pix2pix_utils.errors import UserError

PALETTE_FILES = ("palette.csv", "class_dict.csv")  # ours, and that of Kaggle's CamVid


def describe(listing: Listing, root: Path, options: Options, progress: bool = True) -> Source:
    """Open the files of a listing and decide how they are read.

    `root` is the folder that the user named, below which palette.csv is looked for. Unreadable
    files and pairs of different shapes are listed in the source's `problems`. Raises UserError if
    it cannot be told how the data set is to be read.
    """
    given = _palette_file(listing, root)
    if given is None and listing.palette is not None:
        given = Given(listing.palette, "the layout")
    survey = Survey(listing.folder, _with_known(given), progress)
    matches = [match for matches in listing.splits.values() for match in matches]
    own = given.palette if given is not None and listing.palette is None else None
    side, how = decide_side(listing, survey.look, own, options.label_side)
    labels = survey.look([match.pictures[side] for match in matches])
    photos = survey.look([match.pictures[1 - side] for match in matches], decode=False)
    kind = options.label_kind or listing.label_kind
    where = f"{listing.folder} ({listing.sides[side]})"
    reading = decide_label_maps(labels, where, given, kind)
    facts = {
        match.pictures[1 - side]: (photos[match.pictures[1 - side]], labels[match.pictures[side]])
        for match in matches
    }
    readable = {photo: both for photo, both in facts.items() if not any(f.problem for f in both)}
    bits, about_bits = photo_bits({photo: both[0] for photo, both in readable.items()})
    turn, about_turning = photo_orientation(readable, options.photo_orientation)
    first = f"label maps: {listing.sides[side]}, {how}; photos: {listing.sides[1 - side]}"
    evidence = (first, *reading.evidence, about_bits, about_turning)
    reading = replace(
        reading,
        photo_bits=bits,
        turn_photos=turn,
        evidence=tuple(sentence for sentence in evidence if sentence),
    )
    splits = {
        split: tuple(
            Pair(match.name, match.pictures[1 - side], match.pictures[side], match.drive)
            for match in matches
        )
        for split, matches in listing.splits.items()
    }
    problems = [*listing.problems, *misfits(labels, reading, where, kind)]
    for match in matches:
        photo, label = match.pictures[1 - side], match.pictures[side]
        both = facts[photo]
        wrong = list(dict.fromkeys(one.problem for one in both if one.problem))
        if not wrong and (problem := aspect_problem(photo, label, both, turn)):
            wrong = [problem]
        if wrong:
            problems.append("; ".join(wrong))
    return Source(
        name=listing.name,
        location=options.address(str(listing.folder)),
        reading=reading,
        splits=splits,
        split_rule=listing.split_rule,
        description=listing.description,
        version=contents_version(splits, survey),
        problems=tuple(problems),
        seen=Seen(
            photo_sizes=dict(Counter(upright_size(photo, turn) for photo, _ in readable.values())),
            class_pixels=sum(
                (class_counts(label, reading) for _, label in readable.values()),
                np.zeros(len(reading.palette)),
            ),
        ),
    )


def contents_version(splits: Mapping[str, tuple[Item, ...]], survey: Survey) -> str:
    """A hash of the contents of all files by split; names and places do not count."""
    files = [path for items in splits.values() for item in items for path in item.files]
    contents = survey.contents(files)
    material = {
        split: [[contents[path] for path in item.files] for item in items]
        for split, items in splits.items()
    }
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()


def _with_known(given: Given | None) -> Sequence[Palette]:
    return PALETTES if given is None else (*PALETTES, given.palette)


def _palette_file(listing: Listing, root: Path) -> Given | None:
    """The palette file between `root` and the files; raises UserError if two of them differ."""
    first = [matches[0] for matches in listing.splits.values() if matches]
    folders = {f for match in first for picture in match.pictures for f in picture.path.parents}
    inside = sorted(folder for folder in folders if folder.is_relative_to(root))
    found = [folder / name for folder in inside for name in PALETTE_FILES]
    paths = [path for path in found if path.is_symlink() or path.exists()]
    if not paths:
        return None
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} is not a readable file: fix or remove it")
    if len({path.read_bytes() for path in paths}) > 1:
        raise UserError(f"{paths[0]} and {paths[1]} differ: remove one of them")
    path = paths[0]
    return Given(read_palette(path, path.name), str(path))
