"""What a folder holds: which photo belongs to which label map, in which split, in which colours.

`open_source` recognises a folder by its layout and describes its pairs; nothing is decoded but a
few samples. An item then reads itself: `item.read(palette, image_size)` gives the class index map
and the photo of one pair. `images` reads a file, `palettes` finds the classes, `cache` keeps the
result, `data` turns it into tensors.
"""

import difflib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pix2pix_utils.data.folders import subfolders
from pix2pix_utils.data.layouts.cityscapes import HOW_TO_GET, official_cityscapes
from pix2pix_utils.data.layouts.parallel import parallel_folders
from pix2pix_utils.data.layouts.segnet import segnet
from pix2pix_utils.data.layouts.side_by_side import side_by_side
from pix2pix_utils.data.layouts.synthetic import synthetic
from pix2pix_utils.data.layouts.tree import sides_by_split
from pix2pix_utils.data.source import SPLITS, Source, listed
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import data_root as default_data_root

NAMES = ("synthetic", *HOW_TO_GET)


def open_source(dataset: str, data_root: Path | None = None, data_seed: int = 0) -> Source:
    """Find a data set and describe it, without decoding more than a few samples.

    `dataset` is 'synthetic', the name of a folder in `data_root` ('camvid', 'cityscapes' or one's
    own, in any case), or the path of a folder. Layouts: the SegNet tutorial's CamVid, the official
    Cityscapes, pix2pix's side-by-side files, and two parallel folders of equal file names.
    `data_seed` chooses the scenes of 'synthetic'.

    Files without a partner, or with two, are listed in the source's `problems`: nothing should be
    trained on the rest, but all of them can be shown at once.

    Raises UserError if there is no such data set, if its layout is none of these, if a split is
    empty, or if the colours of its label maps are unknown.
    """
    dataset = str(dataset)
    if dataset.lower() == "synthetic":
        return synthetic(data_seed)
    root = Path(data_root) if data_root is not None else default_data_root()
    source = _recognise(_find_folder(dataset, root))
    if source.location != source.location.encode(errors="replace").decode():
        raise UserError(f"the path {source.location!r} holds bytes that are no text: rename it")
    names = Counter(item.name for items in source.splits.values() for item in items)
    twice = [
        f"{source.location} holds {count} pairs of the name '{name}': rename all but one"
        for name, count in names.items()
        if count > 1
    ]
    source = replace(source, problems=(*source.problems, *twice))
    for split in SPLITS:
        if not source.splits[split]:
            raise UserError(
                f"the {split} split of {source.location} is empty ({source.split_rule}): "
                f"it needs more pairs{listed(source.problems)}"
            )
    return source


def _find_folder(dataset: str, root: Path) -> Path:
    """The folder of that name in `root`, else the folder of that path."""
    present = {folder.name.lower(): folder for folder in subfolders(root)} if root.is_dir() else {}
    if dataset.lower() in present:
        return present[dataset.lower()]
    try:
        path = Path(dataset).expanduser()
        if dataset.strip() and path.is_dir():
            return path.resolve()
        is_file = path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have
        raise UserError(f"there is no data set {dataset[:80]!r}: {_reason(error)}") from None
    if dataset.strip() and is_file:
        raise UserError(f"{path} is a file: give the folder that holds the data set")
    if dataset.lower() in HOW_TO_GET:
        raise UserError(
            f"there is no folder '{dataset}' in {root}: {HOW_TO_GET[dataset.lower()]}, or pass "
            "--data-root or the path of the folder"
        )
    if len(path.parts) > 1:
        raise UserError(f"there is no folder {path}: give the path of a data set's folder")
    known = sorted({*NAMES, *present} - {"cache"})
    close = difflib.get_close_matches(dataset.lower(), known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
    raise UserError(f"there is no data set '{dataset}' in {root}; {hint}, or pass a folder's path")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _recognise(folder: Path) -> Source:
    """Describe the data set in `folder`, or in the one folder up to three levels down."""
    level = [folder]
    for _ in range(4):
        found = [(recogniser, here) for here in level if (recogniser := _layout(here))]
        if len(found) > 1:
            inside = ", ".join(str(here.relative_to(folder)) for _, here in found[:5])
            raise UserError(f"{folder} holds several data sets ({inside}): give the path of one")
        if found:
            recogniser, here = found[0]
            return recogniser(here)
        level = [inner for outer in level for inner in subfolders(outer)]
    raise UserError(
        f"{folder} has no known layout: train/, trainannot/, val/ and valannot/ (CamVid), "
        "leftImg8bit/ and gtFine/ (Cityscapes), train/ and val/ of side-by-side images, or two "
        "folders of equal file names"
    )


def _layout(folder: Path) -> Callable[[Path], Source] | None:
    """The function that describes this folder's layout; None if it has none by itself."""
    if (folder / "train").is_dir() and (folder / "trainannot").is_dir():
        return segnet
    if (folder / "leftImg8bit").is_dir() or (folder / "gtFine").is_dir():
        return official_cityscapes
    return {1: side_by_side, 2: parallel_folders}.get(len(sides_by_split(folder)))
