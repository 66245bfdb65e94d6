"""Find a data set by its name or path, and describe it as a `Source`."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pix2pix_utils.data.folders import subfolders, summarize_problems
from pix2pix_utils.data.layouts import LAYOUTS, cityscapes, segnet
from pix2pix_utils.data.layouts.synthetic import synthetic
from pix2pix_utils.data.reading.description import describe
from pix2pix_utils.data.reading.options import Options, read_options, split_address
from pix2pix_utils.data.source import SPLITS, Listing, Source
from pix2pix_utils.errors import UserError, hint
from pix2pix_utils.paths import data_root as default_data_root

HOW_TO_GET = {"camvid": segnet.HOW_TO_GET, "cityscapes": cityscapes.HOW_TO_GET}
NAMES = ("synthetic", *HOW_TO_GET)
MAX_DEPTH = 3  # folders between the one that was named and the data set


def open_source(
    dataset: str, data_root: Path | None = None, data_seed: int = 0, progress: bool = True
) -> Source:
    """Find a data set and decide how its files are read; opens each file that has changed.

    `dataset` is 'synthetic', the name of a folder in `data_root` ('camvid', 'cityscapes' or one's
    own, in any case), or the path of a folder in one of the `layouts`; `reading.options` may stand
    behind a folder. `data_seed` chooses the scenes of 'synthetic'.

    Unpaired files and duplicate names are listed in the source's `problems`; `load_data` refuses
    such a source, but `check_source` can report all of them at once.

    Raises UserError if there is no such data set, if its layout is unknown, if a split is empty,
    or if it is not certain how its label maps are read.
    """
    dataset = str(dataset)
    if dataset.lower() == "synthetic":
        return synthetic(data_seed)
    root = Path(data_root) if data_root is not None else default_data_root()
    folder, options = _find_folder(dataset, root)
    if str(folder) != str(folder).encode(errors="replace").decode():
        raise UserError(f"the path {str(folder)!r} is not valid text: rename it")
    listing = _find_listing(folder)
    names = Counter(match.name for matches in listing.splits.values() for match in matches)
    duplicates = [
        f"{listing.folder} holds {count} pairs of the name '{name}': rename all but one"
        for name, count in names.items()
        if count > 1
    ]
    listing = replace(listing, problems=(*listing.problems, *duplicates))
    for split in SPLITS:
        if not listing.splits[split]:
            raise UserError(
                f"the {split} split of {listing.folder} is empty ({listing.split_rule}): "
                f"it needs more pairs{summarize_problems(listing.problems)}"
            )
    options = options.over(read_options(folder))
    if listing.folder != folder:
        options = options.over(read_options(listing.folder))
    return describe(listing, folder, options, progress)


def _find_folder(dataset: str, root: Path) -> tuple[Path, Options]:
    """The folder of that name in `root`, else the folder of that path, and the options behind."""
    folder, options = split_address(dataset)
    try:
        return _existing_folder(folder, root), options
    except UserError:
        if folder == dataset:
            raise
        with suppress(OSError, ValueError):
            if Path(dataset).is_dir():  # a question mark in the folder's own name
                return Path(dataset).resolve(), Options()
        raise


def _existing_folder(dataset: str, root: Path) -> Path:
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


def _find_listing(folder: Path) -> Listing:
    """The data set in `folder`, or the only one that lies up to `MAX_DEPTH` levels below."""
    level = [folder]
    for _ in range(MAX_DEPTH + 1):
        found = [listing for here in level if (listing := _listing(here)) is not None]
        if len(found) > 1:
            inside = ", ".join(str(listing.folder.relative_to(folder)) for listing in found[:5])
            raise UserError(f"{folder} holds several data sets ({inside}): give the path of one")
        if found:
            return found[0]
        level = [inner for outer in level for inner in subfolders(outer)]
    layouts = ", or ".join(layout.FOLDERS for layout in LAYOUTS)
    raise UserError(f"{folder} has no known layout; known are {layouts}")


def _listing(folder: Path) -> Listing | None:
    found = (layout.find(folder) for layout in LAYOUTS)
    return next((listing for listing in found if listing is not None), None)
