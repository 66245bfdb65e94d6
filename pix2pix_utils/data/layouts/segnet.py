"""TODO."""

import re
from pathlib import Path

from pix2pix_utils.data.folders import file_name_for, list_images
from pix2pix_utils.data.items import FilePair
from pix2pix_utils.data.layouts.pairing import match_by_name
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.data.palette_discovery import csv_palette
from pix2pix_utils.data.source import SPLITS, Source
from pix2pix_utils.errors import UserError


def segnet(folder: Path) -> Source:
    if not (folder / "val").is_dir() or not (folder / "valannot").is_dir():
        raise UserError(
            f"{folder} has train/ and trainannot/ but lacks val/ or valannot/: add them"
        )
    photos = [*list_images(folder / "train"), *list_images(folder / "val")]
    own_names = all(_camvid_frame(photo.stem) for photo in photos)
    problems: list[str] = []

    def pairs(split: str) -> list[FilePair]:
        photos, labels = list_images(folder / split), list_images(folder / f"{split}annot")
        found, wrong = match_by_name(photos, labels, prefix="" if own_names else f"{split}/")
        problems.extend(wrong)
        return found

    left_out = 0
    if (folder / "test").is_dir() and (folder / "testannot").is_dir():
        splits = {split: pairs(split) for split in SPLITS}
        rule = "the official folders train, val and test"
    else:
        splits, left_out, rule = _split_camvid(pairs("train"), pairs("val"))
    return Source(
        "camvid" if own_names else file_name_for(folder.name),
        str(folder),
        csv_palette(folder) or CAMVID,
        {split: tuple(splits[split]) for split in SPLITS},
        rule,
        "photos and class index maps in the layout of the SegNet tutorial",
        left_out,
        problems=tuple(problems),
    )


CAMVID_VAL_DRIVE, CAMVID_VAL_FRAMES = "0016E5", range(1410, 2401)


CAMVID_GUARD = 150  # frames: 5 s at 30 Hz


def _split_camvid(
    train: list[FilePair], val: list[FilePair]
) -> tuple[dict[str, list[FilePair]], int, str]:
    """Three splits from the folders train and val: the splits, the frames left out, the rule.

    CamVid is video, one frame a second: frames next to each other are nearly the same picture, so
    a random split would test on what was trained on. The val folder (7 s of drive 0016E5 at 15 Hz)
    is the test split. The val split is a stretch of the same drive, 33 s long, behind which the
    drive has a gap of 65 s. Training frames within 5 s of either are left out.
    """

    named = {item: _camvid_frame(item.name) for item in (*train, *val)}
    frames = {item: frame for item, frame in named.items() if frame}

    def in_val(item: FilePair) -> bool:
        drive, number = frames[item]
        return drive == CAMVID_VAL_DRIVE and number in CAMVID_VAL_FRAMES

    if len(frames) < len(named) or not any(map(in_val, train)):
        half = len(val) // 2
        splits = {"train": train, "val": val[:half], "test": val[half:]}
        return splits, 0, "no folder test: the second half of val by name is the test split"

    splits = {"train": [], "val": [item for item in train if in_val(item)], "test": val}
    held_out = [frames[item] for item in (*splits["val"], *splits["test"])]
    left_out = 0
    for item in train:
        drive, number = frames[item]
        near = any(d == drive and abs(number - n) <= CAMVID_GUARD for d, n in held_out)
        if not near:
            splits["train"].append(item)
        elif not in_val(item):
            left_out += 1
    rule = (
        "no folder test: test is the folder val, val is drive 0016E5 frames 1410 to 2400 of train, "
        f"{left_out} training frames within 5 s of either are left out"
    )
    return splits, left_out, rule


def _camvid_frame(name: str) -> tuple[str, int] | None:
    """Drive and frame number of a CamVid file name, as in 0016E5_08610 or 0006R0_f00930."""
    found = re.fullmatch(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)", name)
    return (found[1], int(found[2])) if found else None
