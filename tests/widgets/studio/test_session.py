"""Messages of the front end and their effect on the studio."""

import numpy as np
import pytest
from PIL import Image
from studio_helpers import BACKGROUND, SKY, painter

from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import output_root
from pix2pix_utils.widgets.studio import Studio, typical_street
from pix2pix_utils.widgets.studio.session import EMPTY_STREET


@pytest.fixture
def studio(street_data):
    return Studio(street_data, {"copy": painter()})


def ask(studio, kind, class_map=None, **details):
    class_map = studio.class_map if class_map is None else class_map
    return studio.handle({"kind": kind, **details}, [memoryview(class_map.tobytes())])


def test_it_starts_with_the_first_scene(studio, street_data):
    np.testing.assert_array_equal(studio.class_map, street_data.test.classes[0])
    np.testing.assert_array_equal(studio.photo, street_data.test.photos[0])
    np.testing.assert_array_equal(studio.painted["copy"].photo, CITYSCAPES.encode(studio.class_map))


def test_a_painted_map_arrives_pixel_by_pixel(studio):
    class_map = np.random.default_rng(0).integers(0, len(CITYSCAPES), (32, 32), dtype=np.uint8)
    assert not ask(studio, "paint", class_map)["edited"]
    np.testing.assert_array_equal(studio.class_map, class_map)
    np.testing.assert_array_equal(studio.painted["copy"].photo, CITYSCAPES.encode(class_map))


def test_a_scene_or_an_empty_street_can_be_chosen(studio, street_data):
    ask(studio, "scene", scene=3)
    np.testing.assert_array_equal(studio.class_map, street_data.test.classes[3])
    np.testing.assert_array_equal(studio.photo, street_data.test.photos[3])
    ask(studio, "scene", scene=EMPTY_STREET)
    np.testing.assert_array_equal(studio.class_map, typical_street(street_data.train, BACKGROUND))
    assert studio.photo is None


def test_save_tells_where_and_saves_what_is_on_the_screen(studio):
    class_map = np.full((32, 32), SKY, dtype=np.uint8)
    message = ask(studio, "save", class_map)["message"]
    (folder,) = (output_root() / "studio").iterdir()
    assert str(folder) in message
    np.testing.assert_array_equal(np.array(Image.open(folder / "classes.png")), class_map)


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("scene", {"scene": 6}),
        ("scene", {"scene": -2}),
        ("scene", {"scene": True}),
        ("scene", {"scene": 1.0}),
        ("scene", {"scene": "1"}),
        ("scene", {}),
        ("explode", {}),
        (None, {}),
        (["paint"], {}),
    ],
)
def test_a_bad_message_is_refused_without_harm(studio, kind, details):
    before, photo = studio.class_map.copy(), studio.painted["copy"].photo
    other = np.full((32, 32), SKY, dtype=np.uint8)
    with pytest.raises(UserError):
        ask(studio, kind, other, **details)
    np.testing.assert_array_equal(studio.class_map, before)
    assert studio.painted["copy"].photo is photo


@pytest.mark.parametrize(
    "buffers",
    [[], [b""], [bytes(32 * 32 - 1)], [bytes(32 * 32 + 1)], [bytes([len(CITYSCAPES)]) * 32 * 32]],
)
def test_a_bad_map_is_refused_without_harm(studio, buffers):
    before = studio.class_map.copy()
    with pytest.raises(UserError, match="run the cell again"):
        studio.handle({"kind": "paint"}, buffers)
    np.testing.assert_array_equal(studio.class_map, before)


@pytest.mark.parametrize(
    ("painters", "message"),
    [
        ({}, "no model"),
        ({"it": painter(CAMVID)}, "'it' was trained with the palette 'camvid'"),
        ({"it": painter(size=64)}, "64 x 64"),
    ],
)
def test_models_must_fit_the_data(street_data, painters, message):
    with pytest.raises(UserError, match=message):
        Studio(street_data, painters)


def test_equal_names_with_other_colours_do_not_fit(street_data):
    values = CITYSCAPES.to_dict()
    values["colors"][0] = [1, 2, 3]
    with pytest.raises(UserError, match="palette"):
        Studio(street_data, {"it": painter(type(CITYSCAPES).from_dict(values))})
