"""How much of what a search finds is luck."""

import math
from collections.abc import Sequence

import numpy as np

from pix2pix_utils.evaluation.statistics import RESAMPLES


def best_of_curve(
    scores: Sequence[float], resamples: int = RESAMPLES, seed: int = 0
) -> list[dict[str, float]]:
    """The score to expect of the best of n trials, for n = 1 to N; with its 95 % interval.

    `scores` are those of N independent trials, so of a random search, not of TPE. The estimate is
    the mean of the highest score over all choices of n of the N trials, which is unbiased (Tang et
    al. 2020, after Dodge et al. 2019); the interval is that of a bootstrap over trials. For n near
    N, it says how far a new search may fall below this one; nothing says how far it may rise above,
    since no resample holds a score higher than the best one here. Returns rows with `trials`,
    `mean`, `low` and `high`.
    """
    values = np.asarray(scores, dtype=float)
    weights = _weights(len(values))
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    resampled = np.sort(values[draws], axis=1) @ weights.T  # (resamples, N)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    means = weights @ np.sort(values)
    return [
        {
            "trials": index + 1,
            "mean": float(means[index]),
            "low": float(low[index]),
            "high": float(high[index]),
        }
        for index in range(len(values))
    ]


def expected_maximum(count: int) -> float:
    """The mean of the highest of `count` draws from the standard normal distribution.

    Trials that differ only by chance, with a standard deviation s, give a best one that is this
    times s above their mean.
    """
    points = np.linspace(-9, 9, 4001)
    below = np.array([0.5 * math.erfc(-point / math.sqrt(2)) for point in points])  # Phi(x)
    density = np.exp(-(points**2) / 2) / math.sqrt(2 * math.pi)
    return float((points * count * density * below ** (count - 1)).sum() * (points[1] - points[0]))


def _weights(count: int) -> np.ndarray:
    """(N, N): in row n - 1, the probability of each of the sorted scores to be the best of n.

    The i-th lowest is the best of n if the other n - 1 are among the i - 1 below it.
    """
    return np.array(
        [
            [math.comb(rank - 1, n - 1) / math.comb(count, n) for rank in range(1, count + 1)]
            for n in range(1, count + 1)
        ]
    )
