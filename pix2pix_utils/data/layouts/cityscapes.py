"""Cityscapes in its official layout (Cordts et al. 2016)."""

from pathlib import Path

from pix2pix_utils.data.folders import file_stem, list_images, subfolders
from pix2pix_utils.data.layouts.pairing import FilePair, match
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.source import Source
from pix2pix_utils.errors import UserError

FOLDERS = "leftImg8bit/ and gtFine/ (Cityscapes)"
HOW_TO_GET = (
    "register with Cityscapes, then fetch gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip "
    "with csDownload of the package cityscapesscripts and unpack both there"
)
MAX_VAL_SHARE = 0.15  # of the frames of the official train split


def matches(folder: Path) -> bool:
    return (folder / "leftImg8bit").is_dir() or (folder / "gtFine").is_dir()


def open_folder(folder: Path) -> Source:
    """The official val split, whose labels are public, is the test split.

    The val split is the last cities of the official train split by name, as many as fit into 15 %
    of its frames: ulm, weimar and zurich, 359 of 2975 frames, if all 18 cities are there.
    """
    for needed in ("leftImg8bit", "gtFine"):
        for split in ("train", "val"):
            if not (folder / needed / split).is_dir():
                raise UserError(f"there is no folder {folder / needed / split}: {HOW_TO_GET}")
    train, train_problems = _pairs(folder, "train")
    test, test_problems = _pairs(folder, "val")
    by_city: dict[str, list[FilePair]] = {}
    for pair in train:
        by_city.setdefault(pair.name.split("/")[0], []).append(pair)
    if len(by_city) < 2:
        raise UserError(
            f"{folder / 'leftImg8bit' / 'train'} holds {len(by_city)} cities, but the val split is "
            "made of whole cities: it needs at least 2"
        )
    _, *others = by_city  # the first city always stays in the train split
    held_out = [others.pop()]
    while others:
        frames = sum(len(by_city[city]) for city in (others[-1], *held_out))
        if frames > MAX_VAL_SHARE * len(train):
            break
        held_out.insert(0, others.pop())
    return Source(
        name="cityscapes",
        location=str(folder),
        palette=CITYSCAPES,
        splits={
            "train": tuple(p for city in by_city if city not in held_out for p in by_city[city]),
            "val": tuple(pair for city in held_out for pair in by_city[city]),
            "test": tuple(test),
        },
        split_rule="test is the official val; "
        f"val is the cities {', '.join(held_out)} of the official train",
        description="photos and fine annotations in the official layout of Cityscapes",
        problems=(*train_problems, *test_problems),
    )


def _pairs(folder: Path, split: str) -> tuple[list[FilePair], list[str]]:
    """The pairs of an official split by city, and one sentence for each file that is in none."""
    photos = {
        f"{city.name}/{file_stem(path).removesuffix('_leftImg8bit')}": path
        for city in subfolders(folder / "leftImg8bit" / split)
        for path in list_images(city)
    }
    # Label ids and colours give the same classes, since the colours are written out from the ids.
    labels = {
        f"{city.name}/{file_stem(path).removesuffix(kind)}": path
        for kind in ("_gtFine_color", "_gtFine_labelIds")
        for city in subfolders(folder / "gtFine" / split)
        for path in list_images(city)
        if path.stem.endswith(kind)
    }
    return match(photos, labels)
