"""Plots that compare measures with each other: ranks, and distances between sets of photos."""

from collections.abc import Mapping

import numpy as np

from pix2pix_utils.figures.described import Figure, with_intervals
from pix2pix_utils.figures.style import COLORS, GREY, LINES, MARKERS, WIDTH, named_rows

LETTER = 0.062  # inches, at 8 points


def rank_chart(values: Mapping[str, Mapping[str, float]], lower: tuple[str, ...] = ()) -> Figure:
    """The rank of every model by every measure: one column per measure, one line per model.

    `values` maps a measure to its models, and a model to its value; for the measures named in
    `lower` the lowest value is the best, otherwise the highest. Rank 1 is at the top; models of
    equal value are in the order given. A model without a value has a gap.
    """
    models = list(
        dict.fromkeys(m for of_one in values.values() for m, v in of_one.items() if np.isfinite(v))
    )
    ranks = np.array([_ranks(of_one, models, name in lower) for name, of_one in values.items()])
    figure = Figure(figsize=(WIDTH, 0.32 * len(models) + 1.2), layout="constrained")
    axis = figure.subplots()
    for number, (model, of_model) in enumerate(zip(models, ranks.T, strict=True)):
        color = COLORS[number % len(COLORS)]
        axis.plot(
            of_model,
            LINES[number // len(COLORS) % len(LINES)],
            color=color,
            marker=MARKERS[number % len(MARKERS)],
            markerfacecolor=color if number % 2 == 0 else "white",
            markersize=8,
            linewidth=1.8,
        )
        known = np.flatnonzero(np.isfinite(of_model))
        for column, side, shift in ((known[0], "right", -9), (known[-1], "left", 9)):
            axis.annotate(
                model,
                (column, of_model[column]),
                xytext=(shift, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=8,
            )
    titles = [f"{name} {'↓' if name in lower else '↑'}" for name in values]
    axis.set_xticks(range(len(values)), titles, fontsize=8, rotation=20, ha="left")
    axis.xaxis.tick_top()
    axis.set_yticks(range(1, len(models) + 1))
    axis.set_ylim(len(models) + 0.6, 0.4)
    name = LETTER * max(map(len, models), default=0) + 0.2  # inches
    room = name * max(len(values) - 1, 1) / (WIDTH - 0.6 - 2 * name)  # in columns
    axis.set_xlim(-room, len(values) - 1 + room)
    axis.set_ylabel("rank: 1 is the best")
    axis.grid(axis="x", alpha=0.3)
    axis.spines[:].set_visible(False)
    orders = []
    for measure, of_measure in zip(values, ranks, strict=True):
        ranked = [models[i] for i in np.argsort(of_measure) if np.isfinite(of_measure[i])]
        orders.append(f"By {measure}: {', '.join(ranked)}.")
    figure.details = " ".join(["Lines: the ranks of the models, the best first.", *orders])
    return figure


def distance_intervals(
    networks: Mapping[str, Mapping], others: Mapping[str, Mapping], floor: Mapping, label: str
) -> Figure:
    """A distance of each network's photos, above that of `others`, and the floor as a band.

    All are summaries: `mean` and, if there is an interval, `low` and `high`. `floor` is the
    distance of real photos of other scenes; `others` (reference predictors) are grey.
    """
    rows = {**networks, **others}
    figure, axis = named_rows(list(rows), label, margin=1.0)
    band = (floor.get("low", floor["mean"]), floor.get("high", floor["mean"]))
    axis.axvspan(*band, facecolor="#DDDDDD", edgecolor=GREY)
    axis.axvline(floor["mean"], color="black", linewidth=0.8, linestyle=":")
    for height, (name, row) in enumerate(rows.items()):
        color = COLORS[0] if name in networks else GREY
        low, high = row.get("low", row["mean"]), row.get("high", row["mean"])
        axis.plot([low, high], [height, height], color=color, linewidth=1.8)
        axis.plot(row["mean"], height, "o" if name in networks else "D", color=color)
    real = with_intervals({"Real photos of other scenes": floor}, 4)
    figure.details = f"Dots, {label}: {with_intervals(rows, 4)}. {real}."
    return figure


def _ranks(values: Mapping[str, float], models: list[str], lowest_first: bool) -> np.ndarray:
    """Each model's rank, (M,) floats, 1 for the best, nan without a finite value."""
    found = np.array([values.get(model, np.nan) for model in models])
    order = np.argsort(found if lowest_first else -found, kind="stable")  # nan comes last
    ranks = np.empty(len(models))
    ranks[order] = np.arange(1, len(models) + 1)
    return np.where(np.isfinite(found), ranks, np.nan)
