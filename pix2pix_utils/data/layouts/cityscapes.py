"""Cityscapes in its official layout (Cordts et al. 2016)."""

import re
from pathlib import Path

from pix2pix_utils.data.folders import file_stem, list_images, subfolders
from pix2pix_utils.data.layouts.pairing import match
from pix2pix_utils.data.layouts.side_names import side_of_name
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.source import Listing, Match
from pix2pix_utils.errors import UserError

PHOTOS, LABELS = "leftImg8bit", "gtFine"
FOLDERS = f"{PHOTOS}/ and {LABELS}/ (Cityscapes)"
HOW_TO_GET = (
    "register with Cityscapes, then fetch gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip "
    "with csDownload of the package cityscapesscripts and unpack both there"
)
MAX_VAL_SHARE = 0.15  # of the frames of the official train split
FRAME = re.compile(r"([^_]+)_\d+_\d+")  # city, sequence and frame number
ROLES = {PHOTOS: "photo", LABELS: "label"}
PHOTO_ENDING = "_leftImg8bit"
LABEL_KINDS = {  # endings of label map files; the first that all photos have is used
    "_gtFine_labelIds": "label-ids",
    "_gtFine_color": "colors",
    "_gtFine_labelTrainIds": "train-ids",
}
INSTANCES = ("_gtFine_instanceIds", "_gtFine_instanceTrainIds")


def find(folder: Path) -> Listing | None:
    """The official val split, whose labels are public, is the test split.

    The val split is the last cities of the official train split by name, as many as fit into 15 %
    of its frames: ulm, weimar and zurich, 359 of 2975 frames, if all 18 cities are there. Raises
    UserError if one of the two folders, a split, or every known kind of label maps is missing.
    """
    photo_root, label_root = (_root(folder, kind) for kind in (PHOTOS, LABELS))
    if photo_root is None and label_root is None:
        return None
    if photo_root is None or label_root is None:
        _refuse_half(folder, missing=PHOTOS if photo_root is None else LABELS)
        return None
    for root in (photo_root, label_root):
        for split in ("train", "val"):
            if not (root / split).is_dir():
                raise UserError(
                    f"there is no folder {root / split}: unpack {root.name}_trainvaltest.zip again"
                )
    splits = ("train", "val")
    photos = {split: _named(photo_root / split, PHOTO_ENDING) for split in splits}
    kinds = {
        ending: {split: _named(label_root / split, ending) for split in splits}
        for ending in LABEL_KINDS
    }
    if not any(kinds[ending]["train"] for ending in kinds) or not photos["train"]:
        _refuse_other_names(photo_root, label_root)
        return None
    # As many photos as possible have a label map; of equally many, the first kind is used.
    ending = max(
        kinds, key=lambda kind: sum(len(photos[s].keys() & kinds[kind][s]) for s in splits)
    )
    train, train_problems = match(photos["train"], kinds[ending]["train"], drive_of=_drive)
    test, test_problems = match(photos["val"], kinds[ending]["val"], drive_of=_drive)
    train, val, cities = _hold_out_cities(train, photo_root / "train")
    return Listing(
        name="cityscapes",
        folder=folder,
        description=f"photos and fine annotations (*{ending}) in the official layout of Cityscapes",
        sides=(PHOTOS, LABELS),
        splits={"train": tuple(train), "val": tuple(val), "test": tuple(test)},
        split_rule="test is the official val; "
        f"val is the cities {', '.join(cities)} of the official train",
        problems=(*train_problems, *test_problems),
        label_side=1,
        palette=CITYSCAPES,
        label_kind=LABEL_KINDS[ending],
    )


def _root(folder: Path, kind: str) -> Path | None:
    """The folder of one kind that holds the splits.

    It may lie in a folder of its own name, or of the name of the zip file that it came in.
    """
    for here in subfolders(folder):
        if here.name not in (kind, f"{kind}_trainvaltest"):
            continue
        inner: Path | None = here
        while inner is not None:
            inside = {path.name: path for path in subfolders(inner)}
            if "train" in inside or "val" in inside:
                return inner
            inner = inside.get(kind, inside.get(f"{kind}_trainvaltest"))
    return None


def _refuse_half(folder: Path, missing: str) -> None:
    """Raise UserError, unless another folder of photos or label maps stands in for the missing."""
    others = [path for path in subfolders(folder) if not path.name.startswith((*ROLES, "gtCoarse"))]
    if any(side_of_name(path.name) == ROLES[missing] for path in others):
        return
    present = next(kind for kind in ROLES if kind != missing)
    sentence = (
        f"{folder} has {present}/ of Cityscapes, but there is no {missing}/ with train and val"
    )
    if _root(folder.parent, missing) is not None:
        raise UserError(f"{sentence} in it: give the path of the folder above, {folder.parent}")
    raise UserError(
        f"{sentence} in it or beside it: get {missing}_trainvaltest.zip with csDownload of the "
        f"package cityscapesscripts and unpack it in {folder}"
    )


def _refuse_other_names(photo_root: Path, label_root: Path) -> None:
    """Raise UserError if the label maps are still to be made; other names are another data set."""
    folders = [path for root in (photo_root, label_root) for path in (root / "train", root / "val")]
    images = [image for path in folders for image in _images(path)]
    if all(image.stem.endswith((PHOTO_ENDING, *LABEL_KINDS, *INSTANCES)) for image in images):
        raise UserError(
            f"there are no photos *{PHOTO_ENDING}.png in {photo_root / 'train'}, or none of the "
            f"label maps {', '.join(f'*{ending}.png' for ending in LABEL_KINDS)} in "
            f"{label_root / 'train'}: unpack leftImg8bit_trainvaltest.zip and "
            "gtFine_trainvaltest.zip again"
        )


def _images(split: Path) -> list[Path]:
    """The files of a split, which lie in folders of cities or directly in it."""
    return [image for here in (*subfolders(split), split) for image in list_images(here)]


def _named(split: Path, ending: str) -> dict[str, Path]:
    """The files of a split with this ending, by city and frame: 'aachen/aachen_000000_000019'."""
    named = {}
    for path in _images(split):
        stem = file_stem(path)
        if stem.endswith(ending):
            frame = stem.removesuffix(ending)
            city = path.parent.name if path.parent != split else frame.split("_")[0]
            named[f"{city}/{frame}"] = path
    return named


def _drive(name: str) -> str:
    """City and sequence number, which frames of one recording share; the city if there is none."""
    city, frame = name.split("/", 1)
    return frame.rpartition("_")[0] if FRAME.fullmatch(frame) else city


def _hold_out_cities(
    pairs: list[Match], folder: Path
) -> tuple[list[Match], list[Match], list[str]]:
    """The pairs of the first cities and of the last ones by name, and the names of the latter."""
    by_city: dict[str, list[Match]] = {}
    for pair in pairs:
        by_city.setdefault(pair.name.split("/")[0], []).append(pair)
    if len(by_city) < 2:
        raise UserError(
            f"{folder} holds {len(by_city)} cities with label maps, but the val split is made of "
            "whole cities: it needs at least 2"
        )
    _, *others = by_city  # the first city always stays in the train split
    held_out = [others.pop()]
    while others:
        frames = sum(len(by_city[city]) for city in (others[-1], *held_out))
        if frames > MAX_VAL_SHARE * len(pairs):
            break
        held_out.insert(0, others.pop())
    return (
        [pair for city in by_city if city not in held_out for pair in by_city[city]],
        [pair for city in held_out for pair in by_city[city]],
        held_out,
    )
