"""Figures of the study: every function returns a matplotlib figure and shows or saves nothing.

`style` holds what they share; `save` writes one as PNG and as PDF.
"""

from pix2pix_utils.figures.classes import class_frequency_bars, class_scores, palette_legend
from pix2pix_utils.figures.curves import training_curves
from pix2pix_utils.figures.diagrams import unet_diagram
from pix2pix_utils.figures.pictures import image_grid, score_maps
from pix2pix_utils.figures.saving import save
from pix2pix_utils.figures.score_plots import (
    differences,
    sampled_means,
    score_columns,
    score_distribution,
    score_intervals,
    seed_dots,
    ssim_against_sharpness,
    value_bars,
)
from pix2pix_utils.figures.style import CELL, COLORS, GREY, LINES, MARKERS

__all__ = [
    "CELL",
    "COLORS",
    "GREY",
    "LINES",
    "MARKERS",
    "class_frequency_bars",
    "class_scores",
    "differences",
    "image_grid",
    "palette_legend",
    "sampled_means",
    "save",
    "score_columns",
    "score_distribution",
    "score_intervals",
    "score_maps",
    "seed_dots",
    "ssim_against_sharpness",
    "training_curves",
    "unet_diagram",
    "value_bars",
]
