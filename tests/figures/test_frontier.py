"""SSIM against realism: names that can be read, and the right frontier."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from pix2pix_utils import figures

random = np.random.default_rng(0)
FAMILIES = {
    "Table I": {
        "baseline": (0.0115, 0.455),
        "baseline-mse": (0.0170, 0.532),
        "enhanced": (0.0148, 0.501),
        "enhanced-mse": (0.0184, 0.558),
    },
    "best-ssim and its ablations": {
        f"best-ssim-{n}": (0.018 + 0.002 * random.random(), 0.60 + 0.01 * random.random())
        for n in range(10)
    },
    "best-look and its ablations": {
        f"best-look-{n}": (0.004 + 0.002 * random.random(), 0.55 + 0.01 * random.random())
        for n in range(15)
    },
    "nothing": {},
}
SIMPLE = {"class colour": (0.0462, 0.496), "class and row colour": (0.0377, 0.533)}


def test_only_points_that_nothing_beats_are_on_the_frontier():
    points = {"a": (0.1, 0.5), "b": (0.2, 0.6), "c": (0.2, 0.5), "d": (0.3, 0.6), "e": (0.05, 0.1)}
    assert figures.non_dominated(points) == ["e", "a", "b"]  # by rising kernel distance
    assert figures.non_dominated({**points, "b again": (0.2, 0.6)}) == ["e", "a", "b", "b again"]
    assert figures.non_dominated({"one": (0.0, 0.0)}) == ["one"]


def box_of(axis, point, side=6.0):
    x, y = axis.transData.transform(point)
    half = side * axis.figure.dpi / 72 / 2
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


@pytest.fixture(scope="module")
def axis():
    figure = figures.ssim_against_realism(FAMILIES, SIMPLE, floor=0.0002)
    figure.draw_without_rendering()
    return figure.axes[0]


def test_no_name_covers_a_marker_or_another_name(axis):
    points = {name: one for family in (*FAMILIES.values(), SIMPLE) for name, one in family.items()}
    names = {text.get_text(): Text.get_window_extent(text) for text in axis.texts}
    assert names.keys() == points.keys()
    assert not any(one.overlaps(two) for one, two in combinations(names.values(), 2))
    markers = [box_of(axis, point) for point in points.values()]
    assert not any(box.overlaps(marker) for box in names.values() for marker in markers)


def test_better_is_up_and_to_the_right_and_families_differ_in_their_markers(axis):
    left, right = axis.get_xlim()
    assert left > right and axis.get_ylim()[0] < axis.get_ylim()[1]
    legend = [text.get_text() for text in axis.figure.legends[0].get_texts()]
    assert len(legend) == 5 and "nothing" not in legend  # three families, frontier, no network
    markers = [line.get_marker() for line in axis.lines if line.get_marker() not in ("None", None)]
    assert len(set(markers)) == len(markers) == 4


def test_the_frontier_is_a_staircase_through_the_best_points(axis):
    (line,) = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert line.get_drawstyle() == "steps-post"
    corners = line.get_xydata()
    assert (np.diff(corners, axis=0) >= 0).all()  # more distance only for more SSIM
    assert (0.0377, 0.533) not in [tuple(corner) for corner in corners]
