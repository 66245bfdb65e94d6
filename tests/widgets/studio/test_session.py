"""Messages of the front end and their effect on the studio."""

import numpy as np
import pytest
from PIL import Image
from studio_helpers import BACKGROUND, CAR, SKY, painter

from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import output_root
from pix2pix_utils.widgets.studio import Studio, regions, typical_street
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


def test_edits_are_those_of_regions(studio):
    before = studio.class_map.copy()
    row, column = np.argwhere(before == CAR)[0].tolist()
    where = {"row": row, "column": column}
    region = regions.connected_region(before, row, column)
    answer = ask(studio, "region", before, **where)
    assert answer["region"] == region.tobytes() and not answer["edited"]
    stamp = studio.stamps[1]
    expected = {
        "fill": regions.recolor(before, region, SKY),
        "delete": regions.remove(before, region, BACKGROUND),
        "move": regions.move(before, region, 3, 4, BACKGROUND),
        "stamp": regions.put(before, stamp.scaled(150), stamp.class_index, row, column),
    }
    more = {"class": SKY, "rows": 3, "columns": 4, "stamp": 1, "percent": 150}
    for kind, class_map in expected.items():
        assert not np.array_equal(class_map, before)
        assert ask(studio, kind, before, **where, **more)["edited"]
        np.testing.assert_array_equal(studio.class_map, class_map)


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


GOOD = {"row": 1, "column": 1, "class": 0, "rows": 1, "columns": 1, "stamp": 0, "percent": 100}


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("fill", {"class": len(CITYSCAPES)}),
        ("fill", {"class": -1}),
        ("fill", {"class": None}),
        ("fill", {"row": 32}),
        ("delete", {"column": -1}),
        ("delete", {"column": 1.5}),
        ("delete", {"row": True}),
        ("move", {"rows": 33}),
        ("stamp", {"stamp": 10_000}),
        ("stamp", {"percent": 10_000_000}),
        ("region", {"row": "1"}),
        ("scene", {"scene": 6}),
        ("scene", {"scene": -2}),
        ("explode", {}),
        (None, {}),
        (["fill"], {}),
    ],
)
def test_a_bad_message_is_refused_without_harm(studio, kind, wrong):
    before, photo = studio.class_map.copy(), studio.painted["copy"].photo
    other = np.full((32, 32), SKY, dtype=np.uint8)
    with pytest.raises(UserError):
        ask(studio, kind, other, **(GOOD | wrong))
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
