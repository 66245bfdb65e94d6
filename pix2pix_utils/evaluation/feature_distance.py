"""Distances between a set of generated photos and a set of real ones, for realism measured offline.

The Fréchet distance and the kernel distance are those of FID (Heusel et al. 2017) and KID
(Binkowski et al. 2018), but on features of the course's own segmentation network, which is trained
on the real photos of the data set. No weights are downloaded and any image size will do, but the
values belong to one data set at one image size: they are not FID or KID and cannot be compared
with published ones.

Both compare sets. They do not ask whether a photo fits its label map, and they do not notice if a
set of real photos is merely shuffled. Lower is closer; what real photos of other scenes get, see
`real_floor`, is the value of a perfect model.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.evaluation.predictors import batchwise
from pix2pix_utils.evaluation.segmentation import Segmenter
from pix2pix_utils.evaluation.statistics import RESAMPLES, block_numbers, interval_of_draws


@torch.no_grad()
def photo_features(segmenter: Segmenter, photos: Tensor) -> Tensor:
    """Photos (N, 3, S, S) in [-1, 1] to features (N, D), on the network's device.

    The mean over the picture of every channel after each level of the network's encoder, from
    textures to parts of objects: D = 16 + 32 + 64 + 64 = 176. The deepest level alone hardly
    notices blur.
    """
    network = segmenter.network
    levels = [network.stem(photos.float().to(segmenter.device))]
    for down in network.down:
        levels.append(down(levels[-1]))
    return torch.cat([level.mean(dim=(2, 3)) for level in levels], dim=1)


def frechet_distance(features: np.ndarray, real: np.ndarray) -> float:
    """Fréchet distance between normal distributions fitted to features (N, D) and (M, D).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), with means m and covariances S. It is defined for
    singular covariances, too, which those of fewer than D + 1 photos are, but its bias is then
    large: two small sets of real photos are far apart. Compare only sets of one size, and compare
    with `real_floor`. Raises ValueError for a set of fewer than two photos.
    """
    if min(len(features), len(real)) < 2:
        raise ValueError("a covariance needs at least two photos")
    mean, mean_real = features.mean(axis=0), real.mean(axis=0)
    root, root_real = _covariance_root(features - mean), _covariance_root(real - mean_real)
    # tr((S1 S2)^(1/2)) for S = R'R is the sum of the singular values of R1 R2'
    shared = np.linalg.svd(root @ root_real.T, compute_uv=False).sum()
    variances = np.square(root).sum() + np.square(root_real).sum()
    return float(np.square(mean - mean_real).sum() + variances - 2 * shared)


def kernel_distance(
    features: np.ndarray, real: np.ndarray, groups: Sequence[str] | None = None
) -> float:
    """Unbiased squared maximum mean discrepancy of (N, D) features, with KID's cubic kernel.

    Entry i of both sets is of one scene, so the two depend on each other. The mean of
    k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i) is therefore taken over different scenes
    i, j only (Gretton et al. 2012, lemma 6), and over different blocks of frames if `groups` names
    the drive of each. The expected value is 0 for photos of one distribution; a single value may
    be negative. Raises ValueError if the sets differ in size or have fewer than two photos.
    """
    terms, pairs = _block_terms(features[None], real, _numbers(len(real), groups))
    return float(terms.sum() / pairs.sum())


def distance_summary(
    features: np.ndarray,
    real: np.ndarray,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Both distances of (K, N, D) features to those of the real photos (N, D), as means over K.

    K networks, one for each seed, predict photos of the same N scenes. Each distance has `mean`,
    `images` and `blocks`, as in `statistics.summarize`. The kernel distance has the ends `low` and
    `high` of a 95 % bootstrap interval, too, over images or over blocks of a drive's frames; near
    0 it is wider than it need be. The Fréchet distance has none, since a resampled set has a larger
    bias. Empty for fewer than two images.
    """
    images = len(real)
    if images < 2:
        return {}
    numbers = _numbers(images, groups)
    frechet = np.mean([frechet_distance(one, real) for one in features])
    counts = {"images": images, "blocks": int(numbers.max()) + 1}
    return {
        "kernel distance": _summarize(*_block_terms(features, real, numbers), numbers, seed),
        "Fréchet distance": {"mean": float(frechet), **counts},
    }


def kernel_difference(
    features: np.ndarray,
    others: np.ndarray,
    real: np.ndarray,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """The kernel distance of (K, N, D) `features` minus that of (L, N, D) `others`, as means.

    Returns what `distance_summary` returns for a kernel distance. Scenes are hard or easy for both
    models and are drawn for both together, so the interval is narrower than those of the two
    distances. Raises ValueError as `kernel_distance` does.
    """
    numbers = _numbers(len(real), groups)
    terms, pairs = _block_terms(features, real, numbers)
    return _summarize(terms - _block_terms(others, real, numbers)[0], pairs, numbers, seed)


def real_floor(
    segmenter: Segmenter, pairs: StreetPairs, others: StreetPairs
) -> dict[str, dict[str, float]]:
    """Both distances between the real photos of a split and those of another one.

    A perfect model would get about these values. Equally many photos of both splits are taken,
    spread evenly over the larger one, as the Fréchet distance depends on their number.
    """
    count = min(len(pairs), len(others))
    mine, theirs = _spread(pairs, count), _spread(others, count)
    features, real = (
        np.concatenate(
            list(batchwise(lambda b: photo_features(segmenter, b["photo"]).cpu().numpy(), part))
        )
        for part in (theirs, mine)
    )
    return distance_summary(features[None], real, mine.groups)


def _covariance_root(centered: np.ndarray) -> np.ndarray:
    """R with R'R = the sample covariance of centred features (N, D)."""
    return np.linalg.qr(centered.astype(np.float64), mode="r") / np.sqrt(len(centered) - 1)


def _numbers(images: int, groups: Sequence[str] | None) -> np.ndarray:
    """The block of every image, (N,) integers from 0."""
    return np.arange(images) if groups is None else block_numbers(groups)


def _block_terms(
    features: np.ndarray, real: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the kernel distance's terms over the images of two blocks, and their number.

    Both (B, B), with zeros on the diagonal. Images in a single block are blocks of their own.
    """
    if features.shape[1:] != real.shape or len(real) < 2:
        raise ValueError(f"features {features.shape[1:]} do not fit real ones {real.shape}")
    real = real.astype(np.float64)
    terms = _kernel(real, real)
    for one in features.astype(np.float64):
        across = _kernel(one, real)
        terms += (_kernel(one, one) - across - across.T) / len(features)
    pairs = np.ones_like(terms)
    if 0 < numbers.max() < len(real) - 1:
        member = np.eye(int(numbers.max()) + 1)[numbers]  # (N, B)
        terms, pairs = member.T @ terms @ member, member.T @ pairs @ member
    np.fill_diagonal(terms, 0)
    np.fill_diagonal(pairs, 0)
    return terms, pairs


def _summarize(
    terms: np.ndarray, pairs: np.ndarray, numbers: np.ndarray, seed: int
) -> dict[str, float]:
    """The mean of the terms with its bootstrap interval over blocks, if there are enough."""
    size, images, blocks = len(terms), len(numbers), int(numbers.max()) + 1
    draws = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    counted = ((draws @ pairs) * draws).sum(axis=1)
    drawn = ((draws @ terms) * draws).sum(axis=1) / np.where(counted > 0, counted, np.nan)
    mean = float(terms.sum() / pairs.sum())
    low, high = interval_of_draws(mean, drawn, blocks, images)
    interval = {} if np.isnan(low) else {"low": low, "high": high}
    return {"mean": mean, **interval, "images": images, "blocks": blocks}


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _spread(pairs: StreetPairs, count: int) -> StreetPairs:
    """`count` pairs, spread evenly over the split."""
    chosen = [index * len(pairs) // count for index in range(count)]
    return StreetPairs(
        pairs.photos[chosen],
        pairs.classes[chosen],
        [pairs.names[index] for index in chosen],
        pairs.palette,
        [pairs.groups[index] for index in chosen],
    )
