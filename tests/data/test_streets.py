"""The drawn street scenes: reproducible, aligned, and with the statistics of Cityscapes."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.errors import UserError

SCENES = 220

# Share of all pixels in the fine annotations of the training set, in percent.
CITYSCAPES_SHARES = {"road": 33, "building": 21, "vegetation": 14.5, "car": 6.5, "sidewalk": 5.5}


@pytest.fixture(scope="module")
def streets():
    """Many small scenes: class maps (N, 64, 64) and photos (N, 64, 64, 3)."""
    pairs = [draw_street(index, seed=5, size=64) for index in range(SCENES)]
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


@pytest.mark.parametrize("size", [16, 32, 64, 100, 256])
def test_shapes_and_types(size):
    class_map, photo = draw_street(0, size=size)
    assert class_map.shape == (size, size) and class_map.dtype == np.uint8
    assert photo.shape == (size, size, 3) and photo.dtype == np.uint8
    assert class_map.max() < len(CITYSCAPES)


def test_a_scene_depends_on_its_numbers_alone():
    first = draw_street(7, seed=3, size=64)
    for other in (9, 2):
        draw_street(other, seed=1, size=32)
    again = draw_street(7, seed=3, size=64)
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_other_numbers_give_other_scenes():
    class_map, photo = draw_street(7, seed=3, size=64)
    for other in (draw_street(8, seed=3, size=64), draw_street(7, seed=4, size=64)):
        assert np.mean(other[0] != class_map) > 0.1
        assert np.abs(other[1].astype(int) - photo).mean() > 5


def test_another_look_keeps_the_class_map():
    changes = []
    for index in range(6):
        class_map, photo = draw_street(index, size=64)
        same_map, other_photo = draw_street(index, size=64, look=1)
        np.testing.assert_array_equal(class_map, same_map)
        changes.append(np.abs(other_photo.astype(int) - photo).mean())
    assert min(changes) > 4
    assert np.mean(changes) > 12


def test_the_same_scene_at_every_size():
    agreement, difference = [], []
    for index in range(6):
        large_map, large_photo = draw_street(index, size=256)
        small_map, small_photo = draw_street(index, size=64)
        shrunk = Image.fromarray(large_photo).resize((64, 64), Image.Resampling.BOX)
        agreement.append(np.mean(large_map[2::4, 2::4] == small_map))
        difference.append(np.abs(np.asarray(shrunk, dtype=int) - small_photo).mean())
    assert min(agreement) > 0.9
    assert max(difference) < 6


def test_all_train_classes_occur(streets):
    present = np.unique(streets[0])
    missing = [CITYSCAPES.classes[i] for i in range(CITYSCAPES.evaluated) if i not in present]
    assert not missing


def test_class_frequencies_are_those_of_cityscapes(streets):
    shares = 100 * np.bincount(streets[0].ravel(), minlength=len(CITYSCAPES)) / streets[0].size
    for name, expected in CITYSCAPES_SHARES.items():
        assert shares[CITYSCAPES.index(name)] == pytest.approx(expected, rel=0.3), name
    assert 3 < shares[CITYSCAPES.index("sky")] < 7
    assert 3 < shares[CITYSCAPES.evaluated :].sum() < 11


def test_the_label_map_explains_a_good_part_of_the_photo(streets):
    """The mean colour of each class in each scene explains far more than the mean of the scene."""
    explained = []
    for class_map, photo in zip(*(part[:40] for part in streets), strict=True):
        pixels = photo.reshape(-1, 3).astype(float)
        flat = class_map.ravel()
        count = np.maximum(np.bincount(flat, minlength=len(CITYSCAPES)), 1)
        means = np.stack([np.bincount(flat, c, len(CITYSCAPES)) / count for c in pixels.T], axis=1)
        explained.append(1 - np.mean((pixels - means[flat]) ** 2) / pixels.var(axis=0).mean())
    assert np.mean(explained) > 0.3


def test_labels_and_photo_are_aligned(streets):
    """Shifted by a few pixels, the class map explains less of the photo."""

    def unexplained(shift):
        total = 0.0
        for class_map, photo in zip(*(part[:40] for part in streets), strict=True):
            gray = photo.mean(axis=-1)[:, 8:-8].ravel()
            flat = np.roll(class_map, shift, axis=1)[:, 8:-8].ravel()
            count = np.maximum(np.bincount(flat), 1)
            total += np.mean((gray - (np.bincount(flat, gray) / count)[flat]) ** 2)
        return total

    aligned = unexplained(0)
    assert all(aligned < 0.95 * unexplained(shift) for shift in (-3, 3))
    assert all(aligned < unexplained(shift) for shift in (-1, 1))


def test_what_the_label_map_does_not_say_varies(streets):
    class_maps, photos = streets
    for name, least in (("car", 10), ("building", 10), ("sky", 12), ("road", 8)):
        index = CITYSCAPES.index(name)
        scenes = [
            photo[class_map == index].mean(axis=0)
            for class_map, photo in zip(class_maps, photos, strict=True)
            if np.sum(class_map == index) > 80
        ]
        assert len(scenes) > SCENES / 3
        assert np.std(scenes, axis=0).mean() > least, name


def test_colours_of_nature(streets):
    class_maps, photos = streets
    mean = {
        name: photos[class_maps == CITYSCAPES.index(name)].mean(axis=0)
        for name in ("sky", "road", "vegetation")
    }
    assert mean["sky"].mean() > mean["road"].mean() > mean["vegetation"].mean()
    assert mean["vegetation"].argmax() == 1
    assert np.ptp(mean["road"]) < 15


@pytest.mark.parametrize("wrong", [{"index": -1}, {"seed": -2}, {"look": -1}])
def test_negative_numbers_are_refused(wrong):
    with pytest.raises(UserError, match=f"the {next(iter(wrong))} of a street scene is 0 or more"):
        draw_street(**({"index": 0} | wrong), size=32)


@pytest.mark.parametrize("size", [0, 15, 1025])
def test_other_sizes_are_refused(size):
    with pytest.raises(UserError, match=f"16 to 1024 pixels wide, not {size}"):
        draw_street(0, size=size)
