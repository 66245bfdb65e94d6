"""Plots of a search for hyper-parameters: where it looked, what it found, what of it is luck."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pix2pix_utils.figures.described import Figure
from pix2pix_utils.figures.style import ABOVE, BELOW, COLORS, GREY, LINES, MARKERS

BAND = 0.2  # opacity of an interval
SMALLEST, LARGEST = 25, 120  # square points; the markers of the lowest and the highest score


def search_points(
    searches: Mapping[str, Sequence[tuple[float, float, float | None]]],
    names: tuple[str, str],
    log: tuple[bool, bool] = (True, True),
    label: str = "SSIM on val",
) -> Figure:
    """The points of each search in the plane of two hyper-parameters, a panel each.

    A point is x, y and its score: the better, the larger and brighter. Without a score it is
    hollow. The ticks along the lower edge are the points' values of x alone.
    """
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, len(searches), sharex=True, sharey=True, squeeze=False)[0]
    scores = [score for points in searches.values() for *_, score in points if score is not None]
    shown = {"vmin": min(scores), "vmax": max(scores), "cmap": "cividis"} if scores else {}
    for axis, (title, points) in zip(axes, searches.items(), strict=True):
        for x, _, _ in points:
            axis.axvline(x, ymax=0.05, color="black", linewidth=1)
        unknown = [(x, y) for x, y, score in points if score is None]
        if unknown:
            axis.scatter(*zip(*unknown, strict=True), s=45, facecolors="none", edgecolors=GREY)
        known = [point for point in points if point[2] is not None]
        if known:
            x, y, score = np.array(known, dtype=float).T
            share = (score - min(scores)) / max(max(scores) - min(scores), 1e-9)
            size = SMALLEST + share * (LARGEST - SMALLEST)
            drawn = axis.scatter(x, y, s=size, c=score, edgecolors="black", linewidths=0.6, **shown)
            best = int(score.argmax())
            axis.plot(x[best], y[best], "s", markersize=14, color="black", fillstyle="none")
        axis.set_xscale("log" if log[0] else "linear")
        axis.set_yscale("log" if log[1] else "linear")
        axis.set_title(title, fontsize=9)
        axis.margins(0.1)
        axis.set_xlabel(names[0])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(names[1])
    if scores:
        figure.colorbar(drawn, ax=list(axes), label=f"{label} (large is high, square: the best)")
    found = " ".join(_search_in_words(*one, names) for one in searches.items())
    figure.details = f"Points in the plane of {' and '.join(names)}, a panel each. {found}"
    return figure


def _search_in_words(
    title: str, points: Sequence[tuple[float, float, float | None]], names: tuple[str, str]
) -> str:
    known = [(score, x, y) for x, y, score in points if score is not None]
    words = (
        f"{title}: {len(points)} points with {len({x for x, *_ in points})} values of {names[0]} "
        f"and {len({y for _, y, _ in points})} of {names[1]}"
    )
    if known:
        score, x, y = max(known)
        words += f", the best {score:.3f} at {x:.2g} and {y:.3g}"
    return f"{words}."


def best_so_far(curves: Mapping[str, Sequence[float]], label: str = "trials") -> Figure:
    """The best score of the first n trials of each search, in steps."""
    figure, axis = _counted(label, "best SSIM on val so far")
    for number, (name, scores) in enumerate(curves.items()):
        axis.step(
            np.arange(1, len(scores) + 1),
            scores,
            LINES[number % len(LINES)],
            where="post",
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            label=name,
        )
    figure.legend(ncols=len(curves), **ABOVE)
    ends = "; ".join(
        f"{name} {scores[0]:.3f} after one, {scores[-1]:.3f} after {len(scores)}"
        for name, scores in curves.items()
    )
    figure.details = f"Steps: the best SSIM on val of the first {label}. {ends}."
    return figure


def best_of_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """The score to expect of the best of n trials, with its interval.

    `curves` maps a search to rows with `trials`, `mean`, `low` and `high`.
    """
    figure, axis = _counted("trials n", "SSIM on val of the best of n")
    for number, (name, rows) in enumerate(curves.items()):
        trials, mean, low, high = (
            [row[key] for row in rows] for key in ("trials", "mean", "low", "high")
        )
        color = COLORS[number % len(COLORS)]
        axis.fill_between(trials, low, high, alpha=BAND, linewidth=0, color=color)
        line = LINES[number % len(LINES)] + MARKERS[number % len(MARKERS)]
        axis.plot(trials, mean, line, markersize=4, label=name, color=color)
    figure.legend(ncols=len(curves), **BELOW)
    ends = "; ".join(
        f"{name} {rows[0]['mean']:.3f} of one, {rows[-1]['mean']:.3f} of {rows[-1]['trials']:.0f}"
        for name, rows in curves.items()
    )
    figure.details = f"Curves: the SSIM on val to expect of the best of n trials. {ends}."
    return figure


def pruned_curves(curves: Sequence[tuple[Sequence[float], int | None]]) -> Figure:
    """The validation curve of every trial, and what pruning would have left of it.

    Each is its scores by epoch and the epoch after which it is stopped; None if it is not. What
    follows a stop is dotted.
    """
    figure, axis = _counted("epoch", "SSIM on val")
    for scores, stop in curves:
        epochs, last = np.arange(1, len(scores) + 1), len(scores) if stop is None else stop
        color = COLORS[0] if stop is None else COLORS[1]
        axis.plot(epochs[:last], scores[:last], "-", color=color, linewidth=1.2)
        if stop is not None:
            axis.plot(epochs[last - 1 :], scores[last - 1 :], ":", color=color, linewidth=1.2)
            axis.plot(stop, scores[stop - 1], "x", color=color, markersize=8)
    axis.plot([], [], "-", color=COLORS[0], label="trained to its end")
    axis.plot([], [], ":x", color=COLORS[1], label="stopped at the cross")
    figure.legend(ncols=2, **ABOVE)
    stops = sorted(stop for _, stop in curves if stop is not None)
    after = f", after epochs {', '.join(map(str, stops))}" if stops else ""
    figure.details = (
        f"Curves of SSIM on val by epoch of {len(curves)} trials; "
        f"{len(stops)} are stopped early{after}."
    )
    return figure


def _counted(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """An empty figure whose horizontal axis has whole numbers."""
    figure = Figure(figsize=(7, 3.0), layout="constrained")
    axis = figure.subplots()
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    return figure, axis
