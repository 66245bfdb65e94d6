"""Whatever an image file holds, it is read as its owner sees it, or one sentence names it."""

import os
import struct
import zlib

import numpy as np
import pytest
from messages import one_sentence
from PIL import Image

from pix2pix_utils.data.images import open_image, to_classes
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.data.reading.pair import Pair
from pix2pix_utils.data.source import Picture, Reading

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


def read_pair(photo, label, size=None):
    return Pair("a", Picture(photo), Picture(label)).read(Reading(CITYSCAPES), size)


def read_photo(path, label, size=8):
    return read_pair(path, label, size)[1]


def read_label_map(path, reading, size=None):
    return to_classes(open_image(path), path, reading, size)


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


@pytest.mark.parametrize("mode", ["1", "I;16"])
def test_photos_of_one_and_of_16_bits_become_rgb(tmp_path, label, mode):
    path = tmp_path / "photo.png"
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 20), 200 << 8, dtype=np.uint16))
    else:
        image = Image.new("RGB", (20, 20), (255, 255, 255)).convert(mode)
    image.save(path)
    assert (read_photo(path, label) == (200 if mode == "I;16" else 255)).all()


def test_transparent_pixels_keep_their_colour(tmp_path, label):
    path = tmp_path / "cutout.png"
    Image.new("RGBA", (20, 20), (10, 200, 30, 0)).save(path)
    assert (read_photo(path, label) == (10, 200, 30)).all()


def test_a_single_pixel_is_an_image(tmp_path):
    photo = save(tmp_path / "photo.png", np.full((1, 1, 3), 77, dtype=np.uint8))
    label = save(tmp_path / "label.png", np.full((1, 1), ROAD, dtype=np.uint8))
    classes, pixels = read_pair(photo, label, 16)
    assert (classes == ROAD).all() and (pixels == 77).all() and pixels.shape == (16, 16, 3)


def test_a_side_by_side_image_of_one_column_is_refused(tmp_path):
    path = save(tmp_path / "thin.png", np.zeros((9, 1, 3), dtype=np.uint8))
    pair = Pair("a", Picture(path, "left"), Picture(path, "right"))
    assert str(path) in one_sentence(lambda: pair.read(Reading(CITYSCAPES), 8))


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "bmp"])
def test_the_content_counts_not_the_suffix(tmp_path, label, suffix):
    image = Image.new("RGB", (20, 20), (50, 100, 150))
    wrong = tmp_path / f"photo.{suffix}"
    image.save(wrong, format="PNG")
    assert (read_photo(wrong, label) == (50, 100, 150)).all()


@pytest.mark.parametrize("kind", ["GIF", "EPS", "PDF"])
def test_other_formats_under_a_known_suffix_are_refused_unopened(tmp_path, label, kind):
    """Pillow would start Ghostscript for EPS."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (20, 20)).save(path, format=kind)
    message = one_sentence(lambda: read_photo(path, label))
    assert str(path) in message and "not a PNG, JPEG, WebP, BMP or TIFF file" in message


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
    photo = read_pair(path, label)[1]
    assert photo.shape == (20, 30, 3)
    assert np.abs(photo.astype(int) - upright).mean() < 5


# --- What cannot be read --------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("keep", [0, 40, 0.5])
def test_a_part_of_a_file_is_refused_by_its_path(tmp_path, label, suffix, keep):
    path = tmp_path / f"photo.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    assert str(path) in one_sentence(lambda: read_photo(path, label))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [9_000, 60_000, 2_000_000_000])
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


def test_colours_indices_and_16_bits_give_the_same_classes(tmp_path):
    classes = (np.arange(16) * 2 % len(CITYSCAPES)).reshape(4, 4).repeat(8, 0).repeat(8, 1)
    classes = classes.astype(np.uint8)
    colored = CITYSCAPES.encode(classes)
    files = [save(tmp_path / "rgb.png", colored), save(tmp_path / "index.png", classes)]
    Image.fromarray(colored).quantize(64).save(tmp_path / "quantized.png")  # any order of colours
    Image.fromarray(colored).convert("RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(classes.astype(np.uint16)).save(tmp_path / "index16.png")
    files += [tmp_path / f"{name}.png" for name in ("quantized", "alpha", "index16")]
    for path in files:
        read = read_label_map(path, Reading(CITYSCAPES), 32)
        np.testing.assert_array_equal(read, classes, err_msg=path.name)
        assert read.dtype == np.uint8


def test_a_table_and_three_equal_channels_are_read_by_index_if_so_decided(tmp_path):
    classes = np.arange(16, dtype=np.uint8).reshape(4, 4)
    indexed = Image.fromarray(classes).convert("P")
    indexed.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    indexed.save(tmp_path / "indexed.png")
    save(tmp_path / "grey.png", classes[..., None].repeat(3, axis=2))
    for name in ("indexed.png", "grey.png"):
        found = read_label_map(tmp_path / name, Reading(CITYSCAPES, by_index=True))
        np.testing.assert_array_equal(found, classes)


def test_nothing_is_snapped_to_the_nearest_colour_unless_so_decided(tmp_path):
    pixels = CITYSCAPES.encode(np.full((8, 8), ROAD))
    pixels[2, 3, 0] += 1
    path = save(tmp_path / "label.png", pixels)
    message = one_sentence(lambda: read_label_map(path, Reading(CITYSCAPES)))
    assert str(path) in message and "(129, 64, 128)" in message and "label map" in message
    assert (read_label_map(path, Reading(CITYSCAPES, nearest=True)) == ROAD).all()


def test_blends_along_edges_get_the_nearest_class(tmp_path):
    pixels = CAMVID.encode(np.repeat([CAMVID.index("Road"), CAMVID.index("Sky")], 100)[:, None])
    image = Image.fromarray(pixels.repeat(200, 1)).resize((150, 150), Image.Resampling.BICUBIC)
    image.save(tmp_path / "label.png")
    classes = read_label_map(tmp_path / "label.png", Reading(CAMVID, nearest=True), 10)
    assert (classes[0] == CAMVID.index("Road")).all() and (classes[9] == CAMVID.index("Sky")).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_a_class_index_out_of_range_is_named(tmp_path, dtype):
    suffix = "tif" if dtype == np.int32 else "png"
    wrong = -5 if dtype == np.int32 else 40
    path = save(tmp_path / f"label.{suffix}", np.full((8, 8), wrong, dtype=dtype))
    message = one_sentence(lambda: read_label_map(path, Reading(CITYSCAPES), 8))
    assert str(path) in message and str(wrong) in message and "cityscapes" in message


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 255), (np.uint16, 65535), (np.int32, -1)])
def test_ignored_pixels_are_void_in_every_width(tmp_path, dtype, value):
    suffix = "tif" if dtype == np.int32 else "png"
    path = save(tmp_path / f"label.{suffix}", np.full((8, 8), value, dtype=dtype))
    assert (read_label_map(path, Reading(CITYSCAPES)) == CITYSCAPES.void).all()


def test_big_endian_16_bit_label_maps_are_read(tmp_path):
    path = tmp_path / "label.tif"
    Image.frombytes("I;16B", (8, 8), np.full((8, 8), ROAD, ">u2").tobytes()).save(path)
    assert (read_label_map(path, Reading(CITYSCAPES), 4) == ROAD).all()
