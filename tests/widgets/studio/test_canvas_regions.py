"""The canvas's edits of a class map: those of regions.py, in JavaScript."""

import javascript
import numpy as np
import pytest
from studio_helpers import BACKGROUND, BUILDING, CAR, PERSON, ROAD, SIDEWALK

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.widgets.studio import regions

FILES = ["widgets/studio/drawing.js", "widgets/studio/regions.js"]
IS_BACKGROUND = [index in BACKGROUND for index in range(len(CITYSCAPES))]


def run(body, class_map, **values):
    """Run `body`, in which `map` and `size` are those of the class map; returns a (S, S) array."""
    values |= {"pixels": class_map.ravel().tolist(), "size": len(class_map)}
    values["background"] = IS_BACKGROUND
    body = f"const map = Uint8Array.from(pixels); const before = map.slice(); {body}"
    result = javascript.run(FILES, body, **values)
    return None if result is None else np.array(result).reshape(class_map.shape)


def maps():
    """Class maps with a pixel each: drawn streets, and noise, in which almost all is a border."""
    found = []
    random = np.random.default_rng(0)
    for index in range(3):
        street = draw_street(index, size=48)[0]
        cars = np.argwhere(street == CAR)
        found.append((street, *cars[len(cars) // 2].tolist()))
    noise = random.choice([ROAD, CAR, PERSON], size=(24, 24)).astype(np.uint8)
    return [*found, (noise, *np.argwhere(noise == CAR)[0].tolist())]


@pytest.mark.parametrize(("class_map", "row", "column"), maps())
def test_a_region_is_the_same_in_both_languages(class_map, row, column):
    found = run(
        "return [...connectedRegion(map, size, row, column)];", class_map, row=row, column=column
    )
    np.testing.assert_array_equal(found, regions.connected_region(class_map, row, column))


@pytest.mark.parametrize(("class_map", "row", "column"), maps())
def test_a_gap_is_filled_with_what_is_nearest(class_map, row, column):
    """Both languages fill with a source at the least distance; of several as near, with any."""
    region = regions.connected_region(class_map, row, column)
    filled = run(
        "const region = connectedRegion(map, size, row, column);"
        "const filled = removeRegion(map, size, region, background);"
        "if (!same(map, before)) throw Error('the argument has changed');"
        "return [...filled];",
        class_map,
        row=row,
        column=column,
    )
    np.testing.assert_array_equal(filled[~region], class_map[~region])
    others = class_map != class_map[row, column]
    sources = np.argwhere(others & np.isin(class_map, BACKGROUND))
    reference = regions.remove(class_map, region, BACKGROUND)
    for pixel in np.argwhere(region):
        rows, columns = np.abs(sources - pixel).T
        distance = columns**2 + np.where(rows == 0, 0, 3 * rows - 1) ** 2
        nearest = sources[distance == distance.min()]
        choices = set(class_map[tuple(nearest.T)].tolist())
        assert {filled[tuple(pixel)], reference[tuple(pixel)]} <= choices


def test_a_map_of_one_class_has_nothing_to_fill_with(street):
    street[:] = CAR
    body = "return removeRegion(map, size, map.map(() => 1), background);"
    assert run(body, street) is None
    street[0, 0] = PERSON  # no background, but another class
    filled = run("return [...removeRegion(map, size, map.map((c) => c === car), background)];",
                 street, car=CAR)  # fmt: skip
    assert (filled == PERSON).all()


def test_recolor_changes_the_region_only(street):
    body = "return [...recolor(map, connectedRegion(map, size, 6, 4), to)];"
    expected = np.where(street == CAR, SIDEWALK, street)
    np.testing.assert_array_equal(run(body, street, to=SIDEWALK), expected)


@pytest.mark.parametrize("way", [(2, -3), (0, -5), (0, 12), (-7, 0)])
def test_a_region_moves_as_in_python_and_is_cut_at_the_edge(street, way):
    body = (
        "const region = connectedRegion(map, size, 6, 4);"
        "return [...moveRegion(map, size, region, rows, columns, background)];"
    )
    moved = run(body, street, rows=way[0], columns=way[1])
    expected = regions.move(street, street == CAR, *way, BACKGROUND)
    np.testing.assert_array_equal(moved == CAR, expected == CAR)
    if way == (2, -3):
        assert (moved[5:7, 3:7] == BUILDING).all()


@pytest.mark.parametrize(("row", "column"), [(10, 5), (0, 0), (11, 11)])
@pytest.mark.parametrize("percent", [100, 200])
def test_a_stamp_is_put_by_its_foot(street, row, column, percent):
    shape = np.array([[0, 1, 0], [1, 1, 1]], dtype=bool)
    body = (
        "const stamp = { height: 2, width: 3, shape: Uint8Array.from(shape) };"
        "return [...put(map, size, scaledStamp(stamp, percent), to, row, column)];"
    )
    values = {"shape": shape.ravel().tolist(), "percent": percent, "to": PERSON}
    added = run(body, street, row=row, column=column, **values)
    times = percent // 100
    scaled = shape.repeat(times, 0).repeat(times, 1)
    np.testing.assert_array_equal(added, regions.put(street, scaled, PERSON, row, column))


def test_a_small_stamp_is_at_least_a_pixel(street):
    body = (
        "const stamp = { height: 2, width: 3, shape: new Uint8Array(6).fill(1) };"
        "return [...put(map, size, scaledStamp(stamp, 20), to, 5, 5)];"
    )
    assert (run(body, street, to=PERSON) != street).sum() == 1
