"""The exercises of notebook 9."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pix2pix_utils.course.checks.comparing import close
from pix2pix_utils.course.checks.forms import array, function, number, numbers


def exercise_1(answer: Any) -> str | None:
    """`answer(confusion, evaluated)`: the pixel accuracy with void left out and counted as wrong.

    `confusion` is (C, C), rows true; classes from `evaluated` on are void and never predicted.
    """
    answer = function(answer)
    random = np.random.default_rng()
    for classes, evaluated in ((4, 3), (9, 6)):
        counts = random.integers(0, 100, size=(classes, classes))
        counts[:, evaluated:] = 0
        right = np.trace(counts[:evaluated, :evaluated])
        left_out, wrong = right / counts[:evaluated].sum(), right / counts.sum()
        given = numbers(answer(counts.copy(), evaluated), 2)
        if close(given, (wrong, left_out)):
            return "The two are in the other order: first the rule that leaves void pixels out."
        if not close(given, (left_out, wrong)):
            return (
                "Count the pixels on the diagonal of the scored classes. Divide them by all pixels "
                "whose true class is scored, then by all pixels; rows are true classes."
            )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(photos)`: the same set of photos (N, 3, S, S), none of them in its own place."""
    answer = function(answer)
    random = torch.Generator()
    random.seed()
    for count in (2, 3, 8):
        photos = torch.rand(count, 3, 12, 12, generator=random)
        original = photos.numpy()
        given = array(answer(photos.clone()), original.shape).astype(np.float32)
        same = [[np.array_equal(one, other) for other in original] for one in given]
        if not all(sum(row) == 1 for row in same) or not all(map(any, zip(*same, strict=True))):
            return (
                "Each of the photos must come back once and unchanged: only then are both sets "
                "equal and the Fréchet distance is zero."
            )
        if any(same[place][place] for place in range(count)):
            return f"Of {count} photos, at least one is still in its own place."
    return None


def exercise_3(answer: Any) -> str | None:
    """`answer(right, trials)`: the probability that a guesser is right at least that often."""
    answer = function(answer)
    random = np.random.default_rng()
    many = int(random.integers(10, 40))
    unseen = many // 2 + int(random.integers(1, 4)), many  # where each mistake makes a difference
    for right, trials in ((15, 20), (3, 4), (0, 7), unseen):
        chances = [math.comb(trials, k) / 2**trials for k in range(trials + 1)]
        given = number(answer(right, trials))
        if right and close(given, chances[right]):
            return "This is the probability of exactly so many; more of them count as well."
        if right and close(given, sum(chances[right + 1 :])):
            return "The number itself counts, too: at least, not more than."
        if right and close(given, min(1.0, 2 * sum(chances[right:]))):
            return "This adds the other tail: only being right often is asked for."
        if not close(given, sum(chances[right:])):
            return (
                "Every sequence of guesses has the probability 1 / 2^trials. Count those with at "
                "least `right` right ones: a sum of binomial coefficients."
            )
    return None


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
}
