"""TODO."""

from pathlib import Path

from pix2pix_utils.data.folders import file_name_for
from pix2pix_utils.data.images import open_image
from pix2pix_utils.data.items import Item
from pix2pix_utils.data.layouts.pairing import match_by_name, read_samples
from pix2pix_utils.data.layouts.splits import split_groups
from pix2pix_utils.data.layouts.tree import sides_by_split
from pix2pix_utils.data.palette_discovery import find_palette, label_side
from pix2pix_utils.data.source import Source


def parallel_folders(folder: Path) -> Source:
    sides = sides_by_split(folder)
    files = [[path for paths in groups.values() for path in paths] for groups in sides.values()]
    samples = [read_samples(paths, open_image) for paths in files]
    names = list(sides)
    side = label_side(samples)
    label_name, photo_name = names[side], names[1 - side]
    photos, labels = sides[photo_name], sides[label_name]
    items: dict[str, list[Item]] = {}
    problems: list[str] = []
    for group in dict.fromkeys([*photos, *labels]):
        prefix = f"{group}/" if len(photos) > 1 else ""
        matched, wrong = match_by_name(photos.get(group, []), labels.get(group, []), prefix)
        items[group] = list(matched)
        problems.extend(wrong)
    palette = find_palette(folder, samples[side], files[side], open_image)
    splits, rule = split_groups(folder, items)
    description = f"photos in {photo_name}/ and label maps in {label_name}/, paired by file name"
    return Source(
        file_name_for(folder.name),
        str(folder),
        palette,
        splits,
        rule,
        description,
        problems=tuple(problems),
    )
