"""Scores by training time."""

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.ticker import FuncFormatter

from pix2pix_utils.figures.described import Figure, listed
from pix2pix_utils.figures.style import BELOW, GREY, curve_style

PANELS = {"val_ssim": "SSIM on val", "class_iou": "class IoU on val"}
# side by side, in fractions of a panel: names of lines that are close together do not overlap
NAME_PLACES = ((0.01, "left", "top"), (0.5, "center", "bottom"), (0.99, "right", "bottom"))


def scores_over_time(
    loops: Mapping[str, Sequence[Mapping[str, float]]], levels: Mapping[str, Mapping[str, float]]
) -> Figure:
    """SSIM and segmentation score of training loops by seconds of training, in a panel each.

    `loops` maps a loop's name to its points: `seconds`, `val_ssim` and `class_iou`. `levels` maps
    the name of a reference predictor to the two scores; each is a grey line across its panel. An
    SSIM of 1, the real photo's, has none. Time is on a logarithmic axis.
    """
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplots(1, len(PANELS))
    for axis, (key, title) in zip(axes, PANELS.items(), strict=True):
        for number, (name, points) in enumerate(loops.items()):
            axis.plot(
                [point["seconds"] for point in points],
                [point[key] for point in points],
                **curve_style(number),
                label=name,
            )
        below_one = {name: scores[key] for name, scores in levels.items() if scores[key] < 1}
        for (name, level), (x, *alignment) in zip(below_one.items(), cycle(NAME_PLACES)):
            axis.axhline(level, color=GREY, linewidth=0.9, linestyle=":", zorder=1)
            axis.annotate(
                name,
                xy=(x, level),
                xycoords=("axes fraction", "data"),
                xytext=(0, 2 if alignment[1] == "bottom" else -2),
                textcoords="offset points",
                horizontalalignment=alignment[0],
                verticalalignment=alignment[1],
                color=GREY,
                fontsize=8,
            )
        axis.margins(y=0.08)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        axis.set_xlabel("seconds of training, without scoring")
        axis.set_title(title, fontsize=9)
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, **BELOW)
    curves = " and ".join(PANELS.values())
    ends = "; ".join(f"{name} {_last(points)}" for name, points in loops.items() if points)
    figure.details = f"Curves of {curves} by seconds of training. At the end: {ends}."
    for key, title in PANELS.items():
        reached = {name: scores[key] for name, scores in levels.items() if scores[key] < 1}
        figure.details += f" Lines of {title}: {listed(reached)}." if reached else ""
    return figure


def _last(points: Sequence[Mapping[str, float]]) -> str:
    scores = " and ".join(f"{points[-1][key]:.3f}" for key in PANELS)
    return f"{scores} after {points[-1]['seconds']:.0f} s"
