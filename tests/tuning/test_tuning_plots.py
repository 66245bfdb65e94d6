"""Figures of a search: everything that was measured is in them, and can be told apart."""

import pytest
from matplotlib.text import Text

from pix2pix_utils.figures.tuning_plots import (
    best_of_curves,
    best_so_far,
    pruned_curves,
    search_points,
)


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_each_search_has_a_panel_with_all_its_points():
    points = [(1e-3, 10.0, 0.4), (2e-3, 20.0, 0.5), (4e-3, 5.0, None)]
    figure = search_points({"grid": points, "random": points[:2]}, ("rate", "alpha"))
    panels = [axis for axis in figure.axes if axis.get_title()]
    assert [axis.get_title() for axis in panels] == ["grid", "random"]
    drawn = [sum(len(one.get_offsets()) for one in axis.collections) for axis in panels]
    assert drawn == [3, 2]
    assert all(axis.get_xscale() == axis.get_yscale() == "log" for axis in panels)
    assert {"rate", "alpha"} <= set(words(figure))
    assert [list(axis.lines[-1].get_xdata()) for axis in panels] == [[2e-3], [2e-3]]  # the best


def test_points_can_be_shown_before_they_are_trained():
    figure = search_points({"grid": [(1.0, 2.0, None)]}, ("a", "b"), log=(False, True))
    (panel,) = figure.axes
    assert (panel.get_xscale(), panel.get_yscale()) == ("linear", "log")


@pytest.mark.parametrize("count", [1, 4])
def test_searches_can_be_told_apart_without_their_colours(count):
    figure = best_so_far({f"search {n}": [0.3, 0.4, 0.4] for n in range(count)})
    (axis,) = figure.axes
    assert len({(line.get_linestyle(), line.get_marker()) for line in axis.lines}) == count
    assert {f"search {n}" for n in range(count)} <= set(words(figure))


def test_the_best_of_n_is_drawn_with_its_interval():
    rows = [{"trials": n, "mean": 0.4, "low": 0.3, "high": 0.45} for n in (1, 2, 3)]
    (axis,) = best_of_curves({"random": rows, "nothing": rows}).axes
    assert [len(line.get_xdata()) for line in axis.lines] == [3, 3]
    for band in axis.collections:
        low, high = band.get_datalim(axis.transData).intervaly
        assert (low, high) == pytest.approx((0.3, 0.45))


def test_what_pruning_cuts_off_is_dotted_behind_a_cross():
    (axis,) = pruned_curves([([0.2, 0.3, 0.4], None), ([0.1, 0.2, 0.3], 2)]).axes
    drawn = [line for line in axis.lines if len(line.get_xdata())]
    assert [line.get_linestyle() for line in drawn] == ["-", "-", ":", "None"]
    assert [list(line.get_xdata()) for line in drawn] == [[1, 2, 3], [1, 2], [2, 3], [2]]
