"""Charts that compare measures: the right ranks, every model's name, and a band for the floor."""

import numpy as np
import pytest

from pix2pix_utils import figures

VALUES = {
    "SSIM": {"a": 0.4, "b": 0.5, "c": 0.3},
    "kernel distance": {"a": 0.01, "b": 0.03, "c": 0.02},
}


def ranks(figure):
    """The ranks of each model by its name on the chart."""
    (axis,) = figure.axes
    named = {text.xy: text.get_text() for text in axis.texts}
    found = {}
    for line in axis.lines:
        points = [tuple(point) for point in line.get_xydata() if np.isfinite(point).all()]
        (name,) = {named[point] for point in points if point in named}
        found[name] = line.get_ydata().tolist()
    return found


def test_the_best_is_first_by_every_measure_in_its_direction():
    found = ranks(figures.rank_chart(VALUES, lower=("kernel distance",)))
    assert found == {"a": [2, 1], "b": [1, 3], "c": [3, 2]}


def test_equal_values_keep_their_order_and_a_missing_one_leaves_a_gap():
    values = {
        "first": {"a": 1.0, "b": 1.0, "c": 0.5},
        "second": {"a": float("nan"), "b": 2.0},
        "third": {"a": 3.0, "b": 1.0, "c": 2.0, "never": float("nan")},
    }
    found = ranks(figures.rank_chart(values))
    assert found["a"] == pytest.approx([1, np.nan, 1], nan_ok=True)
    assert found["b"] == [2, 1, 3]
    assert found["c"] == pytest.approx([3, np.nan, 2], nan_ok=True)
    assert "never" not in found


def test_every_line_can_be_told_apart_without_colour_and_has_its_name_on_both_sides():
    models = {f"model {number}": float(number) for number in range(9)}
    figure = figures.rank_chart({"one": models, "two": models})
    figure.draw_without_rendering()
    (axis,) = figure.axes
    assert len({(line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 9
    names = [text.get_text() for text in axis.texts]
    assert sorted(names) == sorted([*models, *models])
    labels = [tick.get_text() for tick in axis.get_xticklabels()]
    assert labels == ["one ↑", "two ↑"]


def test_distances_have_their_interval_and_the_floor():
    known = {"mean": 0.03, "low": 0.02, "high": 0.05}
    floor = {"mean": 0.001, "low": -0.001, "high": 0.002}
    figure = figures.distance_intervals({"a": known}, {"b": {"mean": 0.04}}, floor, "distance")
    figure.draw_without_rendering()
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    (band,) = axis.patches
    low, high = band.get_extents().transformed(axis.transData.inverted()).intervalx
    assert (low, high) == pytest.approx((-0.001, 0.002))
    spans = [line.get_xdata() for line in axis.lines if line.get_marker() == "None"]
    assert any(list(span) == [0.02, 0.05] for span in spans)
