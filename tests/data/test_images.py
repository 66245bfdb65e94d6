"""Whatever an image file holds, it is read as its owner sees it, or one sentence names it."""

import os
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils.data.checking import check_source
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.folders import list_images, subfolders
from pix2pix_utils.data.images import open_image, read_label_map
from pix2pix_utils.data.items import FilePair, SideBySide
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.errors import UserError

ROAD, SKY = CITYSCAPES.index("road"), CITYSCAPES.index("sky")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def label(tmp_path):
    """A label map of class indices, 20x20 pixels, road below sky."""
    path = tmp_path / "label.png"
    Image.fromarray(np.repeat([SKY, ROAD], 10).astype(np.uint8)[:, None].repeat(20, 1)).save(path)
    return path


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def read_photo(path, label, size=8):
    return FilePair("a", path, label).read(CITYSCAPES, size)[1]


def one_sentence(call) -> str:
    with pytest.raises(UserError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message
    return message


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(path, size: int):
    """A file of a few kilobytes that says it has size x size pixels."""
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", body)
        + png_chunk(b"IEND", b"")
    )
    return path


# --- What a photo may be --------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("grey.png", "L", {}),
        ("grey and alpha.png", "LA", {}),
        ("palette.png", "P", {}),
        ("palette with transparency.png", "P", {"transparency": b"\x00\x80"}),
        ("alpha.png", "RGBA", {}),
        ("print.jpg", "CMYK", {"quality": 100}),
        ("print.tif", "CMYK", {}),
        ("STRASSE ÄÖ 路.PNG", "RGB", {}),
    ],
)
def test_photos_look_as_they_do_elsewhere(tmp_path, label, name, mode, options):
    image = Image.new("RGB", (20, 20), (200, 40, 40) if mode[0] in "PRC" else (90, 90, 90))
    image.convert(mode).save(tmp_path / name, **options)
    expected = np.array(image)[0, 0].astype(int)
    found = read_photo(tmp_path / name, label).reshape(-1, 3).astype(int)
    tolerance = 26 if mode == "P" else 3  # the web palette has steps of 51
    assert np.abs(found - expected).max() <= tolerance


def test_transparent_pixels_keep_their_colour(tmp_path, label):
    path = tmp_path / "cutout.png"
    Image.new("RGBA", (20, 20), (10, 200, 30, 0)).save(path)
    assert (read_photo(path, label) == (10, 200, 30)).all()


def test_a_single_pixel_is_an_image(tmp_path):
    photo = save(tmp_path / "photo.png", np.full((1, 1, 3), 77, dtype=np.uint8))
    label = save(tmp_path / "label.png", np.full((1, 1), ROAD, dtype=np.uint8))
    classes, pixels = FilePair("a", photo, label).read(CITYSCAPES, 16)
    assert (classes == ROAD).all() and (pixels == 77).all() and pixels.shape == (16, 16, 3)


def test_a_side_by_side_image_of_one_column_is_refused(tmp_path):
    path = save(tmp_path / "thin.png", np.zeros((9, 1, 3), dtype=np.uint8))
    assert str(path) in one_sentence(lambda: SideBySide("a", path, True).read(CITYSCAPES, 8))


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "bmp"])
def test_the_content_counts_not_the_suffix(tmp_path, label, suffix):
    image = Image.new("RGB", (20, 20), (50, 100, 150))
    wrong = tmp_path / f"photo.{suffix}"
    image.save(wrong, format="PNG")
    assert (read_photo(wrong, label) == (50, 100, 150)).all()


@pytest.mark.parametrize("kind", ["GIF", "EPS", "PPM", "ICO", "PDF", "TGA"])
def test_other_formats_under_a_known_suffix_are_refused_unopened(tmp_path, label, kind):
    """Pillow would start Ghostscript for EPS."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (20, 20)).save(path, format=kind)
    message = one_sentence(lambda: read_photo(path, label))
    assert str(path) in message and "no PNG, JPEG, WebP, BMP or TIFF" in message


def test_floating_point_photos_are_refused_not_shown_black(tmp_path, label):
    path = save(tmp_path / "photo.tif", np.random.default_rng(0).random((20, 20), np.float32))
    message = one_sentence(lambda: read_photo(path, label))
    assert str(path) in message and "8-bit" in message


def test_numbers_that_are_no_grey_levels_are_refused(tmp_path, label):
    for value in (-1, 1 << 16):
        path = save(tmp_path / "photo.tif", np.full((20, 20), value, dtype=np.int32))
        assert str(path) in one_sentence(lambda path=path: read_photo(path, label))
    path = save(tmp_path / "photo.tif", np.full((20, 20), 200 << 8, dtype=np.int32))
    assert (read_photo(path, label) == 200).all()


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_an_animation_is_refused_since_it_has_no_one_picture(tmp_path, label, suffix):
    path = tmp_path / f"photo.{suffix}"
    frames = [Image.new("RGB", (20, 20), (value, 0, 0)) for value in (0, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert "several frames" in one_sentence(lambda: read_photo(path, label))


def test_the_second_picture_in_a_cameras_jpeg_does_not_matter(tmp_path, label):
    path = tmp_path / "photo.jpg"
    frames = [Image.new("RGB", (20, 20), (value, value, value)) for value in (200, 0)]
    frames[0].save(path, format="MPO", save_all=True, append_images=frames[1:])
    assert (read_photo(path, label) == 200).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_every_exif_orientation_is_shown_upright(tmp_path, suffix, orientation):
    upright = np.full((20, 30, 3), 20, dtype=np.uint8)
    upright[:8, :8] = 220  # top left
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    label = save(tmp_path / "label.png", np.zeros((20, 30), dtype=np.uint8))
    photo = FilePair("a", path, label).read(CITYSCAPES)[1]
    assert photo.shape == (20, 30, 3)
    assert np.abs(photo.astype(int) - upright).mean() < 5


# --- What cannot be read --------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("keep", [0, 1, 40, 0.5, 0.9])
def test_a_part_of_a_file_is_refused_by_its_path(tmp_path, label, suffix, keep):
    path = tmp_path / f"photo.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    assert str(path) in one_sentence(lambda: read_photo(path, label))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [9_000, 12_000, 60_000, 2_000_000_000])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, label, size):
    path = png_bomb(tmp_path / "bomb.png", size)
    message = one_sentence(lambda: read_photo(path, label))
    assert str(path) in message
    assert size > 100_000 or "million pixels" in message


def test_what_is_no_file_is_refused_at_once(tmp_path, label):
    places = [tmp_path / "missing.png", tmp_path / "folder.png"]
    places[1].mkdir()
    if hasattr(os, "mkfifo"):
        places.append(tmp_path / "pipe.png")
        os.mkfifo(places[-1])  # opening it would wait for ever
    for path in places:
        message = one_sentence(lambda path=path: read_photo(path, label))
        assert f"no file {path}" in message


def test_a_file_that_may_not_be_read_is_named(tmp_path, label, monkeypatch):
    path = save(tmp_path / "photo.png", np.zeros((20, 20, 3), dtype=np.uint8))

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", refuse)  # permission bits do not bind root
    message = one_sentence(lambda: open_image(path))
    assert message == f"cannot read the image {path}: Permission denied; replace it"


# --- Label maps -----------------------------------------------------------------------------------


def test_one_unknown_colour_is_named_not_given_to_another_class(tmp_path):
    """The lane markings of CamVid with 32 classes would otherwise become cars."""
    lane = (128, 0, 192)
    pixels = CAMVID.encode(np.full((40, 40), CAMVID.index("Road")))
    pixels[:, 19] = lane  # 2.5 % of the map
    path = save(tmp_path / "label.png", pixels)
    for size in (40, 8):  # whether or not the smaller map would have such a pixel
        message = one_sentence(lambda size=size: read_label_map(path, CAMVID, size))
        assert f"2% of {path} has the colour {lane}" in message and "camvid" in message


def test_blends_along_edges_are_not_unknown_colours(tmp_path):
    pixels = CAMVID.encode(np.repeat([CAMVID.index("Road"), CAMVID.index("Sky")], 100)[:, None])
    image = Image.fromarray(pixels.repeat(200, 1)).resize((150, 150), Image.Resampling.BICUBIC)
    image.save(tmp_path / "label.png")
    classes, _ = read_label_map(tmp_path / "label.png", CAMVID, 10)
    assert (classes[0] == CAMVID.index("Road")).all() and (classes[9] == CAMVID.index("Sky")).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_a_class_index_out_of_range_is_named(tmp_path, dtype):
    suffix = "tif" if dtype == np.int32 else "png"
    wrong = -5 if dtype == np.int32 else 40
    path = save(tmp_path / f"label.{suffix}", np.full((8, 8), wrong, dtype=dtype))
    message = one_sentence(lambda: read_label_map(path, CITYSCAPES, 8))
    assert str(path) in message and str(wrong) in message and "0 to 28" in message


def test_big_endian_16_bit_label_maps_are_read(tmp_path):
    path = tmp_path / "label.tif"
    Image.frombytes("I;16B", (8, 8), np.full((8, 8), ROAD, ">u2").tobytes()).save(path)
    assert (read_label_map(path, CITYSCAPES, 4)[0] == ROAD).all()


# --- Folders --------------------------------------------------------------------------------------


def test_names_of_every_kind_make_pairs(tmp_path):
    names = ["with space", "UPPER", "ünïcödé 路", "a.b.c", "semi;colon", "quote'", "é"]
    for name in names:
        save(tmp_path / "d" / "photos" / f"{name}.JPG", np.zeros((8, 8, 3), dtype=np.uint8))
        # as a Mac writes it: the accent as a letter of its own
        other = name.replace("é", "e\u0301")
        save(tmp_path / "d" / "labels" / f"{other}.PNG", np.full((8, 8), ROAD, dtype=np.uint8))
    source = open_source(tmp_path / "d")
    assert source.problems == ()
    assert sorted(i.name for items in source.splits.values() for i in items) == sorted(names)
    assert load_data(str(tmp_path / "d"), image_size=16, progress=False).splits["train"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_no_text_is_read_and_written_as_ascii(tmp_path):
    for index in range(10):
        name = os.fsdecode(b"\xff%d" % index)
        save(tmp_path / "d" / "photos" / f"{name}.png", np.zeros((8, 8, 3), dtype=np.uint8))
        save(tmp_path / "d" / "labels" / f"{name}.png", np.full((8, 8), ROAD, dtype=np.uint8))
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
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    for name in ("iterdir", "is_dir"):
        (tmp_path / "inner").mkdir(exist_ok=True)
        with monkeypatch.context() as patch:
            patch.setattr(type(tmp_path), name, refuse)
            with pytest.raises(UserError, match=rf"cannot read .*{tmp_path.name}: Permission"):
                subfolders(tmp_path)
    save(tmp_path / "1.png", np.zeros((2, 2), dtype=np.uint8))
    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "is_dir", refuse)
        assert list_images(tmp_path) == [tmp_path / "1.png"]  # reading it tells why not


def test_a_file_that_vanishes_is_named(camvid_folder):
    source = open_source(camvid_folder)
    gone = source.splits["train"][2].photo
    gone.unlink()
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
        label = CITYSCAPES.encode(np.full((8, 8), ROAD))
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
