"""Two folders with matching file names, of photos and of label maps, with or without splits."""

from pathlib import Path

from pix2pix_utils.data.folders import file_name_for
from pix2pix_utils.data.images import open_image
from pix2pix_utils.data.layouts.pairing import FilePair, match_by_name
from pix2pix_utils.data.layouts.splits import sides_by_split, split_groups
from pix2pix_utils.data.palette_discovery import find_palette, label_side, read_samples
from pix2pix_utils.data.source import Source

FOLDERS = "two folders of equal file names"


def matches(folder: Path) -> bool:
    return len(sides_by_split(folder)) == 2


def open_folder(folder: Path) -> Source:
    sides = sides_by_split(folder)
    names = list(sides)
    files = [[path for paths in groups.values() for path in paths] for groups in sides.values()]
    samples = [read_samples(paths, open_image) for paths in files]
    side = label_side(samples)
    label_name, photo_name = names[side], names[1 - side]
    labels, photos = sides[label_name], sides[photo_name]
    items: dict[str, list[FilePair]] = {}
    problems: list[str] = []
    for group in dict.fromkeys([*photos, *labels]):
        prefix = f"{group}/" if len(photos) > 1 else ""
        items[group], wrong = match_by_name(photos.get(group, []), labels.get(group, []), prefix)
        problems += wrong
    splits, rule = split_groups(folder, items)
    return Source(
        name=file_name_for(folder.name),
        location=str(folder),
        palette=find_palette(folder, samples[side], files[side], open_image),
        splits=splits,
        split_rule=rule,
        description=f"photos in {photo_name}/ and label maps in {label_name}/, paired by file name",
        problems=tuple(problems),
    )
