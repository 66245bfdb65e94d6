"""Intervals, paired comparisons and the spread over seeds.

Neighbouring frames of a video show nearly the same scene, and a network scores nearly the same on
them: 101 of them say far less than 101 streets. Every function here that takes `groups`, which name
the drive of each image (`StreetPairs.groups`), therefore treats a block of images as one
observation. Images without a drive are blocks of their own. `groups=None` means that all are.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

RESAMPLES = 2000  # of the bootstrap and of the randomisation test
NORMAL = 1.96  # normal quantile for 95 %, two-sided
POWER = NORMAL + 0.84  # standard errors: normal quantiles for 5 % two-sided and 80 % power

# Frames in a block, 1.7 s of CamVid's video with 15 frames a second. There the SSIM of one frame
# correlates with that of the next by .81 to .94, depending on the model, and with that of the 25th
# after it by -.3 to .3. Cameras that take fewer frames a second need shorter blocks, so this length
# makes their intervals wider than necessary. Simulated, the interval of 101 frames covers the true
# mean in 93 % of cases if neighbours correlate by .80 and in 87 % at .94; frame by frame it would
# be 44 % and 25 %.
BLOCK = 25
# Blocks of one drive: more of them make the interval hardly narrower (Student's t is 15 % above the
# normal quantile for 10), and longer blocks depend less on each other.
MOST_BLOCKS = 10
FEWEST_BLOCKS = 3  # of frames; the spread of two would be known to a factor of about ten


def block_numbers(groups: Sequence[str]) -> np.ndarray:
    """The block of every image, (N,) integers from 0.

    A group is one block, or up to `MOST_BLOCKS` of at least about `BLOCK` neighbouring images if it
    is long enough; images of a group are in temporal order.
    """
    numbers, blocks = np.zeros(len(groups), dtype=int), 0
    for indices in _members(groups):
        count = max(1, min(round(len(indices) / BLOCK), MOST_BLOCKS))
        numbers[indices] = blocks + np.arange(len(indices)) * count // len(indices)
        blocks += count
    return numbers


def bootstrap_interval(
    values: np.ndarray,
    groups: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of (N,) values: low, high.

    Images are drawn with replacement, or blocks of them if images share a group (Carlstein 1986).
    Both ends are nan if there are too few for an interval, see `interval_of_draws`.
    """
    sums, sizes = _blocks(values, groups)
    draws = np.random.default_rng(seed).integers(len(sums), size=(resamples, len(sums)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return interval_of_draws(float(values.mean()), means, len(sums), len(values))


def interval_of_draws(
    value: float, draws: np.ndarray, blocks: int, images: int
) -> tuple[float, float]:
    """95 % interval of a value from its (R,) bootstrap draws: low, high; draws of nan do not count.

    The percentiles of the draws (Efron 1979) if every image is a block. Else there may be few
    blocks, and the interval is the value with the draws' standard deviation times Student's t. Both
    ends are nan for fewer than two images, or for frames in fewer than `FEWEST_BLOCKS` blocks: too
    few to know how far the value may be off.
    """
    if not _enough(blocks, images):
        return math.nan, math.nan
    if blocks < images:
        # drawing B blocks gives a variance that is too small by (B - 1) / B
        error = float(np.nanstd(draws)) * math.sqrt(blocks / (blocks - 1))
        half_width = error * NORMAL * _widening(blocks, images)
        return value - half_width, value + half_width
    tail = (1 - 0.95) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def deviation(values: np.ndarray) -> float:
    """Sample standard deviation of (N,) values; nan for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def effective_images(values: np.ndarray, groups: Sequence[str] | None = None) -> float:
    """How many independent images would determine the mean of (N,) values as well, from 1 to N.

    N / (1 + 2 sum r_k n_k / N), where r_k is the autocorrelation of images k apart in a group and
    n_k the number of such pairs; the sum ends before the first r_k that is not positive (Geyer
    1992).
    """
    centered = values - values.mean()
    runs = [centered[indices] for indices in _members(groups or ())]
    variance, total = float((centered**2).mean()), 0.0
    for lag in range(1, len(values)):
        products = [run[:-lag] * run[lag:] for run in runs if len(run) > lag]
        if not products or variance == 0:
            break
        pairs = np.concatenate(products)
        correlation = float(pairs.mean()) / variance
        if correlation <= 0:
            break
        total += correlation * len(pairs)
    return len(values) / (1 + 2 * total / len(values))


def summarize(values: np.ndarray, groups: Sequence[str] | None = None) -> dict:
    """The mean of (N,) scores, and how well that many images determine it.

    mean       of the scores
    low, high  its 95 % bootstrap interval; missing if there is none, see `bootstrap_interval`
    images     N
    blocks     the number of blocks; N for independent images
    effective  how many independent images they are worth, see `effective_images`
    """
    low, high = bootstrap_interval(values, groups)
    return {
        "mean": float(values.mean()),
        **({} if math.isnan(low) else {"low": low, "high": high}),
        "images": len(values),
        "blocks": len(_blocks(values, groups)[0]),
        "effective": effective_images(values, groups),
    }


def paired_difference(
    scores: np.ndarray,
    reference: np.ndarray,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> dict:
    """Compare the scores of two models on the same images, both (N,) in the same order.

    Images are hard or easy for both models, so the interval of the difference is far narrower than
    the intervals of the two means. Returns what `summarize` returns for the difference, and

    improved    the share of the images that improve
    p_value     probability of a mean at least this far from 0 if the sign of each image's
                difference were random (randomisation test, Fisher 1935; two-sided, never 0); the
                signs of a block change together, as in Canay, Romano and Shaikh (2017). With B
                blocks no difference can have a p-value below about 2 / 2^B.
    detectable  the mean difference that such images show as different from 0 (at 5 %) with 80 %
                power; smaller ones are likely to be missed; nan without an interval

    This holds for these two trained networks only. Another seed gives other networks; use
    `over_seeds` to judge whether the method is better.
    """
    difference = scores - reference
    sums, sizes = _blocks(difference, groups)
    signs = 2 * np.random.default_rng(seed).integers(0, 2, size=(RESAMPLES, len(sums))) - 1
    as_far = np.abs(signs @ sums) >= abs(difference.sum()) * (1 - 1e-6)
    detectable = math.nan
    if _enough(len(sums), len(difference)):
        widening = _widening(len(sums), len(difference))
        detectable = POWER * widening * _standard_error(sums, sizes)
    return {
        **summarize(difference, groups),
        "improved": float((difference > 0).mean()),
        "p_value": float((1 + as_far.sum()) / (1 + RESAMPLES)),
        "detectable": float(detectable),
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of several comparisons (Holm 1979), in the order given.

    If no difference is real, the probability that any of them is below 0.05 is at most 5 %.
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, highest)
    return adjusted


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


def interval_text(summary: Mapping, digits: int = 3, sign: str = "") -> str:
    """The interval of a summary, as in "[0.412, 0.437]", or why there is none.

    `sign="+"` prints the sign of positive numbers, too.
    """
    if "low" in summary:
        return f"[{summary['low']:{sign}.{digits}f}, {summary['high']:{sign}.{digits}f}]"
    images, blocks = summary["images"], summary["blocks"]
    counted = f"{images} image{'s' * (images != 1)}"
    if blocks < images:
        counted += f" in {blocks} block{'s' * (blocks != 1)}"
    return f"{counted}: no interval"


def mean_text(summary: Mapping, digits: int = 3, sign: str = "") -> str:
    """The mean with its interval, "0.424 [0.412, 0.437]" or "0.424 (1 image: no interval)"."""
    interval = interval_text(summary, digits, sign)
    return f"{summary['mean']:{sign}.{digits}f} " + (
        interval if "low" in summary else f"({interval})"
    )


def images_text(summary: Mapping) -> str:
    """The number of images, and what they are worth: "101 images, worth 8 independent ones"."""
    images = summary["images"]
    text = f"{images} image{'s' * (images != 1)}"
    worth = max(1, round(summary["effective"]))
    return text if worth == images else f"{text}, worth {worth} independent one{'s' * (worth != 1)}"


def _members(groups: Sequence[str]) -> list[list[int]]:
    """The indices of each group's images, in their order."""
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    return list(members.values())


def _blocks(values: np.ndarray, groups: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """The sum of the values and the number of images of every block, (B,) each."""
    numbers = np.arange(len(values)) if groups is None else block_numbers(groups)
    if len(numbers) != len(values):
        raise ValueError(f"{len(values)} values, but the groups of {len(numbers)} images")
    if len(values) == 0 or numbers.max() + 1 == len(values):
        return values, np.ones_like(values)
    return np.bincount(numbers, weights=values), np.bincount(numbers).astype(float)


def _enough(blocks: int, images: int) -> bool:
    """Whether so many blocks allow an interval."""
    return blocks >= (2 if blocks == images else FEWEST_BLOCKS)


def _standard_error(sums: np.ndarray, sizes: np.ndarray) -> float:
    """Standard error of the mean of blocks that are independent of each other.

    That of a ratio of two sums (Cochran 1977, section 6.3), as blocks may differ in size.
    """
    count, images = len(sums), sizes.sum()
    residuals = sums - sums.sum() / images * sizes
    return float(np.sqrt(count / (count - 1) * (residuals**2).sum()) / images)


def _widening(blocks: int, images: int) -> float:
    """How much wider an interval is by Student's t distribution than by the normal one.

    1 for independent images, whose intervals are percentiles.
    """
    if blocks == images:
        return 1.0
    from scipy.special import stdtrit  # here: training starts without it

    return float(stdtrit(blocks - 1, 0.975)) / NORMAL
