"""The exercises of notebook 7."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pix2pix_utils.course.checks.comparing import close
from pix2pix_utils.course.checks.forms import function, number, numbers
from pix2pix_utils.report.comparison import verdict


def exercise_1(answer: Any) -> str | None:
    """`answer(spread, half_width)`: the images that a mean needs to be known to +/- half_width."""
    answer = function(answer)
    unseen = np.random.default_rng().uniform((0.05, 0.002), (0.2, 0.01)).tolist()
    for spread, half_width in ((0.05, 0.003), (0.08, 0.01), unseen):
        right = (1.96 * spread / half_width) ** 2
        given = number(answer(spread, half_width))
        if close(given, right / 1.96**2, 1):
            return "One standard error is not a 95 % interval."
        if not right - 1 <= given <= math.ceil(right) + 1:
            return "Write the half width of the interval as a function of n, and solve for n."
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(first, second)`: the share of images with a higher first score, 0 to 1."""
    answer = function(answer)
    random = np.random.default_rng()
    for images in (5, 64):
        first, second = random.uniform(size=(2, images))
        first[0] = second[0]  # equal is not higher
        if not close(number(answer(first.copy(), second.copy())), (first > second).mean()):
            return (
                "Compare the two arrays image by image, then take the mean of the booleans; an "
                "image with equal scores does not count."
            )
    return None


def exercise_3(answer: Any) -> str | None:
    """`answer(values)`: the 95 % percentile bootstrap interval of the median of (N,) values."""
    answer = function(answer)
    random = np.random.default_rng(7)
    for images in (151, 401):
        values = random.exponential(0.1, images) + 0.3  # skewed: mean and median differ
        draws = values[random.integers(0, images, size=(10_000, images))]
        medians, means = np.median(draws, axis=1), draws.mean(axis=1)
        # where the two quantiles of 2000 draws lie but once in some thousand times; the quantiles
        # of a 90 % interval do not
        lowest, highest = np.quantile(medians, [0.012, 0.038]), np.quantile(medians, [0.962, 0.988])
        low, high = numbers(answer(values.copy()), 2)
        if lowest[0] <= low <= lowest[1] and highest[0] <= high <= highest[1]:
            continue
        if close((low, high), np.quantile(means, [0.025, 0.975]), 0.2 * (high - low)):
            return "This is the interval of the mean, not of the median."
        return (
            "Draw N values with replacement 2000 times, take the median of each draw, then the "
            "2.5 % and 97.5 % quantiles of the 2000 medians."
        )
    return None


def exercise_4(answer: Any) -> str | None:
    """`answer(low, high, seeds)`: 1, 0 or -1, the side of zero on which a difference counts."""
    answer = function(answer)
    random = np.random.default_rng()
    for _ in range(200):
        low, high = np.sort(random.uniform(-1, 1, 2))
        seeds = random.uniform(-1, 1, random.integers(1, 4))
        if random.random() < 0.5:
            seeds = np.abs(seeds) * np.sign(low)
        word = verdict({"low": low, "high": high}, seeds)
        right = 0 if word.startswith("undecided") else 1 if word.startswith("reproduces") else -1
        given = answer(float(low), float(high), seeds.tolist())
        if given != right:
            each = ", ".join(f"{seed:+.3f}" for seed in seeds)
            return (
                f"For the interval [{low:+.3f}, {high:+.3f}] and seeds at {each} it says {given}: "
                "ask whether the interval excludes zero, and on which side every seed lies."
            )
    return None


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
