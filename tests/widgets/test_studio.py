"""The street studio: edits of class maps, painting, messages of the front end, saving."""

import numpy as np
import pytest
import torch
from PIL import Image

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.pairs import to_signed, to_uint8
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import output_root
from pix2pix_utils.training.session import train
from pix2pix_utils.widgets.studio import (
    Painter,
    Stamp,
    Studio,
    cut_stamps,
    drawn_stamps,
    finished_run,
    load_painter,
    paint,
    regions,
    save_street,
    street_studio,
    typical_street,
)
from pix2pix_utils.widgets.studio.session import EMPTY_STREET

ROAD, SIDEWALK, BUILDING, SKY, PERSON, CAR = map(
    CITYSCAPES.index, ("road", "sidewalk", "building", "sky", "person", "car")
)
BACKGROUND = regions.background_classes(CITYSCAPES)


@pytest.fixture
def street():
    """Sky above a building above the road, 12 x 12, with a car and a person beside it."""
    class_map = np.full((12, 12), ROAD, dtype=np.uint8)
    class_map[:7] = BUILDING
    class_map[:2] = SKY
    class_map[5:9, 3:7] = CAR
    class_map[5:9, 7] = PERSON
    return class_map


# ---- regions


def test_a_region_is_connected_over_corners_and_has_one_class(street):
    street[9, 2] = CAR  # touches the car by a corner
    street[0, 0] = CAR  # somewhere else
    region = regions.connected_region(street, 6, 4)
    expected = street == CAR
    expected[0, 0] = False
    np.testing.assert_array_equal(region, expected)


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (12, 0), (0, 12)])
def test_a_pixel_outside_is_refused(street, row, column):
    with pytest.raises(UserError, match="outside the 12 x 12"):
        regions.connected_region(street, row, column)


def test_recolor_changes_the_region_only(street):
    changed = regions.recolor(street, street == CAR, SIDEWALK)
    assert (changed[street == CAR] == SIDEWALK).all()
    assert (changed[street != CAR] == street[street != CAR]).all()


def test_behind_a_removed_car_the_layers_go_on(street):
    before = street.copy()
    removed = regions.remove(street, street == CAR, BACKGROUND)
    assert (removed[5:7, 3:7] == BUILDING).all()  # not the person, who is as near
    assert (removed[7:9, 3:7] == ROAD).all()
    assert removed.dtype == np.uint8
    np.testing.assert_array_equal(removed[street != CAR], street[street != CAR])
    np.testing.assert_array_equal(street, before)  # the argument stays as it is


def test_a_removed_building_is_not_filled_with_the_next_building(street):
    street[:, 8:] = SKY
    street[:, 10:] = BUILDING
    removed = regions.remove(street, regions.connected_region(street, 3, 0), BACKGROUND)
    assert not (removed[:7, :8] == BUILDING).any()


def test_where_no_background_is_left_any_other_class_fills(street):
    street[:] = CAR
    street[0, 0] = PERSON
    assert (regions.remove(street, street == CAR, BACKGROUND) == PERSON).all()


def test_a_map_of_one_class_has_nothing_to_fill_with():
    class_map = np.full((4, 4), CAR, dtype=np.uint8)
    with pytest.raises(UserError, match="only this class"):
        regions.remove(class_map, class_map == CAR, BACKGROUND)


def test_a_moved_region_keeps_its_shape_and_leaves_its_place(street):
    car = street == CAR
    moved = regions.move(street, car, 2, -3, BACKGROUND)
    np.testing.assert_array_equal(moved == CAR, np.roll(car, (2, -3), axis=(0, 1)))
    assert (moved[5:7, 3:7] == BUILDING).all()


def test_what_moves_over_the_edge_is_cut_off_and_comes_in_nowhere(street):
    moved = regions.move(street, street == CAR, 0, -5, BACKGROUND)
    np.testing.assert_array_equal(np.unique(np.nonzero(moved == CAR)[1]), [0, 1])
    assert not (regions.move(street, street == CAR, 0, 12, BACKGROUND) == CAR).any()


def test_a_shape_stands_on_its_pixel_and_is_cut_at_the_edge(street):
    shape = np.array([[0, 1, 0], [1, 1, 1]], dtype=bool)
    put = regions.put(street, shape, PERSON, 10, 5)
    assert [put[9, 5], *put[10, 4:7]] == [PERSON] * 4
    assert (put != street).sum() == 4
    at_the_edge = regions.put(street, shape, PERSON, 0, 0)
    np.testing.assert_array_equal(np.argwhere(at_the_edge != street), [[0, 0], [0, 1]])


# ---- scenery


def test_a_stamp_is_scaled_without_losing_its_look():
    stamp = Stamp("corner", CAR, np.array([[1, 0], [1, 1]], dtype=bool))
    np.testing.assert_array_equal(stamp.scaled(100), stamp.shape)
    np.testing.assert_array_equal(stamp.scaled(200), stamp.shape.repeat(2, 0).repeat(2, 1))
    assert stamp.scaled(20).shape == (1, 1)


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("palette", [CITYSCAPES, CAMVID], ids=lambda palette: palette.name)
def test_drawn_stamps_are_things_of_the_palette(palette, size):
    stamps = drawn_stamps(palette, size)
    names = {palette.classes[stamp.class_index].lower() for stamp in stamps}
    assert len(names) == 3 and "car" in names
    for stamp in stamps:
        assert stamp.shape[0].any() and stamp.shape[-1].any() and stamp.shape[:, 0].any()
        assert 3 <= stamp.shape.shape[0] < size / 2 + 2


def test_cut_stamps_are_regions_of_the_scenes(street_data):
    stamps = cut_stamps(street_data.train)
    assert stamps
    for stamp in stamps:
        scene = street_data.train.names.index(stamp.name.split(" of ")[1])
        mask = street_data.train.classes[scene] == stamp.class_index
        height, width = stamp.shape.shape
        windows = np.lib.stride_tricks.sliding_window_view(mask, (height, width))
        assert (windows >= stamp.shape).all(axis=(2, 3)).any()


def test_the_typical_street_is_empty_and_a_street(street_data):
    street = typical_street(street_data.train, BACKGROUND)
    assert np.isin(street, BACKGROUND).all()
    assert (street[-4:] == ROAD).mean() > 0.5
    assert not (street[:4] == ROAD).any()


# ---- painting


def painter(palette=CITYSCAPES, size=32, sign=1):
    """Not a network: gives back the label map's colours, or their negative."""
    return Painter(lambda batch: sign * batch["label"], palette, size)


def test_painters_get_the_colours_and_their_photos_come_back(street_data):
    class_map = street_data.test.classes[0]
    painted = paint({"copy": painter(), "negative": painter(sign=-1)}, class_map)
    colors = CITYSCAPES.encode(class_map)
    np.testing.assert_array_equal(painted["copy"].photo, colors)
    np.testing.assert_array_equal(painted["negative"].photo, 255 - colors)
    assert all(one.milliseconds > 0 for one in painted.values())


@pytest.mark.parametrize("shape", [(16, 16), (32, 16), (32, 32, 3)])
def test_a_map_of_another_size_is_not_painted(shape):
    with pytest.raises(UserError, match="32 x 32"):
        paint({"copy": painter()}, np.zeros(shape, dtype=np.uint8))


def test_a_class_outside_the_palette_is_not_painted():
    with pytest.raises(UserError, match="do not fit the palette"):
        paint({"copy": painter()}, np.full((32, 32), len(CITYSCAPES), dtype=np.uint8))


def test_a_finished_run_is_found_and_paints_what_its_generator_does(smoke_config, street_data):
    config = smoke_config.with_settings(["epochs=1"])
    device = torch.device("cpu")
    assert finished_run(config, street_data, output_root()) is None
    run = train(config, street_data, output_root(), device, progress=False)
    (output_root() / "runs" / "damaged").mkdir()
    (output_root() / "runs" / "damaged" / "result.json").write_text("{}")
    assert finished_run(config, street_data, output_root()) == run
    assert finished_run(smoke_config, street_data, output_root()) is None
    other = load_data("synthetic", 32, limits=config.pair_limits, data_seed=5, progress=False)
    assert finished_run(config, other, output_root()) is None

    loaded = load_painter(run.folder, device)
    class_map = street_data.test.classes[1]
    photo = paint({"it": loaded}, class_map)["it"].photo
    label = to_signed(CITYSCAPES.encode(class_map))[None]
    with torch.no_grad():
        np.testing.assert_array_equal(photo, to_uint8(loaded.predict({"label": label})[0]))


# ---- saving


def test_a_saved_street_can_be_read_again(tmp_path, street):
    photo = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    folder = save_street(tmp_path, CITYSCAPES, street, {"baseline+flip": photo})
    np.testing.assert_array_equal(np.array(Image.open(folder / "classes.png")), street)
    colors = np.array(Image.open(folder / "label_map.png"))
    np.testing.assert_array_equal(CITYSCAPES.decode(colors), street)
    (saved,) = (folder / "photos").iterdir()
    assert "baseline+flip" in saved.name
    np.testing.assert_array_equal(np.array(Image.open(saved)), photo)


def test_saving_never_overwrites(tmp_path, street):
    first, second, third = (save_street(tmp_path, CITYSCAPES, street, {}) for _ in range(3))
    assert len({first, second, third}) == 3
    for file in first.iterdir():
        file.unlink()
    first.rmdir()  # now the count of the folders is a number that is taken
    kept = (third / "classes.png").read_bytes()
    fourth = save_street(tmp_path, CITYSCAPES, np.zeros_like(street), {})
    assert fourth not in (second, third)
    assert (third / "classes.png").read_bytes() == kept


def test_odd_model_names_stay_in_the_folder_and_apart(tmp_path, street):
    photo = np.zeros((12, 12, 3), dtype=np.uint8)
    folder = save_street(tmp_path, CITYSCAPES, street, {"../a": photo, "..:a": photo})
    assert len(list((folder / "photos").iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["studio"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path, street):
    (tmp_path / "studio").write_text("a file")
    with pytest.raises(UserError, match="cannot write"):
        save_street(tmp_path, CITYSCAPES, street, {})


# ---- the session


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


# ---- the widget, without a screen


@pytest.fixture
def widget(street_data):
    return street_studio(street_data, {"copy": painter()})


def test_the_widget_describes_all_that_the_screen_needs(widget, street_data):
    setup = widget.setup
    assert setup["size"] == 32
    assert [one["name"] for one in setup["classes"]] == list(CITYSCAPES.classes)
    assert len(setup["scenes"]) == len(street_data.test)
    for stamp in setup["stamps"]:
        assert len(stamp["shape"]) == stamp["height"] * stamp["width"]
    titles = [picture["title"] for picture in widget.answer["pictures"]]
    assert titles == ["copy", "the scene's own photo"]


def test_the_widget_answers_a_message(widget):
    class_map = np.full((32, 32), SKY, dtype=np.uint8)
    content = {"kind": "paint", "view": "v", "revision": 7}
    widget._receive(widget, content, [class_map.tobytes()])
    answer = widget.answer
    assert (answer["view"], answer["revision"]) == ("v", 7)
    assert answer["classes"] == class_map.tobytes()
    assert answer["pictures"][0]["pixels"] == CITYSCAPES.encode(class_map).tobytes()
    assert answer["pictures"][0]["note"].endswith(" ms")


@pytest.mark.parametrize("content", [{"kind": "fill", "row": 99, "revision": 3}, {}, "nonsense"])
def test_the_widget_tells_a_refusal_and_stays_as_it_was(widget, content):
    before = widget.answer
    widget._receive(widget, content, [bytes(32 * 32)])
    assert widget.answer["refused"] and widget.answer["message"]
    assert not widget.answer["edited"]
    for key in ("classes", "pictures"):
        assert widget.answer[key] == before[key]


def test_every_answer_is_a_new_one(widget):
    """Two equal answers in a row would not reach the front end."""
    first = widget.answer
    widget.refresh()
    assert widget.answer != first
