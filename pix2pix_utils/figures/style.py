"""Colours, lines and markers of all figures, and the layout of those with one row per name.

Okabe and Ito's colours (2008), which colour-blind readers can distinguish; orange and sky blue are
darker, so that each has a contrast of 3 to white, and grey, in which words are written, of 4.5
(WCAG 2.1, AA). Colour is always combined with a marker, line or hatch, so that figures can be
printed in grey.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from pix2pix_utils.figures.described import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#C08000", "#3593CF", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X<>ph"
GREY = "#6E6E6E"  # reference predictors
WIDTH = 9.0  # inches; of a grid of pictures, about the width of a notebook's outputs
LARGEST_CELL = 2.2  # inches; a picture in a grid of few columns
# a figure's legend
BELOW: dict[str, Any] = {"loc": "outside lower center", "fontsize": 8, "frameon": False}
ABOVE: dict[str, Any] = {**BELOW, "loc": "outside upper center"}


def curve_style(number: int) -> dict[str, Any]:
    """How the curve with this number is drawn among several, for `Axes.plot`."""
    return {
        "linestyle": LINES[number % len(LINES)],
        "color": COLORS[number % len(COLORS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 3.5,
        "linewidth": 1.2,
    }


def cell_side(columns: int, beside: float) -> float:
    """Inches of one of `columns` pictures in a row, next to `beside` inches of titles."""
    return min((WIDTH - beside) / columns, LARGEST_CELL)


def named_rows(
    names: Sequence[str], label: str, row_height: float = 0.32, margin: float = 0.8
) -> tuple[Figure, Axes]:
    """An empty figure with one row per name, from the top; heights in inches."""
    figure = Figure(figsize=(8, row_height * len(names) + margin), layout="constrained")
    axis = figure.subplots()
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    return figure, axis
