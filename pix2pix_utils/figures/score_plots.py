"""Plots of models' scores: means, intervals, differences and distributions."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes

from pix2pix_utils.evaluation.statistics import mean_text
from pix2pix_utils.figures.described import Figure, listed, with_intervals
from pix2pix_utils.figures.labels import name_points
from pix2pix_utils.figures.style import ABOVE, COLORS, GREY, LINES, MARKERS, named_rows

TRANSLUCENT = "77"  # appended to a colour


def score_intervals(scores: Mapping[str, Mapping], reference: Mapping[str, float]) -> Figure:
    """Mean SSIM of each model with its interval, above that of the reference predictors.

    `scores` maps a name to `mean` and, if there is an interval, `low` and `high`; `reference` a
    name to a mean.
    """
    figure, axis = named_rows([*scores, *reference], "SSIM: right is better", margin=1.2)
    style = {"color": COLORS[0], "label": "network, 95 % interval of the mean over images"}
    _error_bars(axis, list(scores.values()), range(len(scores)), fmt="o", **style)
    rows = range(len(scores), len(scores) + len(reference))
    axis.plot(list(reference.values()), rows, "D", color=GREY, label="no network")
    figure.legend(ncols=2, **ABOVE)
    figure.details = f"Dots, mean SSIM of networks: {with_intervals(scores) or 'none'}."
    if reference:
        figure.details += f" Diamonds, no network: {listed(reference)}."
    return figure


def score_columns(columns: Mapping[str, Mapping[str, Mapping[str, float]]], label: str) -> Figure:
    """The same models measured several times: one row per model, one marker per measurement.

    `columns` maps a measurement to its models, and a model to `mean` and, if known, `low` and
    `high`. The rows are the models of the first measurement, in its order.
    """
    models = list(next(iter(columns.values())))
    figure, axis = named_rows(models, label, row_height=0.5, margin=1.2)
    offsets = np.linspace(-0.2, 0.2, len(columns)) if len(columns) > 1 else [0.0]
    for number, ((title, scores), offset) in enumerate(zip(columns.items(), offsets, strict=True)):
        rows = [row for row, model in enumerate(models) if model in scores]
        _error_bars(
            axis,
            [scores[models[row]] for row in rows],
            np.array(rows) + offset,
            fmt=MARKERS[number % len(MARKERS)],
            color=COLORS[number % len(COLORS)],
            markerfacecolor="white" if number == 0 else None,
            label=title,
        )
    figure.legend(ncols=len(columns), **ABOVE)
    measured = " ".join(f"{title}: {with_intervals(of_all)}." for title, of_all in columns.items())
    figure.details = f"Dots, {label}. {measured}"
    return figure


def _error_bars(
    axis: Axes, scores: Sequence[Mapping], rows: Sequence | np.ndarray, **style
) -> None:
    means = np.array([score["mean"] for score in scores])
    lows = np.array([score.get("low", score["mean"]) for score in scores])
    highs = np.array([score.get("high", score["mean"]) for score in scores])
    axis.errorbar(means, rows, xerr=[means - lows, highs - means], capsize=3, **style)


def value_bars(values: Mapping[str, float], label: str) -> Figure:
    """One horizontal bar per name with its value, from the top; the first is highlighted."""
    figure, axis = named_rows(list(values), label)
    bars = axis.barh(
        range(len(values)),
        list(values.values()),
        color=[COLORS[0], *["#BBBBBB"] * (len(values) - 1)],
        hatch=["//", *[""] * (len(values) - 1)],
        edgecolor="black",
        linewidth=0.5,
    )
    axis.bar_label(bars, fmt="%.3f", padding=3, fontsize=9)
    axis.margins(x=0.18)
    figure.details = f"Bars, {label}: {listed(values)}."
    return figure


def seed_dots(groups: Mapping[str, Sequence[float]], label: str) -> Figure:
    """One row per group, with a dot for every seed and a bar at their mean."""
    figure, axis = named_rows(list(groups), label)
    for row, values in enumerate(groups.values()):
        axis.plot(np.mean(values), row, "|", color="black", markersize=18)
        axis.plot(values, [row] * len(values), "o", color=COLORS[row % len(COLORS)], alpha=0.8)
    dots = "; ".join(
        f"{name} {', '.join(f'{value:.3f}' for value in values)}" for name, values in groups.items()
    )
    figure.details = f"Dots, {label}: {dots}."
    return figure


def differences(rows: Mapping[str, Mapping], label: str) -> Figure:
    """Differences with their intervals, from the top, and a line at zero.

    `rows` maps a name to what `evaluation.paired_difference` returns. A dot is filled and coloured
    if there is an interval, and it excludes zero.
    """
    figure, axis = named_rows(list(rows), label)
    axis.axvline(0, color="black", linewidth=0.9)
    largest = max(
        abs(row.get(key, row["mean"])) for row in rows.values() for key in ("low", "high")
    )
    digits = 3 if largest < 1 else 2
    for height, row in enumerate(rows.values()):
        mean = row["mean"]
        low, high = row.get("low", mean), row.get("high", mean)
        certain = "low" in row and (low > 0 or high < 0)
        color = GREY if not certain else COLORS[0] if mean > 0 else COLORS[1]
        fill = color if certain else "white"
        axis.plot([low, high], [height, height], color=color, linewidth=1.8)
        axis.plot(mean, height, "o", color=color, markerfacecolor=fill, zorder=3)
        axis.annotate(
            mean_text(row, digits, "+"),
            xy=(1.02, height),
            xycoords=("axes fraction", "data"),
            verticalalignment="center",
            fontsize=8,
        )
    axis.locator_params(axis="x", nbins=6)
    figure.details = f"Dots, {label}: {with_intervals(rows, digits, '+')}."
    return figure


def score_distribution(
    networks: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """The score of every image: a mark each, and a box from the first quartile to the third.

    `networks` (dots) and `others` (reference predictors, crosses below) map a name to scores (N,).
    The line in a box is the median.
    """
    groups = {**networks, **(others or {})}
    figure, axis = named_rows(list(groups), "SSIM of each image: right is better", row_height=0.42)
    jitter = np.random.default_rng(0)
    for row, (name, values) in enumerate(groups.items()):
        color, mark = (COLORS[0], ".") if name in networks else (GREY, "x")
        heights = row + jitter.uniform(-0.3, 0.3, len(values))
        axis.plot(values, heights, mark, color=color, markersize=3, alpha=0.45, zorder=1)
        first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
        axis.barh(row, third - first, 0.62, first, fill=False, edgecolor="black", zorder=2)
        axis.plot([median, median], [row - 0.31, row + 0.31], color="black", linewidth=2, zorder=3)
    medians = {name: float(np.median(values)) for name, values in groups.items()}
    figure.details = f"A mark for the SSIM of each image. Medians: {listed(medians)}."
    return figure


def ssim_against_sharpness(
    networks: Mapping[str, tuple[float, float]],
    others: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """SSIM against sharpness: a name maps to (sharpness, SSIM), both means over images.

    Sharpness is gradient energy as a share of the real photos', which are at 1. Markers of networks
    are filled, translucent so that one on top of another shows, those of `others` (reference
    predictors) hollow. A name without room beside its marker has a line to it.
    """
    points = {**networks, **(others or {})}
    height = max(4.2, 0.2 * len(points) + 1)  # inches
    figure = Figure(figsize=(8, height), layout="constrained")
    axis = figure.subplots()
    for number, ((name, point), marker) in enumerate(zip(points.items(), cycle(MARKERS))):
        color = COLORS[number % len(COLORS)] if name in networks else GREY
        fill = color + TRANSLUCENT if name in networks else "none"
        axis.plot(*point, marker, color=color, markerfacecolor=fill, markersize=8)
    axis.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axis.margins(0.12)
    axis.set_xlabel("sharpness: gradient energy as a share of the real photos' (dotted line)")
    axis.set_ylabel("SSIM: up is better")
    axis.grid(alpha=0.3)
    name_points(axis, points)
    places = "; ".join(f"{name} {x:.2f}, {y:.3f}" for name, (x, y) in points.items())
    figure.details = f"Points by sharpness (real photos: 1) and SSIM: {places}."
    return figure


def sampled_means(samples: Mapping[str, np.ndarray], label: str) -> Figure:
    """Histograms of simulated means of a test split, one per model."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axis = figure.subplots()
    everything = np.concatenate(list(samples.values()))
    bins = np.linspace(everything.min(), everything.max(), 60)
    for number, (name, means) in enumerate(samples.items()):
        color = COLORS[number % len(COLORS)]
        axis.hist(
            means,
            bins.tolist(),
            histtype="stepfilled",
            facecolor=color + TRANSLUCENT,
            edgecolor=color,
            linestyle=LINES[number % len(LINES)],
            linewidth=1.5,
            label=name,
        )
    axis.set_xlabel(label)
    axis.set_yticks([])
    axis.legend(fontsize=8, frameon=False)
    middles = {name: float(np.mean(means)) for name, means in samples.items()}
    figure.details = f"Histograms, {label}. Their means: {listed(middles)}."
    return figure
