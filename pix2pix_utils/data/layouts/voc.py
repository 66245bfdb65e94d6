"""Pascal VOC (Everingham et al. 2010) and what is exported in its layout."""

from collections.abc import Sequence
from pathlib import Path

from pix2pix_utils.data.folders import file_name_for, file_stem, list_images, subfolders
from pix2pix_utils.data.layouts.pairing import match_files
from pix2pix_utils.data.layouts.splits import split_groups
from pix2pix_utils.data.source import Listing, Match
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error

PHOTOS, LABELS = "JPEGImages", ("SegmentationClass", "SegmentationClassPNG")
LISTS = Path("ImageSets") / "Segmentation"
FOLDERS = f"{PHOTOS}/ and {LABELS[0]}/ (Pascal VOC)"


def find(folder: Path) -> Listing | None:
    """The splits are those of the lists in ImageSets/Segmentation, or random without them.

    Most photos have no label map and are left out. Raises UserError if no file of label maps is
    there, or if a list cannot be read.
    """
    present = {path.name for path in subfolders(folder)}
    if PHOTOS not in present or not present.intersection(LABELS):
        return None
    found = [(name, list_images(folder / name)) for name in LABELS if name in present]
    label_name, labels = next((pair for pair in found if pair[1]), (found[0][0], []))
    if not labels:
        raise UserError(f"{folder / label_name} holds no label maps as image files: add them")
    stems = {file_stem(path) for path in labels}
    photos = [path for path in list_images(folder / PHOTOS) if file_stem(path) in stems]
    pairs, problems = match_files(photos, labels)
    groups, missing = _listed(folder, pairs)
    splits, rule = split_groups(folder, groups or {"": pairs})
    return Listing(
        name=file_name_for(folder.name),
        folder=folder,
        description=f"photos in {PHOTOS}/ and label maps in {label_name}/ (Pascal VOC)",
        sides=(PHOTOS, label_name),
        splits=splits,
        split_rule=rule,
        problems=(*problems, *missing),
        label_side=1,
    )


def _listed(folder: Path, pairs: Sequence[Match]) -> tuple[dict[str, list[Match]], list[str]]:
    """The pairs by the lists that name them, and one sentence for each name that has no pair."""
    by_name = {pair.name: pair for pair in pairs}
    groups: dict[str, list[Match]] = {}
    problems = []
    for split in ("train", "val", "test"):
        path = folder / LISTS / f"{split}.txt"
        if not path.is_file():
            continue
        with explain_os_error(f"read {path}"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.strip() for line in lines if line.strip()]
        listed = [by_name[name] for name in names if name in by_name]
        if not listed and split == "test":
            continue  # the labels of the official test split are not public
        groups[split] = listed
        problems += [
            f"{path} lists '{name}', which has no pair of a photo and a label map: add it or "
            "remove it from the list"
            for name in names
            if name not in by_name
        ]
    return (groups, problems) if "train" in groups else ({}, problems)
