"""How a training went."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from pix2pix_utils.figures.style import COLORS, LINES


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
