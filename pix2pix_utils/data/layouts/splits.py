"""Folders of any name: which are splits, which are photos or label maps, and random splits."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pix2pix_utils.data.folders import list_images, subfolders
from pix2pix_utils.data.source import SPLITS, Item
from pix2pix_utils.errors import UserError


def sides_by_split(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """The images of a folder by side and split: {side: {split: files}}.

    The key is "" where a level has no folder of its own. One side is a folder of side-by-side
    images; two sides are parallel folders.
    """
    tree = {}
    for sub in subfolders(folder):
        if images := list_images(sub):
            tree[sub.name] = {"": images}
        elif inner := {
            s.name.lower(): images for s in subfolders(sub) if (images := list_images(s))
        }:
            tree[sub.name] = inner
    splits = {name.lower(): sides for name, sides in tree.items()}
    if "train" in splits:  # train/*.jpg or train/photos/*.jpg: turn {split: {side: ...}} around
        names = sorted({side for sides in splits.values() for side in sides})
        return {
            side: {split: sides[side] for split, sides in splits.items() if side in sides}
            for side in names
        }
    if len(tree) == 2:
        return tree
    direct = list_images(folder)
    return {"": {"": direct}} if direct else {}


def split_groups(
    folder: Path, groups: Mapping[str, Sequence[Item]]
) -> tuple[dict[str, tuple[Item, ...]], str]:
    """Train, val and test from the folders that there are, and the rule in words."""
    leak = "which may put neighbouring frames into two splits"
    splits: dict[str, Sequence[Item]]
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


def draw_share(items: Sequence[Item], share: float) -> tuple[list[Item], list[Item]]:
    """Draw a share of the items at random: those drawn and the rest, both in their old order.

    Ranks them by a hash of their names, so the draw is the same on every machine, with every
    version of every library, and for any order of the files.
    """
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"0 {item.name}".encode()).digest())
    drawn = set(ranked[: max(1, round(share * len(items)))])
    return [i for i in items if i in drawn], [i for i in items if i not in drawn]
