"""Folders as people have them: odd names, litter, links, damaged files, all named at once."""

import os
import sys

import numpy as np
import pytest
from messages import one_sentence
from PIL import Image

from pix2pix_utils.data.checking import check_source
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.folders import (
    file_name_for,
    list_images,
    subfolders,
    summarize_problems,
)
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.training.runs import Run

ROAD, TREE, SKY, CAR = (CITYSCAPES.index(name) for name in ("road", "vegetation", "sky", "car"))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)
    return path


def road_and_car():
    return np.repeat(np.array([[ROAD], [CAR]], dtype=np.uint8), 4, axis=0).repeat(8, axis=1)


ODD = ["..", "a:b", 'q"<>|?*', "ends in dots...", " space ", "new\nline", "路" * 60, "-rf", ""]


@pytest.mark.parametrize("name", ODD)
def test_any_name_becomes_a_part_of_file_names(name):
    safe = file_name_for(name)
    assert safe and not set('<>:"/\\|?*\n') & set(safe)
    assert safe == safe.strip(" .") and len(safe.encode()) <= 100


def test_ten_problems_are_listed_and_the_others_counted():
    problems = [f"{number}.png has no label map" for number in range(25)]
    lines = summarize_problems(problems).splitlines()
    assert lines[1:11] == [f"  {problem}" for problem in problems[:10]]
    assert lines[11:] == ["  and 15 more"] and summarize_problems([]) == ""


def test_images_are_listed_in_natural_order_whatever_the_case_of_their_suffix(tmp_path):
    for name in ("10.PNG", "9.jpg", "1.JPEG", "2.txt", ".3.png"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["1.JPEG", "9.jpg", "10.PNG"]


def test_names_of_every_kind_make_pairs(tmp_path):
    names = ["with space", "UPPER", "ünïcödé 路", "a.b.c", "semi;colon", "quote'", "é"]
    for name in names:
        save(tmp_path / "d" / "photos" / f"{name}.JPG", np.zeros((8, 8, 3), dtype=np.uint8))
        # as a Mac writes it: the accent as a letter of its own
        other = name.replace("é", "e\u0301")
        save(tmp_path / "d" / "labels" / f"{other}.PNG", road_and_car())
    source = open_source(tmp_path / "d")
    assert source.problems == ()
    assert sorted(i.name for items in source.splits.values() for i in items) == sorted(names)
    assert load_data(str(tmp_path / "d"), image_size=16, progress=False).splits["train"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_no_text_is_read_and_written_as_ascii(tmp_path):
    for index in range(10):
        name = os.fsdecode(b"\xff%d" % index)
        save(tmp_path / "d" / "photos" / f"{name}.png", np.zeros((8, 8, 3), dtype=np.uint8))
        save(tmp_path / "d" / "labels" / f"{name}.png", road_and_car())
    data = load_data(str(tmp_path / "d"), image_size=16, progress=False)
    names = [name for split in data.splits.values() for name in split]
    assert sorted(names) == [f"\\udcff{index}" for index in range(10)]


def test_litter_is_passed_over(camvid_folder):
    before = open_source(camvid_folder).splits
    for folder in ("", "train", "trainannot", "val"):
        for name in (".DS_Store", "Thumbs.db", "._train0.png", ".hidden.png", "desktop.ini"):
            (camvid_folder / folder / name).write_bytes(b"\0")
        for name in ("@eaDir", "__MACOSX", ".thumbnails"):
            save(camvid_folder / folder / name / "train0.png", np.zeros((2, 2), dtype=np.uint8))
        (camvid_folder / folder / "folder.png").mkdir()
    assert open_source(camvid_folder).splits == before


@pytest.fixture
def links(tmp_path):
    """Skips where links cannot be made."""
    try:
        (tmp_path / "probe").symlink_to(tmp_path)
        (tmp_path / "probe").unlink()
    except OSError:
        pytest.skip("this system makes no symbolic links")


def test_links_to_files_and_folders_are_followed(camvid_folder, tmp_path, links):
    elsewhere = tmp_path / "elsewhere"
    (camvid_folder / "train").rename(elsewhere)
    (camvid_folder / "train").symlink_to(elsewhere)
    photo = camvid_folder / "val" / "val0.png"
    photo.rename(tmp_path / "photo.png")
    photo.symlink_to(tmp_path / "photo.png")
    check = check_source(open_source(camvid_folder), progress=False)
    assert check.problems == [] and sum(check.counts.values()) == 10


def test_links_that_lead_nowhere_or_in_circles_are_named_together(camvid_folder, links):
    nowhere, circle = camvid_folder / "train" / "train0.png", camvid_folder / "val" / "val1.png"
    for path, target in ((nowhere, "gone.png"), (circle, circle.name)):
        path.unlink()
        path.symlink_to(target)
    problems = check_source(open_source(camvid_folder), progress=False).problems
    assert len(problems) == 2
    assert str(nowhere) in problems[0] and str(circle) in problems[1]
    with pytest.raises(UserError, match="train0.png"):
        load_data(str(camvid_folder), image_size=16, progress=False)


def test_a_folder_that_links_to_itself_is_no_second_data_set(camvid_folder, links):
    outer = camvid_folder.parent / "outer"
    outer.mkdir()
    camvid_folder.rename(outer / "pairs")
    (outer / "loop").symlink_to(outer)
    (outer / "pairs" / "loop").symlink_to(outer)
    assert open_source(outer).location == str(outer / "pairs")


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    save(tmp_path / "1.png", np.zeros((2, 2), dtype=np.uint8))
    with monkeypatch.context() as patch:  # permission bits do not bind root
        patch.setattr(os, "scandir", refuse)
        for listing in (list_images, subfolders):
            with pytest.raises(UserError, match=rf"cannot read .*{tmp_path.name}: Permission"):
                listing(tmp_path)


def test_a_file_that_vanishes_is_named(camvid_folder):
    source = open_source(camvid_folder)
    gone = source.splits["train"][2].photo
    gone.path.unlink()
    assert check_source(source, progress=False).problems == [f"there is no file {gone}"]


def test_every_bad_file_is_named_at_once(camvid_folder):
    """Damaged, unpaired, off the palette, of another shape: one look finds all."""
    train, labels = camvid_folder / "train", camvid_folder / "trainannot"
    bad = {
        train / "train0.png": "damaged",
        labels / "train1.png": "class index out of range",
        labels / "train2.png": "of another shape than its photo",
        train / "train3.png": "without a label map",
        camvid_folder / "valannot" / "val0.png": "without a photo",
    }
    (train / "train0.png").write_bytes(b"")
    save(labels / "train1.png", np.full((36, 48), 200, dtype=np.uint8))
    save(labels / "train2.png", np.zeros((48, 36), dtype=np.uint8))
    (labels / "train3.png").unlink()
    (camvid_folder / "val" / "val0.png").unlink()
    (labels / "train4.png").write_bytes(b"")  # both files of a pair
    (train / "train4.png").write_bytes(b"")
    bad |= {folder / "train4.png": "damaged" for folder in (train, labels)}
    problems = check_source(open_source(camvid_folder), progress=False).problems
    assert len(problems) == len(bad) - 1
    for path, kind in bad.items():
        assert sum(str(path) in problem for problem in problems) == 1, kind
    with pytest.raises(UserError, match="train3.png") as error:
        load_data(str(camvid_folder), image_size=16, progress=False)
    assert "val0.png" in str(error.value)


@pytest.mark.parametrize("layout", ["side by side", "parallel"])
def test_damaged_files_do_not_hide_the_others(tmp_path, layout):
    """Some of them are among those that the palette is found by; half of all are damaged."""
    for index in range(20):
        label = CITYSCAPES.encode(np.tile([ROAD, SKY, CAR, TREE], (8, 2)))
        photo = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        if layout == "parallel":
            save(tmp_path / "d" / "labels" / f"{index}.png", label)
            path = save(tmp_path / "d" / "photos" / f"{index}.png", photo)
        else:
            path = save(tmp_path / "d" / f"{index}.png", np.concatenate([photo, label], axis=1))
        if index < 10 or index % 4 == 0:
            path.write_bytes(path.read_bytes()[:-40])
    source = open_source(tmp_path / "d")
    assert source.palette is CITYSCAPES
    assert len(check_source(source, progress=False).problems) == 12


def test_a_folder_of_damaged_files_only_is_refused_by_the_first(tmp_path):
    for index in range(4):
        (tmp_path / "d").mkdir(exist_ok=True)
        (tmp_path / "d" / f"{index}.png").write_bytes(b"x")
    assert "0.png" in one_sentence(lambda: open_source(tmp_path / "d"))


def test_an_empty_split_is_named(camvid_folder):
    for path in (*(camvid_folder / "val").iterdir(), *(camvid_folder / "valannot").iterdir()):
        path.unlink()
    assert "val split" in one_sentence(lambda: open_source(camvid_folder))


@pytest.mark.parametrize("name", ["..", 'q"<>|?*', "ends in dots...", "new\nline", "路" * 60])
def test_a_run_stays_in_the_output_folder_whatever_the_data_set_is_called(
    camvid_folder, tmp_path, smoke_config, name
):
    folder = tmp_path / "sets" / name
    if name == "..":
        folder = camvid_folder / "train" / ".."
    else:
        folder.parent.mkdir()
        camvid_folder.rename(folder)
    data = load_data(str(folder), image_size=32, progress=False)
    run = Run.create(tmp_path / "output", smoke_config, data)
    assert run.folder.parent == tmp_path / "output" / "runs"
    assert run.folder.is_dir() and run.folder.resolve().is_relative_to(tmp_path / "output")
    written = [*(tmp_path / "cache").iterdir(), *(tmp_path / "output").rglob("*")]
    for path in written:
        assert not set('<>:"\\|?*\n') & set(path.name), path
        assert len(path.name.encode()) < 240 and path.name == path.name.rstrip(" .")
