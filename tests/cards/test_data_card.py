"""The data card of a data set: licence, splits, classes, faults and leaks, and no private path."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pix2pix_utils.__main__ import main
from pix2pix_utils.data.palette import CITYSCAPES
from tests.folders_of_pairs import save, write_pairs

ROOT = Path(__file__).parents[2]


def colored(classes, path, number):
    save(CITYSCAPES.colors[classes].astype("uint8"), path)


def card_of(dataset, tmp_path, status=0):
    path = tmp_path / "card.md"
    assert main(["data", str(dataset), "--card", str(path)]) == status
    card = path.read_text(encoding="utf-8")
    assert str(tmp_path) not in card  # no place on this machine
    assert "{{" not in card and "{%" not in card
    return card


def test_the_card_of_the_drawn_streets_is_what_the_command_writes(tmp_path, capsys):
    card = card_of("synthetic", tmp_path)
    command = "python -m pix2pix_utils data synthetic --card data/streets-card.md"
    assert (ROOT / "data" / "streets-card.md").read_text(encoding="utf-8") == card, command
    assert "wrote" in capsys.readouterr().out
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "mit"
    assert "| train | 2975 | 2975 | 1 |" in card


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs", colored)


def test_the_card_of_ones_own_pairs_says_what_is_not_known_and_how_they_were_read(pairs, tmp_path):
    card = card_of(pairs, tmp_path)
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "unknown"
    for text in (
        "ask whoever made them",
        "recognised by colour, 100 % exact",
        "at random",
        "each counts as a group of its own",
        "No photo file has an exact copy in another split.",
        "all of them can be used",
        "faces and number plates",
        "| void | no (void) |" if "| void |" in card else "no (void)",
    ):
        assert text in card.replace("\n", " "), text
    assert sum(float(line.split("|")[2].strip(" %")) for line in class_rows(card)) == pytest.approx(
        100, abs=0.1
    )


def class_rows(card):
    table = card.partition("| class | share of the pixels |")[2].partition("\n\n")[0]
    return table.splitlines()[2:]


def test_a_broken_file_is_a_known_fault_and_the_command_still_fails(pairs, tmp_path):
    broken = sorted((pairs / "photos").iterdir())[0]
    broken.write_bytes(b"not an image")
    card = card_of(pairs, tmp_path, status=2)
    faults = card.partition("## Known faults")[2].partition("##")[0]
    assert f"photos/{broken.name}" in faults and "1 of the files or pairs cannot be used" in faults


def test_a_photo_in_two_splits_is_named(camvid_folder, tmp_path):
    shutil.copy(camvid_folder / "train" / "train0.png", camvid_folder / "val" / "val0.png")
    card = card_of(camvid_folder, tmp_path)
    assert "The same photo is in more than one split" in card
    assert "train/train0 (train) = val/val0 (val)" in card


def test_a_drive_in_two_splits_is_named_and_camvid_has_its_terms(tmp_path):
    generator = np.random.default_rng(0)
    frames = {
        "train": [f"0001TP_00{number}" for number in range(100, 106)] + ["0016E5_01440"],
        "val": [f"0016E5_080{number}" for number in range(10, 14)],
    }
    for split, names in frames.items():
        for name in names:
            classes = generator.integers(0, 12, size=(36, 48), dtype=np.uint8)
            photo = generator.integers(0, 255, size=(36, 48, 3), dtype=np.uint8)
            for folder, picture in ((split, photo), (f"{split}annot", classes)):
                path = tmp_path / "frames" / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(path)
    card = card_of(tmp_path / "frames", tmp_path)
    assert "# Data card: CamVid" in card and "research, not commercially" in card
    assert "| train | 6 | 1 | 6 |" in card
    groups = card.partition("more than one split")[2].partition("##")[0]
    assert "- 0016E5 (val, test)" in groups and "0001TP" not in groups
