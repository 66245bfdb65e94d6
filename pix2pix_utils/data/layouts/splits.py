"""Train, val and test from the folders that there are, or at random."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pix2pix_utils.data.source import SPLITS, Item, Match
from pix2pix_utils.errors import UserError

Named = TypeVar("Named", bound=Match | Item)
LEAK = "which may put neighbouring frames into two splits"


def split_groups(
    folder: Path, groups: Mapping[str, Sequence[Match]]
) -> tuple[dict[str, tuple[Match, ...]], str]:
    """Train, val and test from the matches in each split's folder, and the rule in words.

    A single group is split at random. Raises UserError if the groups are other than train and one
    or two more.
    """
    splits: dict[str, Sequence[Match]]
    if set(SPLITS) <= set(groups):
        splits, rule = {split: groups[split] for split in SPLITS}, "the folders train, val and test"
    elif len(groups) == 1:
        test, rest = draw_share(next(iter(groups.values())), 0.10)
        val, train = draw_share(rest, 1 / 9)
        splits = {"train": train, "val": val, "test": test}
        rule = f"80, 10 and 10 % of the images at random (seed 0), {LEAK}"
    elif "train" in groups and len(groups) == 2:
        other = next(group for group in groups if group != "train")
        val, train = draw_share(groups["train"], 0.10)
        splits = {"train": train, "val": val, "test": groups[other]}
        rule = f"test is the folder {other}; val is 10 % of train at random (seed 0), {LEAK}"
    else:
        raise UserError(
            f"{folder} holds images in {', '.join(groups)}: name the folders train, val and test"
        )
    return {split: tuple(items) for split, items in splits.items()}, rule


def draw_share(items: Sequence[Named], share: float) -> tuple[list[Named], list[Named]]:
    """Draw a share of the items at random: those drawn and the rest, both in their old order.

    Ranks them by a hash of their names, so the draw is the same on every machine, with every
    version of every library, and for any order of the files.
    """
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"0 {item.name}".encode()).digest())
    drawn = set(ranked[: max(1, round(share * len(items)))])
    return [i for i in items if i in drawn], [i for i in items if i not in drawn]
