"""The difference of two models' kernel distances, with an interval over the test images."""

from collections.abc import Sequence

import numpy as np

from pix2pix_utils.evaluation.statistics import RESAMPLES, block_numbers, interval_of_draws


def kernel_difference(
    features: np.ndarray,
    others: np.ndarray,
    real: np.ndarray,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """`feature_distance.kernel_distance` of `features` minus that of `others`, as means over K.

    Both are (K, N, D): features of the photos of N scenes by K networks, of one seed each, and
    `real`, (N, D), those of the real photos. Scenes are hard or easy for both models, so they are
    resampled together, by blocks of a drive's frames if `groups` names the drive of each. Returns
    `mean`, `low` and `high` (missing if there are too few blocks), `images` and `blocks`.
    """
    images = len(real)
    numbers = np.arange(images) if groups is None else block_numbers(groups)
    blocks = int(numbers.max()) + 1
    if blocks == 1:  # no interval, but a mean over all pairs of images
        numbers = np.arange(images)
    member = np.eye(int(numbers.max()) + 1)[numbers]  # (N, B)
    terms = member.T @ (_terms(features, real) - _terms(others, real)) @ member  # (B, B)
    pairs = np.outer(member.sum(axis=0), member.sum(axis=0))
    np.fill_diagonal(terms, 0)  # pairs of images of one block depend on each other
    np.fill_diagonal(pairs, 0)
    size = len(terms)
    draws = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    counted = ((draws @ pairs) * draws).sum(axis=1)
    drawn = ((draws @ terms) * draws).sum(axis=1) / np.where(counted > 0, counted, np.nan)
    mean = float(terms.sum() / pairs.sum())
    low, high = interval_of_draws(mean, drawn, blocks, images)
    interval = {} if np.isnan(low) else {"low": low, "high": high}
    return {"mean": mean, **interval, "images": images, "blocks": blocks}


def _terms(features: np.ndarray, real: np.ndarray) -> np.ndarray:
    """What two images contribute to the squared maximum mean discrepancy, (N, N), mean over K.

    Without the kernel of the real photos, which is the same for all models.
    """
    real = real.astype(np.float64)
    total = np.zeros((len(real), len(real)))
    for one in features.astype(np.float64):
        across = _kernel(one, real)
        total += (_kernel(one, one) - across - across.T) / len(features)
    return total


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3  # KID's (Binkowski et al. 2018)
