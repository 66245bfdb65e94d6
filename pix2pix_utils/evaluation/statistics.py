"""Intervals, paired comparisons and the spread over seeds."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000  # of the bootstrap and of the randomisation test
POWER = 1.96 + 0.84  # standard errors: normal quantiles for 5 % two-sided and 80 % power


def bootstrap_interval(
    values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron 1979) of the mean of (N,) values: low, high."""
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    tail = (1 - 0.95) / 2
    low, high = np.quantile(values[draws].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def deviation(values: np.ndarray) -> float:
    """Sample standard deviation of (N,) values; nan for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def summarize(values: np.ndarray) -> dict:
    """`mean` of (N,) scores, its 95 % bootstrap interval `low` to `high`, and N as `images`."""
    low, high = bootstrap_interval(values)
    return {"mean": float(values.mean()), "low": low, "high": high, "images": len(values)}


def paired_difference(scores: np.ndarray, reference: np.ndarray, seed: int = 0) -> dict:
    """Compare the scores of two models on the same images, both (N,) in the same order.

    Images are hard or easy for both models, so the interval of the difference is far narrower than
    the intervals of the two means. Returns

    mean, low, high    the mean difference with its 95 % bootstrap interval over the images
    images, improved   N, and the share of them that improve
    p_value            probability of a mean at least this far from 0 if the sign of each image's
                       difference were random (randomisation test, Fisher 1935; two-sided, never 0)
    detectable         the mean difference that N such images show as different from 0 (at 5 %) with
                       80 % power; smaller ones are likely to be missed

    This holds for these two trained networks only. Another seed gives other networks; use
    `over_seeds` to judge whether the method is better.
    """
    difference = scores - reference
    signs = 2 * np.random.default_rng(seed).integers(0, 2, size=(RESAMPLES, len(difference))) - 1
    as_far = np.abs(signs @ difference) >= abs(difference.sum()) * (1 - 1e-6)
    return {
        **summarize(difference),
        "improved": float((difference > 0).mean()),
        "p_value": float((1 + as_far.sum()) / (1 + RESAMPLES)),
        "detectable": float(POWER * deviation(difference) / np.sqrt(len(difference))),
    }


def over_seeds(scores: Sequence[np.ndarray]) -> dict:
    """How much a score depends on the training seed.

    `scores`: one (N,) array per seed, of the same images. Returns the mean over seeds and images,
    the lowest and highest mean of a seed, the standard deviation of the seeds' means (nan for one
    seed) and the number of seeds. A difference between two methods below about twice that
    deviation may be due to the seeds, however narrow the interval over images.
    """
    means = np.array([values.mean() for values in scores])
    return {
        "mean": float(means.mean()),
        "lowest": float(means.min()),
        "highest": float(means.max()),
        "deviation": deviation(means),
        "seeds": len(means),
    }
