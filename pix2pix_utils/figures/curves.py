"""Curves over the epochs of a training."""

from collections.abc import Mapping, Sequence

import numpy as np

from pix2pix_utils.figures.described import Figure
from pix2pix_utils.figures.style import BELOW, curve_style

MAX_MARKERS = 10  # per curve, roughly: more would hide the line
PANELS = {
    "generator_loss": "generator loss",
    "l1": "L1 distance, in [-1, 1] units",
    "discriminator_loss": "discriminator loss",
    "val_ssim": "validation SSIM",
}
SPLIT_CURVES = {"train_ssim": "train", "val_ssim": "val", "test_ssim": "test"}


def training_curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Losses and validation SSIM of one or more runs, by epoch.

    `histories` maps a run's name to its records, one per epoch. A missing or non-finite value
    leaves a gap; a value that no record has leaves out its panel.
    """
    recorded = {key for history in histories.values() for epoch in history for key in epoch}
    panels = {key: title for key, title in PANELS.items() if key in recorded} or PANELS
    legend_lines = -(-len(histories) // 4) if len(histories) > 1 else 0
    figure = Figure(figsize=(9, 2.6 + 0.2 * legend_lines), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (key, title) in zip(axes, panels.items(), strict=True):
        for number, (name, history) in enumerate(histories.items()):
            axis.plot(
                [epoch["epoch"] for epoch in history],
                [epoch.get(key, np.nan) for epoch in history],
                **curve_style(number),
                markevery=max(1, len(history) // MAX_MARKERS),
                label=name,
            )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    if len(histories) > 1:
        figure.legend(*axis.get_legend_handles_labels(), ncols=4, **BELOW)
    sentences = [f"{title}: {_from_to(histories, key)}." for key, title in panels.items()]
    figure.details = " ".join(["Curves by epoch, from the first to the last.", *sentences])
    return figure


def split_curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """SSIM on train, val and test by epoch, one panel a run; a line marks val's best epoch.

    `histories` maps a run's name to its records, one per epoch; epochs without a score of train or
    test (nan) are left out of that curve.
    """
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.5 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis, (name, history) in zip(grid.flat, histories.items(), strict=False):
        for number, (key, split) in enumerate(SPLIT_CURVES.items()):
            points = [(epoch["epoch"], epoch[key]) for epoch in history if not np.isnan(epoch[key])]
            axis.plot(
                *zip(*points, strict=True),
                **curve_style(number),
                markevery=max(1, len(points) // MAX_MARKERS),
                label=split,
            )
        best = max(history, key=lambda epoch: epoch["val_ssim"])
        axis.axvline(best["epoch"], color="0.4", linewidth=0.8, linestyle=":")
        axis.set_title(f"{name}: best on val at {best['epoch']:.0f}", fontsize=9)
        axis.grid(alpha=0.3)
    for axis in grid.flat[len(histories) :]:
        axis.set_axis_off()
    for axis in grid.flat[max(0, len(histories) - columns) : len(histories)]:  # no panel below
        axis.set_xlabel("epoch", fontsize=9)
    figure.supylabel("SSIM", fontsize=9)
    figure.legend(*grid.flat[0].get_legend_handles_labels(), ncols=3, **BELOW)
    ends = "; ".join(f"{name}: {describe_splits(history)}" for name, history in histories.items())
    figure.details = f"Curves of SSIM on train, val and test by epoch. {ends}."
    return figure


def describe_splits(history: Sequence[Mapping[str, float]]) -> str:
    """Where val is best, and all splits at the last epoch at which they were scored."""
    best = max(history, key=lambda epoch: epoch["val_ssim"])
    last = next(epoch for epoch in reversed(history) if not np.isnan(epoch["test_ssim"]))
    scores = ", ".join(f"{split} {last[key]:.3f}" for key, split in SPLIT_CURVES.items())
    return (
        f"val best ({best['val_ssim']:.3f}) after epoch {best['epoch']:.0f}, "
        f"after epoch {last['epoch']:.0f} {scores}"
    )


def _from_to(histories: Mapping[str, Sequence[Mapping[str, float]]], key: str) -> str:
    """The first and the last value of each run that has this one."""
    found = {
        name: [epoch[key] for epoch in history if np.isfinite(epoch.get(key, np.nan))]
        for name, history in histories.items()
    }
    return "; ".join(
        f"{name} {values[0]:.3g} to {values[-1]:.3g}" for name, values in found.items() if values
    )
