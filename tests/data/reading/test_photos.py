"""Photos of more than 8 bits, and photos that EXIF turns."""

import numpy as np
import pytest
from folders_of_pairs import save, scene
from messages import one_sentence
from PIL import Image

from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CITYSCAPES


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


def write(folder, photo_of, **options):
    for number in range(12):
        classes, photo = scene(number)
        save(photo_of(photo), folder / "photos" / f"{number}.png", **options)
        save(CITYSCAPES.encode(classes), folder / "labels" / f"{number}.png")
    return folder


def first_photo(source):
    item = source.splits["train"][0]
    return item.read(source.reading)[1], scene(int(item.name))[1]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_the_brightest_photo_says_how_many_bits_are_used(tmp_path, bits):
    def photo_of(photo):
        grey = photo.mean(axis=-1).astype(np.uint16)
        grey[0, 0] = 255  # one pixel is white
        return grey << (bits - 8)

    source = open_source(str(write(tmp_path / "set", photo_of)), progress=False)
    found, photo = first_photo(source)
    expected = photo.mean(axis=-1).astype(np.uint8)
    np.testing.assert_array_equal(found[1:, :, 0], expected[1:])
    said = " ".join(source.reading.evidence)
    assert (f"{bits} bits" in said) == (bits < 16)


def turned_pairs(folder, orientation, drawn_on, size):
    """Photos with an EXIF orientation, label maps drawn on the upright or on the stored picture."""
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for number in range(12):
        classes, photo = scene(number, size)
        stored = Image.fromarray(photo).transpose(turn)  # the viewer turns it back
        label = Image.fromarray(CITYSCAPES.encode(classes))
        path = folder / "photos" / f"{number}.png"
        save(np.asarray(stored), path, exif=exif)
        label = label if drawn_on == "exif" else label.transpose(turn)
        save(np.asarray(label), folder / "labels" / f"{number}.png")
    return folder


@pytest.mark.parametrize("drawn_on", ["exif", "stored"])
def test_sizes_tell_whether_label_maps_lie_on_turned_or_on_stored_photos(tmp_path, drawn_on):
    folder = turned_pairs(tmp_path / "set", 6, drawn_on, (32, 64))
    source = open_source(str(folder), progress=False)
    assert not source.problems
    item = source.splits["train"][0]
    classes, photo = item.read(source.reading)
    expected_classes, expected = scene(int(item.name), (32, 64))
    if drawn_on == "stored":
        expected_classes, expected = np.rot90(expected_classes), np.rot90(expected)
    np.testing.assert_array_equal(photo, expected)
    np.testing.assert_array_equal(classes, expected_classes)
    assert "12 are turned by EXIF" in " ".join(source.reading.evidence)


@pytest.mark.parametrize(("orientation", "size"), [(3, (32, 64)), (6, (32, 32))])
def test_turned_photos_whose_sizes_tell_nothing_are_named(tmp_path, orientation, size):
    folder = turned_pairs(tmp_path / "set", orientation, "stored", size)
    message = one_sentence(lambda: open_source(str(folder), progress=False))
    assert "EXIF" in message and "--photo-orientation stored" in message
    source = open_source(f"{folder}?photo_orientation=stored", progress=False)
    item = source.splits["train"][0]
    turns = {3: 2, 6: 1}[orientation]
    expected = np.rot90(scene(int(item.name), size)[1], turns)
    np.testing.assert_array_equal(item.read(source.reading)[1], expected)


def test_a_pair_of_different_shapes_is_named(tmp_path):
    folder = write(tmp_path / "set", lambda photo: photo)
    save(scene(0)[1][:, :40], folder / "photos" / "3.png")
    source = open_source(str(folder), progress=False)
    assert len(source.problems) == 1
    assert "40x32" in source.problems[0] and "64x32" in source.problems[0]
