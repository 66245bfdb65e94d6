"""Find a data set by its name or path, and describe it as a `Source`."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from pix2pix_utils.data.folders import subfolders
from pix2pix_utils.data.layouts import LAYOUTS, cityscapes, segnet
from pix2pix_utils.data.layouts.synthetic import synthetic
from pix2pix_utils.data.source import SPLITS, Source
from pix2pix_utils.errors import UserError, hint
from pix2pix_utils.paths import data_root as default_data_root

HOW_TO_GET = {"camvid": segnet.HOW_TO_GET, "cityscapes": cityscapes.HOW_TO_GET}
NAMES = ("synthetic", *HOW_TO_GET)
MAX_DEPTH = 3  # folders between the one that was named and the data set


def open_source(dataset: str, data_root: Path | None = None, data_seed: int = 0) -> Source:
    """Find a data set and describe it, without decoding more than a few samples.

    `dataset` is 'synthetic', the name of a folder in `data_root` ('camvid', 'cityscapes' or one's
    own, in any case), or the path of a folder in one of the `layouts`. `data_seed` chooses the
    scenes of 'synthetic'.

    Unpaired files and duplicate names are listed in the source's `problems`; `load_data` refuses
    such a source, but `check_source` can report all of them at once.

    Raises UserError if there is no such data set, if its layout is unknown, if a split is empty,
    or if the colours of its label maps are unknown.
    """
    dataset = str(dataset)
    if dataset.lower() == "synthetic":
        return synthetic(data_seed)
    root = Path(data_root) if data_root is not None else default_data_root()
    source = _open_layout(_find_folder(dataset, root))
    if source.location != source.location.encode(errors="replace").decode():
        raise UserError(f"the path {source.location!r} is not valid text: rename it")
    names = Counter(item.name for items in source.splits.values() for item in items)
    duplicates = [
        f"{source.location} holds {count} pairs of the name '{name}': rename all but one"
        for name, count in names.items()
        if count > 1
    ]
    source = replace(source, problems=(*source.problems, *duplicates))
    for split in SPLITS:
        if not source.splits[split]:
            raise UserError(
                f"the {split} split of {source.location} is empty ({source.split_rule}): "
                f"it needs more pairs{source.listed_problems}"
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
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"there is no data set {dataset[:80]!r}: {reason}") from None
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
    raise UserError(
        f"there is no data set '{dataset}' in {root}; {hint(dataset.lower(), known)}, "
        "or pass a folder's path"
    )


def _open_layout(folder: Path) -> Source:
    """Open the data set in `folder`, or the only one that lies up to `MAX_DEPTH` levels below."""
    level = [folder]
    for _ in range(MAX_DEPTH + 1):
        found = [
            (layout, here)
            for here in level
            if (layout := next((layout for layout in LAYOUTS if layout.matches(here)), None))
        ]
        if len(found) > 1:
            inside = ", ".join(str(here.relative_to(folder)) for _, here in found[:5])
            raise UserError(f"{folder} holds several data sets ({inside}): give the path of one")
        if found:
            layout, here = found[0]
            return layout.open_folder(here)
        level = [inner for outer in level for inner in subfolders(outer)]
    layouts = ", or ".join(layout.FOLDERS for layout in LAYOUTS)
    raise UserError(f"{folder} has no known layout; known are {layouts}")
