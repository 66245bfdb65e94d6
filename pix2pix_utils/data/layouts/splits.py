"""TODO."""

import hashlib
from pathlib import Path

from pix2pix_utils.data.items import Item
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError


def split_groups(
    folder: Path, groups: dict[str, list[Item]]
) -> tuple[dict[str, tuple[Item, ...]], str]:
    """Train, val and test from whatever folders there are, and the rule in words."""
    leak = "which may put neighbouring frames into two splits"
    if set(SPLITS) <= set(groups):
        splits, rule = {split: groups[split] for split in SPLITS}, "the folders train, val and test"
    elif len(groups) == 1:
        test, rest = draw_share(next(iter(groups.values())), 0.10)
        val, train = draw_share(rest, 1 / 9)
        splits = {"train": train, "val": val, "test": test}
        rule = f"80, 10 and 10 % of the images at random (seed 0), {leak}"
    elif "train" in groups and len(groups) == 2:
        other = next(group for group in groups if group != "train")
        val, train = draw_share(groups["train"], 0.10)
        splits = {"train": train, "val": val, "test": groups[other]}
        rule = f"test is the folder {other}; val is 10 % of train at random (seed 0), {leak}"
    else:
        raise UserError(
            f"{folder} holds images in {', '.join(groups)}: name the folders train, val and test"
        )
    return {split: tuple(items) for split, items in splits.items()}, rule


def draw_share(items: list[Item], share: float) -> tuple[list[Item], list[Item]]:
    """Take a share of the items at random: those drawn and the rest, both in their old order.

    Ranks by a hash of the name: the same on every machine and with every version of a library.
    """
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"0 {item.name}".encode()).digest())
    drawn = set(ranked[: max(1, round(share * len(items)))])
    return [i for i in items if i in drawn], [i for i in items if i not in drawn]
