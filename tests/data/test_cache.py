"""The cache is built once, whole, and again when something it depends on has changed."""

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils.data import cache
from pix2pix_utils.data.cache import load_arrays
from pix2pix_utils.data.dataset import limit_source, load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CITYSCAPES, Palette
from pix2pix_utils.data.reading import pair
from pix2pix_utils.data.reading.pair import Pair
from pix2pix_utils.data.source import SPLITS, Picture, Reading, Source
from pix2pix_utils.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path) -> Source:
    generator = np.random.default_rng(0)
    items = []
    for index in range(6):
        photo, label = tmp_path / f"photo{index}.png", tmp_path / f"label{index}.png"
        Image.fromarray(generator.integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(photo)
        Image.fromarray(generator.integers(0, 29, (20, 40), dtype=np.uint8)).save(label)
        items.append(Pair(f"pair{index}", Picture(photo), Picture(label)))
    splits = {"train": tuple(items[:4]), "val": (items[4],), "test": (items[5],)}
    return Source("my pairs", str(tmp_path), Reading(CITYSCAPES), splits, "", "")


@pytest.fixture
def decoded(monkeypatch) -> list:
    """The names of the files that are decoded."""
    names = []
    original = pair.open_picture

    def counting(picture, upright):
        names.append(picture.path.name)
        return original(picture, upright)

    monkeypatch.setattr(pair, "open_picture", counting)
    return names


def load(source: Source, split: str = "train", size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    return load_arrays(source, split, size, progress=False)


def test_arrays_hold_what_the_items_read(source):
    photos, classes = load(source)
    assert photos.shape == (4, 8, 8, 3) and classes.shape == (4, 8, 8)
    assert isinstance(photos, np.memmap) and not photos.flags.writeable
    for index, item in enumerate(source.splits["train"]):
        class_map, photo = item.read(Reading(CITYSCAPES), 8)
        np.testing.assert_array_equal(classes[index], class_map)
        np.testing.assert_array_equal(photos[index], photo)


def test_built_once(source, decoded, own_cache):
    load(source)
    assert len(decoded) == 8
    load(source)
    assert len(decoded) == 8
    assert [path.name[:17] for path in own_cache.glob("my*")] == ["my_pairs-train-8-"]


def test_built_again_when_the_source_changes(source, decoded):
    load(source)
    photo = source.splits["train"][2].photo.path
    os.utime(photo, ns=(0, photo.stat().st_mtime_ns + 1))
    load(source)
    assert len(decoded) == 16
    load(source, size=4)
    assert len(decoded) == 24
    other = Palette("other", CITYSCAPES.classes, CITYSCAPES.colors[::-1], 19)
    load(replace(source, reading=Reading(other)))
    assert len(decoded) == 32
    assert len(load(limit_source(source, {"train": 2}))[0]) == 2


def test_a_changed_drawing_is_drawn_again():
    scenes = limit_source(open_source("synthetic"), {"train": 2})
    first = load(scenes, size=16)[0].filename
    changed = replace(scenes, version="another drawing")
    assert load(changed, size=16)[0].filename != first
    assert load(scenes, size=16)[0].filename == first


@pytest.mark.parametrize("file", ["photos.npy", "classes.npy", "index.json"])
@pytest.mark.parametrize("damage", ["truncated", "emptied", "deleted", "replaced"])
def test_a_damaged_cache_is_built_again(source, own_cache, file, damage):
    photos, _ = load(source)
    expected = np.array(photos)
    path = next(own_cache.glob("my*")) / file
    content = path.read_bytes()
    path.unlink()
    if damage == "replaced":
        path.write_bytes(b'{"key": "of another"}' if file == "index.json" else content[:-8] * 2)
    elif damage != "deleted":
        path.write_bytes(content[:-8] if damage == "truncated" else b"")
    if damage == "replaced" and file != "index.json":
        np.save(path, np.zeros((4, 4)))
    photos, classes = load(source)
    np.testing.assert_array_equal(photos, expected)
    assert classes.shape == (4, 8, 8)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_build_leaves_nothing(source, own_cache, monkeypatch, stop):
    def interrupted(picture, upright):
        if picture.path.name == "photo3.png":
            raise stop
        return Image.new("L", (40, 20))

    with monkeypatch.context() as patch, pytest.raises(stop):
        patch.setattr(pair, "open_picture", interrupted)
        load(source)
    assert [path.name for path in own_cache.iterdir() if path.is_dir()] == []
    assert len(load(source)[0]) == 4


def test_what_a_killed_build_left_is_removed(source, own_cache):
    (own_cache / ".part" / "of another data set").mkdir(parents=True)
    (own_cache / "my film.part").mkdir()
    load(source)
    assert [path.name for path in own_cache.glob("*.part")] == ["my film.part"]


def test_a_bad_file_is_a_user_error(source, own_cache):
    source.splits["train"][1].photo.path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"photo1\.png"):
        load(source)
    source.splits["train"][1].photo.path.unlink()
    with pytest.raises(UserError, match=r"photo1\.png"):
        load(source)
    assert not list(own_cache.glob("my*"))


def test_a_cache_that_cannot_be_written_is_a_user_error(source, own_cache, monkeypatch):
    own_cache.write_text("a file")
    with pytest.raises(UserError, match="PIX2PIX_CACHE"):
        load(source)
    own_cache.unlink()
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(UserError, match=r"MB free.*PIX2PIX_CACHE"):
        load(source)


# A script without a `__main__` guard, as students write it; it says how often it draws.
SCRIPT = """
from dataclasses import replace
from pix2pix_utils.data import cache
from pix2pix_utils.data.discovery import open_source

build = cache._build
cache._build = lambda *arguments: (print("builds"), build(*arguments))
cache.WORKERS, cache.MIN_ITEMS_FOR_PROCESSES = 2, 4
source = open_source("synthetic")
source = replace(source, splits={"train": source.splits["train"][:24]})
photos, classes = cache.load_arrays(source, "train", 16)
print(photos.shape, int(photos.sum()))
"""


def test_two_processes_build_once_with_workers_of_their_own(tmp_path, own_cache):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    runs = [
        subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs, errors = zip(*(run.communicate(timeout=60) for run in runs), strict=True)
    assert [run.returncode for run in runs] == [0, 0], errors
    lines = sorted("".join(outputs).splitlines())
    assert len(lines) == 3 and lines[2] == "builds", lines
    assert lines[0] == lines[1]
    assert "synthetic train at 16 px" in "".join(errors)
    source = open_source("synthetic")
    source = replace(source, splits={"train": source.splits["train"][:24]})
    photos, classes = load(source, size=16)  # reads what the scripts have built
    for index in (0, 23):
        class_map, photo = source.splits["train"][index].read(Reading(CITYSCAPES), 16)
        np.testing.assert_array_equal(classes[index], class_map)
        np.testing.assert_array_equal(photos[index], photo)


def test_user_errors_of_worker_processes_arrive(monkeypatch):
    monkeypatch.setattr(cache, "WORKERS", 2)
    monkeypatch.setattr(cache, "MIN_ITEMS_FOR_PROCESSES", 2)
    scenes = limit_source(open_source("synthetic"), {"train": 4})
    with pytest.raises(UserError, match="16 to 1024"):
        load(scenes, size=8)


# --- Several processes, sudden ends, full disks ---------------------------------------------------

# Builds the cache of a folder; every file takes a moment, so that there is something to disturb.
SLOW_BUILD = """
import sys, time
from pix2pix_utils.data.cache import load_arrays
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.reading import pair
from pix2pix_utils.data.source import SPLITS

read = pair.open_picture
def slowly(picture, upright):
    time.sleep(0.02)
    return read(picture, upright)
pair.open_picture = slowly
print("starts", flush=True)
source = open_source(sys.argv[1], progress=False)
print(sum(int(load_arrays(source, split, 16, False)[0].sum()) for split in SPLITS))
"""


def start_build(tmp_path, folder) -> subprocess.Popen:
    script = tmp_path / "slow.py"
    script.write_text(SLOW_BUILD)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "starts\n"
    return process


def right_sum(folder) -> str:
    source = open_source(folder)
    items = [item for items in source.splits.values() for item in items]
    return str(sum(int(item.read(source.reading, 16)[1].sum()) for item in items))


def test_two_builds_of_one_folder_at_once_both_end_right(camvid_folder, tmp_path, own_cache):
    builds = [start_build(tmp_path, camvid_folder) for _ in range(2)]
    outputs = [build.communicate(timeout=300)[0].strip() for build in builds]
    assert outputs == [right_sum(camvid_folder)] * 2
    assert len([path for path in own_cache.iterdir() if path.is_dir()]) == 3


def test_after_kill_9_at_any_moment_the_next_build_is_right(camvid_folder, tmp_path, own_cache):
    """The lock of the dead process holds nobody up, and what it left is not taken for a cache."""
    moments = np.random.default_rng(0).uniform(0, 0.25, 4)
    for moment in moments:
        build = start_build(tmp_path, camvid_folder)
        time.sleep(moment)
        build.kill()
        build.communicate()
    source = open_source(camvid_folder)
    photos = [load(source, split, 16)[0] for split in SPLITS]
    assert str(sum(int(values.sum()) for values in photos)) == right_sum(camvid_folder)
    assert not (own_cache / ".part").exists()


def test_a_lock_file_without_an_owner_is_taken_over(source, own_cache):
    own_cache.mkdir()
    (own_cache / ".lock").write_text("99999999")
    assert len(load(source)[0]) == 4


@pytest.mark.parametrize(
    ("number", "words", "place"),
    [
        (errno.ENOSPC, "No space left", "array"),
        (errno.ENOSPC, "No space left", "sync"),
        (errno.EROFS, "Read-only", "index"),
        (errno.EACCES, "Permission denied", "rename"),
    ],
)
def test_a_cache_that_fails_half_way_is_told_and_leaves_nothing(
    source, own_cache, monkeypatch, number, words, place
):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    where = {
        "array": (np.lib.format, "write_array_header_1_0"),
        "index": (cache, "write_json"),
        "sync": (os, "fsync"),
        "rename": (type(own_cache), "rename"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*where[place], fail)
        with pytest.raises(UserError, match=rf"{words}.*PIX2PIX_CACHE") as error:
            load(source)
    assert "\n" not in str(error.value)
    assert [path for path in own_cache.iterdir() if path.name != ".lock"] == []
    assert len(load(source)[0]) == 4


def test_a_disk_that_fills_up_while_the_cache_is_built(source, small_disk, monkeypatch):
    monkeypatch.setenv("PIX2PIX_CACHE", str(small_disk))
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(UserError, match=r"No space left.*PIX2PIX_CACHE"):
        load(source, size=256)
    assert [path for path in small_disk.iterdir() if path.name != ".lock"] == []
    assert len(load(source, size=16)[0]) == 4


def test_a_finished_cache_is_read_where_nothing_can_be_written(source, own_cache, monkeypatch):
    photos, _ = load(source)

    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("mkdir", "rename", "unlink"):
        monkeypatch.setattr(type(own_cache), name, refuse)
    monkeypatch.setattr(cache, "FileLock", refuse)
    np.testing.assert_array_equal(load(source)[0], photos)


def test_the_data_folder_is_never_written_to(camvid_folder):
    def listing():
        return {
            path: path.stat().st_mtime_ns for path in [camvid_folder, *camvid_folder.rglob("*")]
        }

    before = listing()
    load_data(str(camvid_folder), image_size=16, progress=False)
    assert listing() == before


def test_a_bad_file_says_how_to_find_the_others(source):
    source.splits["train"][1].photo.path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"photo1\.png.*pix2pix_utils data .* lists every"):
        load(source)
