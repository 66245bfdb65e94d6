"""Scores of models: their means, intervals, differences and spread."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from pix2pix_utils.figures.style import COLORS, GREY, LINES, MARKERS

LINE_OF_TEXT = 0.16  # inches, at 9 points


def score_intervals(scores: Mapping[str, Mapping], reference: Mapping[str, float]) -> Figure:
    """SSIM of each model with its interval, above the predictions that no network made.

    `scores` maps a name to `mean`, `low` and `high`; `reference` a name to a mean.
    """
    names = [*reference, *scores]
    figure = Figure(figsize=(7, 0.32 * len(names) + 1.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(list(reference.values()), range(len(reference)), "D", color=GREY, label="no network")
    means = np.array([score["mean"] for score in scores.values()])
    lows = np.array([score["low"] for score in scores.values()])
    highs = np.array([score["high"] for score in scores.values()])
    axis.errorbar(
        means,
        range(len(reference), len(names)),
        xerr=[means - lows, highs - means],
        fmt="o",
        color=COLORS[0],
        capsize=3,
        label="network, 95 % interval of the mean over images",
    )
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.set_xlabel("SSIM")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    return figure


def value_bars(values: Mapping[str, float], label: str) -> Figure:
    """One horizontal bar for each name, from the top, with its value; the first is set apart."""
    figure = Figure(figsize=(7, 0.3 * len(values) + 0.7), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(
        list(values),
        list(values.values()),
        color=[COLORS[0], *["#BBBBBB"] * (len(values) - 1)],
        hatch=["//", *[""] * (len(values) - 1)],
        edgecolor="black",
        linewidth=0.5,
    )
    axis.bar_label(bars, fmt="%.3f", padding=3, fontsize=9)
    axis.invert_yaxis()
    axis.margins(x=0.18)
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    return figure


def seed_dots(groups: Mapping[str, Sequence[float]], label: str) -> Figure:
    """One dot for every seed of each group, in a row of its own, and a bar at their mean."""
    figure = Figure(figsize=(7, 0.35 * len(groups) + 0.8), layout="constrained")
    axis = figure.subplots()
    for row, values in enumerate(groups.values()):
        axis.plot(np.mean(values), row, "|", color="black", markersize=18)
        axis.plot(values, [row] * len(values), "o", color=COLORS[row % len(COLORS)], alpha=0.8)
    axis.set_yticks(range(len(groups)), list(groups), fontsize=9)
    axis.set_ylim(len(groups) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    return figure


def ssim_against_sharpness(
    networks: Mapping[str, tuple[float, float]],
    others: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Likeness against texture: a name maps to (sharpness, SSIM), both as means over images.

    Sharpness is gradient energy as a share of the real photos', so that they stand at 1. Networks
    are filled, `others` hollow; every point has a marker of its own and a line to its name.
    """
    others = others or {}
    points = {**networks, **others}
    height = max(3.2, 0.2 * len(points) + 1)  # inches
    figure = Figure(figsize=(8, height), layout="constrained")
    axis = figure.subplots()
    markers = cycle(MARKERS)
    for number, (name, (sharpness, score)) in enumerate(points.items()):
        color = GREY if name in others else COLORS[number % len(COLORS)]
        axis.plot(
            sharpness,
            score,
            next(markers),
            color=color,
            markerfacecolor="none" if name in others else color,
            markersize=7,
        )
    axis.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axis.margins(0.08)
    low, high = axis.get_ylim()
    ranked = sorted(points, key=lambda name: points[name][1])
    gap = LINE_OF_TEXT / (height - 0.75)  # the axis label takes the rest
    places = _apart([(points[name][1] - low) / (high - low) for name in ranked], gap)
    for name, place in zip(ranked, places, strict=True):
        axis.annotate(
            name,
            xy=points[name],
            xytext=(1.03, place),
            textcoords="axes fraction",
            verticalalignment="center",
            fontsize=9,
            arrowprops=dict(arrowstyle="-", color="#AAAAAA", linewidth=0.6, shrinkB=4),
        )
    axis.set_xlabel("sharpness: gradient energy as a share of the real photos' (dotted line)")
    axis.set_ylabel("SSIM")
    axis.grid(alpha=0.3)
    return figure


def _apart(positions: Sequence[float], gap: float) -> np.ndarray:
    """Rising positions in 0..1, moved as little as it takes to stand `gap` apart."""
    steps = gap * np.arange(len(positions))
    spread = np.maximum.accumulate(np.asarray(positions) - steps)
    return np.minimum(spread, 1 - steps[-1]) + steps


def differences(rows: Mapping[str, Mapping], label: str) -> Figure:
    """Differences with their intervals, from the top, against a line at zero.

    `rows` maps a name to `mean`, `low` and `high`. A dot is filled, and in colour, where the
    interval leaves zero out.
    """
    figure = Figure(figsize=(8, 0.32 * len(rows) + 0.8), layout="constrained")
    axis = figure.subplots()
    axis.axvline(0, color="black", linewidth=0.9)
    largest = max(abs(row[key]) for row in rows.values() for key in ("low", "high"))
    digits = 3 if largest < 1 else 2
    for height, row in enumerate(rows.values()):
        mean, low, high = row["mean"], row["low"], row["high"]
        certain = low > 0 or high < 0
        color = GREY if not certain else COLORS[0] if mean > 0 else COLORS[1]
        axis.plot([low, high], [height, height], color=color, linewidth=1.8)
        axis.plot(
            mean, height, "o", color=color, markerfacecolor=color if certain else "white", zorder=3
        )
        axis.annotate(
            f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]",
            xy=(1.02, height),
            xycoords=("axes fraction", "data"),
            verticalalignment="center",
            fontsize=8,
        )
    axis.set_yticks(range(len(rows)), list(rows), fontsize=9)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.locator_params(axis="x", nbins=6)
    axis.grid(axis="x", alpha=0.3)
    return figure


def score_distribution(
    networks: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """The score of every image: a dot each, and a box from the first quartile to the third.

    `networks` and `others` map a name to scores (N,), one an image. The boxes of `others`, which
    no network made, are grey and stand below. The line in a box is the median.
    """
    others = others or {}
    groups = {**networks, **others}
    figure = Figure(figsize=(8, 0.42 * len(groups) + 0.8), layout="constrained")
    axis = figure.subplots()
    jitter = np.random.default_rng(0)
    for row, (name, values) in enumerate(groups.items()):
        color = GREY if name in others else COLORS[0]
        heights = row + jitter.uniform(-0.3, 0.3, len(values))
        axis.plot(values, heights, ".", color=color, markersize=3, alpha=0.45, zorder=1)
        first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
        axis.barh(row, third - first, 0.62, first, fill=False, edgecolor="black", zorder=2)
        axis.plot([median, median], [row - 0.31, row + 0.31], color="black", linewidth=2, zorder=3)
    axis.set_yticks(range(len(groups)), list(groups), fontsize=9)
    axis.set_ylim(len(groups) - 0.4, -0.6)
    axis.set_xlabel("SSIM of each image")
    axis.grid(axis="x", alpha=0.3)
    return figure


def score_columns(columns: Mapping[str, Mapping[str, Mapping[str, float]]], label: str) -> Figure:
    """The same models measured several times: one row a model, one marker a measurement.

    `columns` maps a measurement to its models, and a model to `mean` and, if known, `low` and
    `high`. The rows are those of the first measurement, in its order.
    """
    models = list(next(iter(columns.values())))
    figure = Figure(figsize=(8, 0.5 * len(models) + 1.2), layout="constrained")
    axis = figure.subplots()
    heights = np.linspace(-0.2, 0.2, len(columns)) if len(columns) > 1 else [0.0]
    for number, (title, means) in enumerate(columns.items()):
        rows = [row for row, model in enumerate(models) if model in means]
        found = [means[models[row]] for row in rows]
        middle = np.array([one["mean"] for one in found])
        low = np.array([one.get("low", one["mean"]) for one in found])
        high = np.array([one.get("high", one["mean"]) for one in found])
        color = COLORS[number % len(COLORS)]
        axis.errorbar(
            middle,
            np.array(rows) + heights[number],
            xerr=[middle - low, high - middle],
            fmt=MARKERS[number % len(MARKERS)],
            color=color,
            markerfacecolor="white" if number == 0 else color,
            capsize=3,
            label=title,
        )
    axis.set_yticks(range(len(models)), models, fontsize=9)
    axis.set_ylim(len(models) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=len(columns), fontsize=8, frameon=False)
    return figure


def sampled_means(samples: Mapping[str, np.ndarray], label: str) -> Figure:
    """How the mean of a test split would scatter: one histogram of simulated means a model."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axis = figure.subplots()
    everything = np.concatenate(list(samples.values()))
    bins = np.linspace(everything.min(), everything.max(), 60)
    for number, (name, means) in enumerate(samples.items()):
        axis.hist(
            means,
            bins.tolist(),
            histtype="stepfilled",
            facecolor=COLORS[number % len(COLORS)] + "55",  # translucent
            edgecolor=COLORS[number % len(COLORS)],
            linestyle=LINES[number % len(LINES)],
            linewidth=1.5,
            label=name,
        )
    axis.set_xlabel(label)
    axis.set_yticks([])
    axis.legend(fontsize=8, frameon=False)
    return figure
