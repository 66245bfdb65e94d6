"""What holds for every input, tried on inputs that hypothesis makes up."""

import random
import string
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from pix2pix_utils.data.augmentation import AUGMENTATIONS, build_augmentation
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.images import open_image, to_classes
from pix2pix_utils.data.layouts.splits import draw_share
from pix2pix_utils.data.layouts.synthetic import Scene
from pix2pix_utils.data.pairs import to_signed, to_uint8
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, Palette
from pix2pix_utils.data.source import SPLITS, Reading

settings.register_profile("course", max_examples=25, derandomize=True, deadline=None, database=None)
settings.load_profile("course")

sides = st.integers(1, 24)
palettes = st.sampled_from([CITYSCAPES, CAMVID]) | st.lists(
    st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=40, unique=True
).map(
    lambda colors: Palette(
        "own", tuple(map(str, range(len(colors)))), np.array(colors, np.uint8), len(colors)
    )
)


@st.composite
def class_maps(draw, palette=None, shape=None):
    palette = palette or draw(palettes)
    shape = shape or (draw(sides), draw(sides))
    return palette, draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, len(palette) - 1)))


def images(shape):
    return arrays.arrays(np.uint8, shape, elements=st.integers(0, 255))


# --- Colours --------------------------------------------------------------------------------------


@given(class_maps())
def test_encoding_and_decoding_a_class_map_gives_it_back(case):
    palette, classes = case
    colored = palette.encode(classes)
    np.testing.assert_array_equal(palette.decode(colored), classes)
    assert (palette.distance(colored) == 0).all()


@given(palettes)
def test_a_palette_survives_its_plain_values(palette):
    again = Palette.from_dict(palette.to_dict())
    assert again.to_dict() == palette.to_dict() and again.colors.dtype == np.uint8


@given(palettes, images((5, 3)))
def test_decoding_gives_the_nearest_class(palette, pixels):
    distances = np.linalg.norm(pixels[:, None].astype(float) - palette.colors, axis=-1)
    np.testing.assert_array_equal(palette.decode(pixels), distances.argmin(axis=1))


@given(case=class_maps(), size=st.integers(1, 40))
def test_resizing_a_label_map_makes_no_new_class(tmp_path_factory, case, size):
    palette, classes = case
    path = tmp_path_factory.mktemp("label") / "map.png"
    for pixels in (palette.encode(classes), classes):
        Image.fromarray(pixels).save(path)
        resized = to_classes(open_image(path), path, Reading(palette), size)
        assert resized.shape == (size, size)
        assert set(resized.ravel()) <= set(classes.ravel())
        if classes.shape == (size, size):
            np.testing.assert_array_equal(resized, classes)


@given(images((2, 4, 5, 3)))
def test_an_image_survives_the_networks_range(image):
    signed = to_signed(image)
    assert signed.min() >= -1 and signed.max() <= 1
    np.testing.assert_array_equal(to_uint8(signed), image)


# --- Augmentation ---------------------------------------------------------------------------------

# `paste` has a test of its own. `mirror` is a flip.
names = (
    st.lists(st.sampled_from([step for step in AUGMENTATIONS if step != "paste"]), unique=True)
    .filter(lambda steps: not {"flip", "mirror"} <= {*steps})
    .map(lambda steps: "+".join(steps) or "none")
)


@given(photos=images((2, 6, 6, 3)), name=names, seed=st.integers(0, 1000))
def test_augmentation_keeps_pairs_aligned(photos, name, seed):
    """Where a pixel of the label map goes, the pixel of the photo goes too."""
    places = np.arange(72, dtype=np.uint8).reshape(2, 6, 6)  # a label map that numbers the pixels
    label = to_signed(places[..., None].repeat(3, axis=-1))
    photo = to_signed(photos)
    torch.manual_seed(seed)
    moved_label, moved_photo = build_augmentation(name)(label, photo)
    moved_label, mirrored = moved_label[:, :3], moved_label[:, 3:]
    assert moved_label.shape == label.shape and moved_photo.shape == photo.shape
    assert moved_photo.min() >= -1 and moved_photo.max() <= 1
    came_from = to_uint8(moved_label)[..., 0]
    np.testing.assert_array_equal(np.sort(came_from, axis=None), places.ravel())
    if "mirror" in name:
        turned = came_from[..., 0] > came_from[..., 1]
        np.testing.assert_array_equal(mirrored[:, 0] == 1, turned[..., None].repeat(6, axis=-1))
    if name in ("none", "flip", "mirror"):  # the others change the light
        pixels = photos.reshape(-1, 3)[came_from]
        np.testing.assert_array_equal(to_uint8(moved_photo), pixels)


@given(
    photos=images((3, 6, 6, 3)),
    classes=arrays.arrays(np.uint8, (3, 6, 6), elements=st.integers(0, 5)),
    name=st.sampled_from(["paste", "paste+flip"]),
    seed=st.integers(0, 1000),
)
def test_pasting_takes_label_and_photo_of_one_place_in_one_pair(photos, classes, name, seed):
    """A pixel comes from its own pair or the next; which one is told by the photo's blue."""
    photos[..., 2] = np.arange(3, dtype=np.uint8)[:, None, None]
    label = to_signed(CAMVID.encode(classes))
    torch.manual_seed(seed)
    pasted_label, pasted_photo = build_augmentation(name)(label, to_signed(photos))
    found, shown = CAMVID.decode(to_uint8(pasted_label)), to_uint8(pasted_photo)
    row, column = np.indices((6, 6))
    for index in range(3):
        pair = shown[index, ..., 2]
        assert set(pair.ravel()) <= {index, (index + 1) % 3}
        places = [(pair, row, column), (pair, row, 5 - column)][: 1 + ("flip" in name)]
        assert any(
            (found[index] == classes[place]).all() and (shown[index] == photos[place]).all()
            for place in places
        )


@given(seed=st.integers(0, 1000), name=st.sampled_from(["jitter", "light", "flip+jitter"]))
def test_light_changes_without_moving_anything(seed, name):
    """A grey photo that is darker on the left stays so, unless its label map is mirrored too."""
    left = torch.linspace(-0.4, 0.4, 6).expand(8, 3, 6, 6).clone()
    torch.manual_seed(seed)
    moved_label, moved_photo = build_augmentation(name)(left, left)
    for label, photo in zip(moved_label, moved_photo, strict=True):
        mirrored = bool(label[0, 0, 0] > label[0, 0, -1])
        torch.testing.assert_close(label, left[0].flip(-1) if mirrored else left[0])
        assert ((photo.diff(dim=-1) < 0) == mirrored).all()
        assert not (mirrored and "flip" not in name)


# --- Splits ---------------------------------------------------------------------------------------


file_names = st.lists(
    st.text(string.ascii_lowercase + string.digits + " _-é", min_size=1, max_size=8).filter(
        lambda name: name.strip() == name
    ),
    min_size=4,
    max_size=24,
    unique=True,
)


@given(names=file_names, folders=st.sampled_from([("",), ("train", "other"), SPLITS]))
@settings(max_examples=12)
def test_a_split_is_disjoint_complete_and_the_same_in_any_order(tmp_path_factory, names, folders):
    root = tmp_path_factory.mktemp("pairs")
    content = np.zeros((32, 64, 3), dtype=np.uint8)
    content[:, :32] = CITYSCAPES.colors[[0, 8, 10, 13]].repeat(8, 0)
    content[:, 32:] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    paths = [root / folders[i % len(folders)] / f"{n}.png" for i, n in enumerate(names)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(content).save(path)

    def split() -> dict[str, list[str]]:
        return {
            s: [str(i.label.path) for i in items] for s, items in open_source(root).splits.items()
        }

    expected = split()
    assert sorted(chain(*expected.values())) == sorted(map(str, paths))
    assert all(expected.values())
    shuffled = random.Random(len(names))
    iterdir = type(root).iterdir

    def in_another_order(folder):
        entries = list(iterdir(folder))
        shuffled.shuffle(entries)
        return iter(entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(root), "iterdir", in_another_order)
        assert split() == expected


@given(st.lists(st.integers(0, 10**6), min_size=10, max_size=60, unique=True))
def test_a_new_file_moves_few_of_the_others(numbers):
    """The draw ranks every name by itself: one more name shifts each border by one at most."""
    items = [Scene(f"scene {n}", n, 0) for n in numbers]
    drawn, rest = draw_share(items, 0.1)
    more, _ = draw_share([*items, Scene("one more", 0, 0)], 0.1)
    assert sorted(i.name for i in (*drawn, *rest)) == sorted(i.name for i in items)
    assert len({i.name for i in drawn} - {i.name for i in more}) <= 1


@given(st.lists(st.integers(), max_size=50), st.integers(1, 60))
def test_evenly_spaced_items_keep_their_order_and_their_number(items, count):
    taken = evenly_spaced(items, count)
    assert len(taken) == min(count, len(items))
    positions = iter(items)
    assert all(item in positions for item in taken)
