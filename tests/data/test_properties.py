"""What holds for every input, tried on inputs that hypothesis makes up."""

import random
import string
from dataclasses import fields
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from pix2pix_utils.data import discovery as sources
from pix2pix_utils.data.augmentation import AUGMENTATIONS, build_augmentation
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.images import read_label_map
from pix2pix_utils.data.pairs import to_signed, to_uint8, to_unit
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, Palette
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, configure

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
    assume(np.ptp(palette.colors, axis=1).max() > 0)
    path = tmp_path_factory.mktemp("label") / "map.png"
    for pixels in (palette.encode(classes), classes):
        Image.fromarray(pixels).save(path)
        resized, original = read_label_map(path, palette, size)
        assert resized.shape == (size, size) and original == classes.shape[::-1]
        assert set(resized.ravel()) <= set(classes.ravel())
        if classes.shape == (size, size):
            np.testing.assert_array_equal(resized, classes)


@given(images((2, 4, 5, 3)))
def test_an_image_survives_the_networks_range(image):
    signed = to_signed(image)
    assert signed.min() >= -1 and signed.max() <= 1
    np.testing.assert_array_equal(to_uint8(signed), image)


# --- Augmentation ---------------------------------------------------------------------------------


@given(
    photos=images((2, 6, 6, 3)),
    name=st.sampled_from(AUGMENTATIONS),
    seed=st.integers(0, 1000),
)
def test_augmentation_keeps_pairs_aligned(photos, name, seed):
    """Where a pixel of the label map goes, the pixel of the photo goes too."""
    places = np.arange(72, dtype=np.uint8).reshape(2, 6, 6)  # a label map that numbers the pixels
    label = to_signed(places[..., None].repeat(3, axis=-1))
    photo = to_signed(photos)
    torch.manual_seed(seed)
    moved_label, moved_photo = build_augmentation(name)(label, photo)
    assert moved_label.shape == label.shape and moved_photo.shape == photo.shape
    assert moved_photo.min() >= -1 and moved_photo.max() <= 1
    came_from = to_uint8(moved_label)[..., 0]
    np.testing.assert_array_equal(np.sort(came_from, axis=None), places.ravel())
    if "jitter" not in name:  # which changes the light
        pixels = photos.reshape(-1, 3)[came_from]
        np.testing.assert_array_equal(to_uint8(moved_photo), pixels)


@given(seed=st.integers(0, 1000), name=st.sampled_from(["jitter", "flip+jitter"]))
def test_light_changes_without_moving_anything(seed, name):
    """A grey photo that is darker on the left stays so, unless its label map is mirrored too."""
    left = torch.linspace(-0.4, 0.4, 6).expand(8, 3, 6, 6).clone()
    torch.manual_seed(seed)
    moved_label, moved_photo = build_augmentation(name)(left, left)
    for label, photo in zip(moved_label, moved_photo, strict=True):
        mirrored = bool(label[0, 0, 0] > label[0, 0, -1])
        torch.testing.assert_close(label, left[0].flip(-1) if mirrored else left[0])
        assert ((photo.diff(dim=-1) < 0) == mirrored).all()
        assert not (mirrored and name == "jitter")


# --- SSIM -----------------------------------------------------------------------------------------


def unit_images(seed: int, count: int, contrast: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, 13, 15, generator=generator)
    return (0.5 + contrast * (noise - 0.5)).clamp(0, 1)


contrasts = st.sampled_from([0.0, 1e-3, 0.1, 1.0])


@given(st.integers(0, 10_000), contrasts, contrasts)
def test_ssim_is_symmetric_and_in_its_range(seed, one, other):
    a, b = unit_images(seed, 2, one), unit_images(seed + 1, 2, other)
    there, back = ssim(a, b), ssim(b, a)
    assert ((there >= -1) & (there <= 1)).all()
    torch.testing.assert_close(there, back, rtol=0, atol=1e-6)


@given(images((1, 12, 12, 3)))
def test_ssim_of_an_image_with_itself_is_1(image):
    unit = to_unit(to_signed(image))
    torch.testing.assert_close(ssim(unit, unit), torch.ones(1), rtol=0, atol=1e-6)


@given(images((1, 12, 12, 3)), st.integers(0, 431), st.integers(64, 192))
def test_ssim_is_1_for_equal_images_only(image, place, change):
    """One value of one pixel, anywhere, by a visible amount, is told."""
    other = image.copy()
    other.reshape(-1)[place] = (int(other.reshape(-1)[place]) + change) % 256
    assume(place // 36 not in (0, 11) and (place // 3) % 12 not in (0, 11))  # weighs 1e-6
    assert ssim(to_unit(to_signed(image)), to_unit(to_signed(other))) < 1


@given(images((1, 12, 12, 3)))
def test_ssim_of_a_negative_is_below_that_of_the_image(image):
    assume(np.ptp(image) > 50)
    unit = to_unit(to_signed(image))
    assert ssim(unit, 1 - unit) < ssim(unit, unit)


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
    content = np.zeros((4, 8, 3), dtype=np.uint8)
    content[:, :4] = CITYSCAPES.colors[0]
    content[:, 4:] = np.arange(16).reshape(4, 4, 1) * 9
    paths = [root / folders[i % len(folders)] / f"{n}.png" for i, n in enumerate(names)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(content).save(path)

    def split() -> dict[str, list[str]]:
        return {s: [str(i.path) for i in items] for s, items in open_source(root).splits.items()}

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
    items = [sources.Scene(f"scene {n}", n, 0) for n in numbers]
    drawn, rest = sources.draw_share(items, 0.1)
    more, _ = sources.draw_share([*items, sources.Scene("one more", 0, 0)], 0.1)
    assert sorted(i.name for i in (*drawn, *rest)) == sorted(i.name for i in items)
    assert len({i.name for i in drawn} - {i.name for i in more}) <= 1


@given(st.lists(st.integers(), max_size=50), st.integers(1, 60))
def test_evenly_spaced_items_keep_their_order_and_their_number(items, count):
    taken = sources.evenly_spaced(items, count)
    assert len(taken) == min(count, len(items))
    positions = iter(items)
    assert all(item in positions for item in taken)


# --- Configurations -------------------------------------------------------------------------------


values = {
    "epochs": st.integers(1, 10**6),
    "batch_size": st.integers(1, 4096),
    "alpha": st.floats(0, 1e9),
    "learning_rate": st.floats(1e-12, 10),
    "beta1": st.floats(0, 1, exclude_max=True),
    "train_pairs": st.none() | st.integers(1, 10**6),
    "freeze_backbone": st.booleans(),
    "distance": st.sampled_from(["l1", "mse"]),
    "data_seed": st.integers(0, 2**31 - 1),
}
changes = st.fixed_dictionaries({}, optional=values)


@given(st.sampled_from(sorted(EXPERIMENTS)), st.sampled_from(sorted(PROFILES)), changes)
def test_a_configuration_survives_its_plain_values_and_its_settings(experiment, profile, changed):
    config = configure(experiment, profile)
    told = config.with_settings([f"{key}={value}" for key, value in changed.items()])
    assert Config.from_dict(told.to_dict()) == told
    for field in fields(Config):
        expected = changed.get(field.name, getattr(config, field.name))
        assert getattr(told, field.name) == expected
        assert type(getattr(told, field.name)) is type(expected)
    assert config.with_settings([]) == config
