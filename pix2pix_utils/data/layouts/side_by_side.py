"""TODO."""

from pathlib import Path

from pix2pix_utils.data.folders import file_name_for, file_stem
from pix2pix_utils.data.images import halves, open_image
from pix2pix_utils.data.items import Item, SideBySide
from pix2pix_utils.data.layouts.pairing import read_samples
from pix2pix_utils.data.layouts.splits import split_groups
from pix2pix_utils.data.layouts.tree import sides_by_split
from pix2pix_utils.data.palette_discovery import find_palette, label_side
from pix2pix_utils.data.source import Source


def side_by_side(folder: Path) -> Source:
    groups = next(iter(sides_by_split(folder).values()))
    files = [path for paths in groups.values() for path in paths]
    samples = read_samples(files, lambda path: halves(open_image(path), path))
    sides = list(zip(*samples, strict=True))
    side = label_side(sides)
    palette = find_palette(
        folder, sides[side], files, lambda path: halves(open_image(path), path)[side]
    )
    items: dict[str, list[Item]] = {}
    for group, paths in groups.items():
        prefix = f"{group}/" if len(groups) > 1 else ""
        items[group] = [SideBySide(prefix + file_stem(path), path, side == 1) for path in paths]
    splits, rule = split_groups(folder, items)
    order = ("label map", "photo") if side == 0 else ("photo", "label map")
    return Source(
        file_name_for(folder.name),
        str(folder),
        palette,
        splits,
        rule,
        f"side-by-side images, {order[0]} left and {order[1]} right",
    )
