"""Confusion matrices, and the pix2pix paper's segmentation scores computed from them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import check_choice
from pix2pix_utils.evaluation.statistics import RESAMPLES, block_numbers, interval_of_draws

VOID_RULES = ("left out", "wrong")  # see `segmentation_scores`


def confusion_counts(true: Tensor, predicted: Tensor, classes: int) -> np.ndarray:
    """Confusion matrix of every image: integer class maps (N, H, W) to (N, C, C) int64 counts.

    Rows are true classes, columns predicted ones.
    """
    count, cells = len(true), classes * classes
    offsets = torch.arange(count)[:, None, None] * cells
    cell = offsets + true.cpu().long() * classes + predicted.cpu().long()
    found = torch.bincount(cell.flatten(), minlength=count * cells)
    return found.reshape(count, classes, classes).numpy()


def segmentation_scores(
    confusion: np.ndarray, palette: Palette, void: str = "left out"
) -> dict[str, float]:
    """The scores of the pix2pix paper (its Table 1, after Long et al. 2015), in [0, 1].

    `confusion`: (C, C) or (N, C, C) pixel counts, rows true; images are summed first. `pixel
    accuracy` is the share of pixels classified correctly, `class accuracy` the mean of that share
    over the classes that occur, `class IoU` the mean intersection over union of the same classes.
    All are nan if no class occurs.

    `void` is the rule for pixels whose true class is void. "left out": they do not count, as in
    Cityscapes' own scores. "wrong": they count as pixels of which no answer is right, as where
    they are not masked: they lower the pixel accuracy, and the IoU of the class that is seen
    there. Published scores follow either rule, often without saying which. Raises UserError for
    another rule.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    summed = counts.reshape(-1, *counts.shape[-2:]).sum(axis=0, keepdims=True)
    return {name: float(values[0]) for name, values in _rates(summed, palette, void).items()}


def segmentation_summary(
    confusion: np.ndarray,
    palette: Palette,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    void: str = "left out",
) -> dict[str, dict[str, float]]:
    """`segmentation_scores` of (N, C, C) counts, with intervals as in `statistics.summarize`.

    The 95 % bootstrap intervals are over the images, or over blocks of those that share a group.
    """
    images = len(confusion)
    numbers = block_numbers(groups) if groups else np.arange(images)
    blocks = int(numbers.max()) + 1
    flat = confusion.reshape(images, -1).astype(np.float64)
    if blocks < images:
        sums = np.zeros((blocks, flat.shape[1]))
        np.add.at(sums, numbers, flat)
        flat = sums
    draws = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLES)
    drawn = _rates((draws @ flat).reshape(RESAMPLES, *confusion.shape[-2:]), palette, void)
    summary = {}
    for name, mean in segmentation_scores(confusion, palette, void).items():
        low, high = interval_of_draws(mean, drawn[name], blocks, images)
        interval = {} if np.isnan(low) else {"low": low, "high": high}
        summary[name] = {"mean": mean, **interval, "images": images, "blocks": blocks}
    return summary


def _rates(counts: np.ndarray, palette: Palette, void: str) -> dict[str, np.ndarray]:
    """The three scores of (R, C, C) counts, (R,) each."""
    check_choice("rule for void pixels", void, VOID_RULES)
    evaluated = counts[:, : palette.evaluated]  # rows: true classes that are not void
    counted = evaluated if void == "left out" else counts
    right = np.diagonal(evaluated, axis1=1, axis2=2)
    true, predicted = evaluated.sum(axis=2), counted.sum(axis=1)[:, : palette.evaluated]
    occurs = true > 0
    total = np.where(occurs.any(axis=1), occurs.sum(axis=1), np.nan)
    recall = right / np.where(occurs, true, 1)
    overlap = right / np.where(occurs, true + predicted - right, 1)
    pixels = np.where(occurs.any(axis=1), counted.sum(axis=(1, 2)), np.nan)
    return {
        "pixel accuracy": right.sum(axis=1) / pixels,
        "class accuracy": (recall * occurs).sum(axis=1) / total,
        "class IoU": (overlap * occurs).sum(axis=1) / total,
    }
