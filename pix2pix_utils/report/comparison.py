"""SSIM of finished runs by image, and what may be said of two of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
from pix2pix_utils.training.runs import Run

INTERVAL = "{mean:.3f} [{low:.3f}, {high:.3f}]"
DIFFERENCE = "{mean:+.3f} [{low:+.3f}, {high:+.3f}]"

SeedScores = dict[str, dict[int, np.ndarray]]
"""Variant: seed: SSIM of every test image, (N,), in one order for all of them."""


def reference_scores(data: StreetData) -> dict[str, dict[str, float]]:
    """Mean SSIM on val and test of the predictions that no network made, fitted on train."""
    scores = {}
    for name, fit in REFERENCE_PREDICTORS.items():
        predict = fit(data.train)
        scores[name] = {
            split: float(ssim_scores(predict, data[split]).mean()) for split in ("val", "test")
        }
    return scores


def image_scores(runs: Sequence[Run], split: str = "test", inference: str = "eval") -> np.ndarray:
    """SSIM of every image of a split, (N,), as the mean over runs that differ in their seed."""
    columns = []
    for run in runs:
        rows = run.read_scores()
        chosen = [r["ssim"] for r in rows if (r["split"], r["inference"]) == (split, inference)]
        columns.append(np.array(chosen, dtype=float))
    return np.mean(columns, axis=0)


def seed_scores(groups: Mapping[str, Sequence[Run]]) -> SeedScores:
    """The test scores of each group of runs, seed by seed."""
    return {
        name: {run.config.seed: image_scores([run]) for run in runs}
        for name, runs in groups.items()
    }


def mean_over_seeds(scores: Mapping[int, np.ndarray]) -> np.ndarray:
    """Each image's mean over the seeds, (N,)."""
    return np.mean(list(scores.values()), axis=0)


def seed_spread(means: Sequence[float]) -> str:
    """The lowest and the highest of the seeds' means, in words."""
    return f"{min(means):.3f} to {max(means):.3f}" if len(means) > 1 else "one seed"


def comparison_rows(
    groups: Mapping[str, Sequence[Run]], reference: str, split: str = "test"
) -> list[dict]:
    """Each group of runs (one variant, one or more seeds) beside the `reference` group.

    SSIM with its 95 % interval over images, the spread over seeds, and the paired difference to
    the reference on the same images with its interval and the share of images that improve.
    """
    baseline, rows = image_scores(groups[reference], split), []
    for name, runs in groups.items():
        scores = image_scores(runs, split)
        seeds = [image_scores([run], split).mean() for run in runs]
        difference = paired_difference(scores, baseline)
        rows.append(
            {
                "variant": name,
                "seeds": len(runs),
                f"{split} SSIM": INTERVAL.format(**summarize(scores)),
                "lowest to highest seed": seed_spread(seeds),
                f"difference to {reference}": ""
                if name == reference
                else DIFFERENCE.format(**difference),
                "images improved": "" if name == reference else f"{difference['improved']:.0%}",
            }
        )
    return rows
