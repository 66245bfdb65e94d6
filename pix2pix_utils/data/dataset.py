"""A data set ready to train on: three splits of `StreetPairs`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_utils.data.cache import load_arrays
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.folders import evenly_spaced, summarize_problems
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.source import SPLITS, Reading, Source
from pix2pix_utils.errors import UserError, check_choice


@dataclass(frozen=True)
class StreetData:
    """A data set, ready to train on."""

    name: str
    location: str  # `load_data` opens it again by this: 'synthetic' or the folder
    reading: Reading
    train: StreetPairs
    val: StreetPairs
    test: StreetPairs
    split_rule: str
    description: str
    fingerprint: str  # of the whole source, whatever the limits and the image size

    @property
    def palette(self) -> Palette:
        return self.reading.palette

    @property
    def splits(self) -> dict[str, list[str]]:
        """The names of every split's pairs."""
        return {split: self[split].names for split in SPLITS}

    def __getitem__(self, split: str) -> StreetPairs:
        return {"train": self.train, "val": self.val, "test": self.test}[split]


def load_data(
    dataset: str = "synthetic",
    image_size: int = 64,
    data_root: Path | None = None,
    limits: Mapping[str, int | None] | None = None,
    data_seed: int = 0,
    progress: bool = True,
) -> StreetData:
    """Open a data set by its name or path (see `open_source`) at `image_size` pixels square.

    `limits` says how many pairs of a split are used, evenly spaced over it; None means all. The
    first call fills the cache, later ones only open it. Raises UserError for anything about the
    data set or the cache that the user can fix.
    """
    if image_size < 1:
        raise UserError(f"the image size is {image_size}, but it must be at least 1")
    source = open_source(dataset, data_root, data_seed, progress)
    if source.problems:
        raise UserError(
            f"{source.location} has files that cannot be used; fix or remove them "
            f"(`python -m pix2pix_utils data {source.location} --problems FILE` lists all):"
            f"{summarize_problems(source.problems)}"
        )
    used = limit_source(source, limits or {})
    pairs = {}
    for split in SPLITS:
        photos, classes = load_arrays(used, split, image_size, progress)
        items = used.splits[split]
        pairs[split] = StreetPairs(
            photos,
            classes,
            names=[item.name for item in items],
            palette=source.palette,
            groups=[item.group for item in items],
        )
    return StreetData(
        source.name,
        source.location,
        source.reading,
        **pairs,
        split_rule=source.split_rule,
        description=source.description,
        fingerprint=fingerprint(source),
    )


def limit_source(source: Source, limits: Mapping[str, int | None]) -> Source:
    """The source with at most `limits[split]` evenly spaced pairs in a split."""
    splits = dict(source.splits)
    for split, count in limits.items():
        check_choice("split", split, SPLITS)
        if count is not None:
            if count < 1:
                raise UserError(f"the limit of {split} is {count}, but it must be at least 1")
            splits[split] = tuple(evenly_spaced(splits[split], count))
    return replace(source, splits=splits)


def fingerprint(source: Source) -> str:
    """A short hash of the contents of all files by split, and of how they are read.

    Copies of the same data have the same fingerprint, wherever they are and whatever their names.
    """
    material = [source.version, *source.reading.identity()]
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:12]
