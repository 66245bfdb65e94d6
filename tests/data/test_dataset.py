"""A data set from its name to three splits; checked, limited, and known by its fingerprint."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from pix2pix_utils.data.checking import check_source
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


def load_synthetic(**options):
    limits = {"train": 3, "val": 2, "test": 2}
    return load_data(**{"image_size": 16, "limits": limits, "progress": False, **options})


def test_label_and_photo_show_the_same_place_from_disk_to_tensor(camvid_folder):
    marker = np.zeros((36, 48), dtype=bool)
    marker[9:18, 32:40] = True  # a quarter of the height, off the centre both ways
    for split in ("train", "val"):
        for path in (camvid_folder / split).iterdir():
            photo = np.where(marker[..., None], 255, 0) + np.zeros(3)
            Image.fromarray(photo.astype(np.uint8)).save(path)
            classes = np.where(marker, CAMVID.index("Car"), CAMVID.index("Road")).astype(np.uint8)
            Image.fromarray(classes).save(camvid_folder / f"{split}annot" / path.name)
    data = load_data(str(camvid_folder), image_size=24, progress=False)
    for split in SPLITS:
        batch = data[split].batch(range(len(data[split])))
        is_car = batch["classes"] == CAMVID.index("Car")
        assert is_car[0, 6:12, 16:20].all() and is_car[0].sum() == 6 * 4
        assert torch.equal(batch["photo"][:, 0] > 0, is_car)
        assert torch.equal(batch["label"][:, 0] < 0, is_car)  # red: car 64, road 128


def test_load_synthetic_data():
    data = load_synthetic()
    assert data.name == data.location == "synthetic"
    assert [len(data[split]) for split in SPLITS] == [3, 2, 2]
    assert data["val"] is data.val
    # Evenly spaced over 2975 scenes.
    assert data.splits["train"] == ["street-0-0", "street-0-991", "street-0-1983"]
    again = load_synthetic(limits={"train": 1, "val": 1, "test": 1})
    np.testing.assert_array_equal(again.train.photos[0], data.train.photos[0])
    assert again.fingerprint == data.fingerprint
    assert load_synthetic(data_seed=1).fingerprint != data.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limits": {"train": 0}}, "limit of train is 0"),
        ({"limits": {"training": 3}}, "no split 'training'"),
        ({"image_size": 0}, "image size is 0"),
        ({"dataset": "synthtic"}, "did you mean 'synthetic'"),
    ],
)
def test_wrong_settings_are_named(options, message, tmp_path):
    with pytest.raises(UserError, match=message):
        load_synthetic(data_root=tmp_path, **options)


def test_limits_beyond_the_split_and_none_take_everything(camvid_folder):
    data = load_data(
        str(camvid_folder), image_size=16, limits={"train": 100, "val": None}, progress=False
    )
    assert [len(data[split]) for split in SPLITS] == [6, 2, 2]


def test_fingerprint_is_the_contents_not_the_place(camvid_folder, tmp_path):
    def fingerprint(folder, **options):
        return load_data(str(folder), progress=False, **{"image_size": 16, **options}).fingerprint

    first = fingerprint(camvid_folder)
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(camvid_folder, copy)
    path = copy / "train" / "train0.png"
    os.utime(path, (0, 0))
    assert fingerprint(copy) == first == fingerprint(camvid_folder, image_size=20)
    assert fingerprint(copy, limits={"train": 2}) == first
    shutil.copy(copy / "train" / "train1.png", path)
    path.write_bytes(path.read_bytes() + b" ")
    assert fingerprint(copy) != first


def test_check_lists_every_problem(camvid_folder):
    good = check_source(open_source(str(camvid_folder)), progress=False)
    assert good.counts == {"train": 6, "val": 2, "test": 2}
    assert good.photo_sizes == {(48, 36): 10}
    assert good.class_frequencies.sum() == pytest.approx(1) and good.problems == []
    (camvid_folder / "train" / "train1.png").write_bytes(b"no image")
    Image.new("L", (48, 36), 77).save(camvid_folder / "valannot" / "val3.png")
    bad = check_source(open_source(str(camvid_folder)), progress=False)
    assert len(bad.problems) == 2 and bad.photo_sizes == {(48, 36): 9}
    assert "value 77" in bad.problems[0] and "train1.png" in bad.problems[1]


def test_check_draws_a_few_scenes_only(monkeypatch):
    monkeypatch.setattr("pix2pix_utils.data.checking.DRAWN_SAMPLES", 1)
    check = check_source(open_source("synthetic"), progress=False)
    assert check.counts["train"] == 2975 and check.photo_sizes == {(256, 256): 3}
