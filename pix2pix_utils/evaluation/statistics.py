"""TODO."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000  # of the bootstrap and of the randomisation test


POWER = 1.96 + 0.84  # standard errors: normal quantiles of 97.5 % and 80 %


def bootstrap_interval(
    values: np.ndarray, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over images (Efron 1979)."""
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(values), size=(resamples, len(values)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values[draws].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def summarize(values: np.ndarray) -> dict:
    """Mean, its 95 % bootstrap interval and the number of images."""
    low, high = bootstrap_interval(values)
    return {"mean": float(values.mean()), "low": low, "high": high, "images": len(values)}


def paired_difference(scores: np.ndarray, reference: np.ndarray, seed: int = 0) -> dict:
    """Does one model score higher than another on the same images?

    Both (N,), in the same order. The images are hard or easy for both models, so the interval of
    the difference is far narrower than those of the two means suggest. Returns

    mean, low, high    the mean difference with its 95 % bootstrap interval over the images
    images, improved   N, and the share of them that improve
    p_value            how often a mean this far from 0 comes about if each image's difference had
                       its sign by chance (randomisation test, Fisher 1935; two-sided, never 0)
    detectable         the mean difference that N such images would show as different from 0 (at
                       5 %) four times in five: a smaller one may be there unseen

    All of it holds for these two trained networks. Another seed gives other networks: whether the
    method is better, `over_seeds` helps to judge.
    """
    difference = scores - reference
    coins = np.random.default_rng(seed).integers(0, 2, size=(RESAMPLES, len(difference)))
    chance = np.abs((2 * coins - 1) @ difference) >= abs(difference.sum()) * (1 - 1e-6)
    return {
        **summarize(difference),
        "improved": float((difference > 0).mean()),
        "p_value": float((1 + chance.sum()) / (1 + RESAMPLES)),
        "detectable": float(POWER * difference.std(ddof=1) / np.sqrt(len(difference)))
        if len(difference) > 1
        else float("nan"),
    }


def over_seeds(scores: Sequence[np.ndarray]) -> dict:
    """How much a score depends on the seed of the training.

    `scores`: (N,) of the same images, one array a seed. Returns the mean over seeds and images,
    the lowest and highest seed's mean, the standard deviation of the seeds' means (nan for one
    seed) and the number of seeds. Two methods that differ by less than about twice that deviation
    have not been told apart, however narrow the interval over the images.
    """
    means = np.array([values.mean() for values in scores])
    return {
        "mean": float(means.mean()),
        "lowest": float(means.min()),
        "highest": float(means.max()),
        "deviation": float(means.std(ddof=1)) if len(means) > 1 else float("nan"),
        "seeds": len(means),
    }
