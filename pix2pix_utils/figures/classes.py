"""Figures about classes: their colours, frequencies and scores."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Patch

from pix2pix_utils.data.palette import Palette
from pix2pix_utils.figures.described import Figure, extremes
from pix2pix_utils.figures.style import BELOW, COLORS, MARKERS, named_rows


def palette_legend(palette: Palette, columns: int = 5) -> Figure:
    """The colour of every class, with its index and name."""
    lines = -(-len(palette) // columns)
    figure = Figure(figsize=(9, 0.28 * lines + 0.2), layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    handles = [
        Patch(facecolor=color / 255, edgecolor="black", label=f"{index} {name}")
        for index, (name, color) in enumerate(zip(palette.classes, palette.colors, strict=True))
    ]
    axis.legend(handles=handles, ncols=columns, loc="center", fontsize=9, frameon=False)
    named = zip(palette.classes, palette.colors, strict=True)
    colors = "; ".join(f"{name} {', '.join(map(str, color))}" for name, color in named)
    figure.details = f"The classes with their colours as red, green and blue, 0 to 255: {colors}."
    return figure


def class_frequency_bars(frequencies: Mapping[str, np.ndarray], palette: Palette) -> Figure:
    """Each class's share of the pixels in percent on a logarithmic axis, one bar per data set."""
    shown = np.flatnonzero(np.max(list(frequencies.values()), axis=0))
    figure = Figure(figsize=(9, 3), layout="constrained")
    axis = figure.subplots()
    count = len(frequencies)
    own_colors = [palette.colors[index] / 255 for index in shown]
    for number, (name, values) in enumerate(frequencies.items()):
        axis.bar(
            np.arange(len(shown)) + (number - (count - 1) / 2) * 0.8 / count,
            100 * np.asarray(values)[shown],
            width=0.8 / count,
            label=name,
            color=own_colors if count == 1 else COLORS[number],
            hatch=("", "//", "..")[number % 3],
            edgecolor="black",
            linewidth=0.5,
        )
    axis.set_yscale("log")
    names = [palette.classes[index] for index in shown]
    axis.set_xticks(range(len(shown)), names, rotation=45, ha="right", fontsize=8)
    axis.set_ylabel("share of the pixels (%)")
    axis.grid(axis="y", alpha=0.3)
    if count > 1:
        axis.legend()
    percent = {
        name: dict(zip(names, 100 * np.asarray(values)[shown], strict=True))
        for name, values in frequencies.items()
    }
    shares = ". ".join(f"{name}: {extremes(of, '.2g', ' %')}" for name, of in percent.items())
    figure.details = f"Bars: each class's share of the pixels, on a logarithmic axis. {shares}."
    return figure


def class_scores(scores: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Mean SSIM over the pixels of each class: one row per class, one marker per model.

    `scores` maps a model to (C,) values in the order of `classes`, nan where a class is absent.
    """
    label = "mean SSIM over the pixels of the class"
    figure, axis = named_rows(classes, label, row_height=0.27, margin=1.2)
    for number, (name, values) in enumerate(scores.items()):
        color = COLORS[number % len(COLORS)]
        axis.plot(
            values,
            range(len(classes)),
            MARKERS[number % len(MARKERS)],
            color=color,
            markerfacecolor=color if number % 2 == 0 else "white",
            markersize=6,
            linestyle="none",
            label=name,
        )
    axis.grid(axis="y", alpha=0.3)
    figure.legend(ncols=3, **BELOW)
    found = {
        name: {one: value for one, value in zip(classes, values, strict=True) if np.isfinite(value)}
        for name, values in scores.items()
    }
    models = ". ".join(f"{name}: {extremes(of_one)}" for name, of_one in found.items())
    figure.details = f"Markers: mean SSIM by class. {models}."
    return figure
