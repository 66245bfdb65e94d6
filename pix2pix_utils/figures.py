"""Figures of the study: every function returns a matplotlib figure and shows or saves nothing.

One style: Okabe and Ito's colours (2008), which the colour-blind can tell apart, and a line style
or marker of its own for every curve, so that nothing is said by colour alone.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike
from torch import Tensor

from pix2pix_utils.data import to_uint8
from pix2pix_utils.labels import Palette

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
CELL = 1.45  # inches; a picture in a grid


def image_grid(
    rows: Sequence[Sequence[ArrayLike]],
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    captions: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Pictures in rows and columns: (H, W, 3) uint8, or (H, W) floats shown in grey.

    `captions` stand below each picture.
    """
    height = CELL + (0.22 if captions else 0)
    figure = Figure(
        figsize=(CELL * len(rows[0]) + 0.3, height * len(rows) + 0.3), layout="constrained"
    )
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            axis = axes[row, column]
            axis.imshow(image, cmap="gray", interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if row == 0 and column_titles:
                axis.set_title(textwrap.fill(column_titles[column], 18), fontsize=9)
            if column == 0 and row_titles:
                axis.set_ylabel(row_titles[row], fontsize=9)
            if captions:
                axis.set_xlabel(captions[row][column], fontsize=8)
    return figure


def palette_legend(palette: Palette, columns: int = 5) -> Figure:
    """The colour of every class, with its index and name."""
    lines = -(-len(palette) // columns)
    figure = Figure(figsize=(9, 0.28 * lines + 0.2), layout="constrained")
    axis = figure.subplots()  # IPython shows no figure without axes
    axis.set_axis_off()
    axis.legend(
        handles=[
            Patch(facecolor=color / 255, edgecolor="black", label=f"{index} {name}")
            for index, (name, color) in enumerate(zip(palette.classes, palette.colors, strict=True))
        ],
        ncols=columns,
        loc="center",
        fontsize=9,
        frameon=False,
    )
    return figure


def class_frequency_bars(frequencies: Mapping[str, np.ndarray], palette: Palette) -> Figure:
    """Share of the pixels of each class, in percent on a logarithmic axis, one bar a data set."""
    shown = [
        index for index in range(len(palette)) if max(f[index] for f in frequencies.values()) > 0
    ]
    figure = Figure(figsize=(9, 3), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(frequencies)
    hatches = cycle(("", "//", ".."))
    for offset, (name, values) in enumerate(frequencies.items()):
        axis.bar(
            np.arange(len(shown)) + (offset - (len(frequencies) - 1) / 2) * width,
            100 * np.asarray(values)[shown],
            width,
            label=name,
            color=[palette.colors[index] / 255 for index in shown]
            if len(frequencies) == 1
            else COLORS[offset],
            hatch=next(hatches),
            edgecolor="black",
            linewidth=0.5,
        )
    axis.set_yscale("log")
    axis.set_xticks(
        range(len(shown)),
        [palette.classes[index] for index in shown],
        rotation=45,
        ha="right",
        fontsize=8,
    )
    axis.set_ylabel("share of the pixels (%)")
    axis.grid(axis="y", alpha=0.3)
    if len(frequencies) > 1:
        axis.legend()
    return figure


def training_curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Losses and validation SSIM of one or more runs, by epoch."""
    panels = (
        ("generator_loss", "generator loss"),
        ("l1", "L1 distance, in [-1, 1] units"),
        ("discriminator_loss", "discriminator loss"),
        ("val_ssim", "validation SSIM"),
    )
    legend_lines = -(-len(histories) // 4) if len(histories) > 1 else 0
    figure = Figure(figsize=(11, 2.8 + 0.2 * legend_lines), layout="constrained")
    for axis, (key, title) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for number, (name, history) in enumerate(histories.items()):
            axis.plot(
                [epoch["epoch"] for epoch in history],
                [epoch.get(key, np.nan) for epoch in history],
                LINES[number % len(LINES)],
                color=COLORS[number % len(COLORS)],
                marker="o" if len(history) <= 20 else None,
                markersize=3,
                label=name,
            )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    if len(histories) > 1:
        figure.legend(
            *axis.get_legend_handles_labels(),
            loc="outside lower center",
            ncols=4,
            fontsize=8,
            frameon=False,
        )
    return figure


def score_intervals(scores: Mapping[str, Mapping], reference: Mapping[str, float]) -> Figure:
    """SSIM of each model with its interval, above the predictions that no network made.

    `scores` maps a name to `mean`, `low` and `high`; `reference` a name to a mean.
    """
    names = [*reference, *scores]
    figure = Figure(figsize=(7, 0.32 * len(names) + 1.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(
        list(reference.values()), range(len(reference)), "D", color="#777777", label="no network"
    )
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


def score_maps(
    rows: Sequence[tuple[str, Tensor, Tensor]], meaning: str, low: float = 0.0, high: float = 1.0
) -> Figure:
    """Photos with the discriminator's score map laid over them, and the scale beside them.

    Each row is a title, photos (N, 3, S, S) in [-1, 1] and scores (N, 1, h, w) in [low, high]. The
    scale runs from dark blue to yellow (cividis), which the colour-blind read the same way.
    """
    count = len(rows[0][1])
    figure = Figure(figsize=(CELL * count + 1, CELL * len(rows) + 0.2), layout="constrained")
    axes = figure.subplots(len(rows), count, squeeze=False)
    for axis_row, (title, photos, scores) in zip(axes, rows, strict=True):
        axis_row[0].set_ylabel(title, fontsize=9)
        for axis, photo, score in zip(axis_row, photos, scores, strict=True):
            size = photo.shape[-1]
            axis.imshow(to_uint8(photo).mean(axis=-1), cmap="gray", vmin=0, vmax=255)
            overlay = axis.imshow(
                score[0],
                cmap="cividis",
                vmin=low,
                vmax=high,
                alpha=0.6,
                extent=(-0.5, size - 0.5, size - 0.5, -0.5),
                interpolation="nearest",
            )
            axis.set(xticks=[], yticks=[])
    figure.colorbar(overlay, ax=axes, label=meaning, shrink=0.8)
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


def unet_diagram(networks: Mapping[str, Sequence[Mapping]]) -> Figure:
    """U-Nets above each other: a bar a block, as high as log2 of its features' height and width.

    `networks` maps a title to the blocks in the order in which they run, encoder first, as many
    decoder as encoder blocks. A block has `size` and `channels` of its output, which say how high
    and how wide its bar is, `convolutions`, the bar's compartments, and `dropout`, true or false.
    Arrows are the skips.
    """
    figure = Figure(figsize=(10, 2.9 * len(networks) + 0.3), layout="constrained")
    axes = figure.subplots(len(networks), 1, squeeze=False)[:, 0]
    deepest = max(len(blocks) // 2 for blocks in networks.values())
    widest = max(block["channels"] for blocks in networks.values() for block in blocks)
    for axis, (title, blocks) in zip(axes, networks.items(), strict=True):
        levels = len(blocks) // 2
        edges = []  # left, right and top of each bar
        for number, block in enumerate(blocks):
            middle, height = number - levels + 0.5, np.log2(block["size"]) + 0.6
            width = max(0.8 * block["channels"] / widest, 0.05)
            edges.append((middle - width / 2, middle + width / 2, height))
            for part in range(block["convolutions"]):
                axis.add_patch(
                    Rectangle(
                        (middle - width / 2 + part * width / block["convolutions"], 0),
                        width / block["convolutions"],
                        height,
                        facecolor=COLORS[5] if number < levels else COLORS[4],
                        hatch="//" if block["dropout"] else "",
                        edgecolor="black",
                        linewidth=0.7,
                    )
                )
            text = f"{block['size']}x{block['size']}\n{block['channels']}"
            axis.text(middle, -0.25, text, ha="center", va="top", fontsize=8)
        for number in range(levels - 1):
            partner = 2 * levels - 2 - number
            axis.annotate(
                "",
                xy=(edges[partner][0], edges[partner][2] - 0.2),
                xytext=(edges[number][1], edges[number][2] - 0.2),
                arrowprops={"arrowstyle": "->", "color": "#555555", "shrinkA": 0, "shrinkB": 0},
            )
        axis.set(xlim=(-deepest, deepest), ylim=(-2.1, max(top for _, _, top in edges) + 0.2))
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    figure.legend(
        handles=[
            Patch(facecolor=COLORS[5], edgecolor="black", label="encoder block"),
            Patch(facecolor=COLORS[4], edgecolor="black", label="decoder block"),
            Patch(facecolor="white", edgecolor="black", hatch="//", label="ends in dropout"),
        ],
        loc="outside lower center",
        ncols=3,
        fontsize=8,
        frameon=False,
    )
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
    figure = Figure(figsize=(8, max(3.2, 0.27 * len(points) + 0.8)), layout="constrained")
    axis = figure.subplots()
    markers = cycle("osD^vP*X<>ph")
    for number, (name, (sharpness, score)) in enumerate(points.items()):
        color = "#777777" if name in others else COLORS[number % len(COLORS)]
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
    heights = _apart([(points[name][1] - low) / (high - low) for name in ranked], gap=0.065)
    for name, height in zip(ranked, heights, strict=True):
        axis.annotate(
            name,
            xy=points[name],
            xytext=(1.03, height),
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
        color = "#777777" if not certain else COLORS[0] if mean > 0 else COLORS[1]
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
    axis.xaxis.get_major_locator().set_params(nbins=6)
    axis.grid(axis="x", alpha=0.3)
    return figure
