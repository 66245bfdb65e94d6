"""The exercises of notebook 10."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pix2pix_utils.course.checks.comparing import close
from pix2pix_utils.course.checks.forms import function, number, numbers
from pix2pix_utils.tuning.luck import expected_maximum


def exercise_1(answer: Any) -> str | None:
    """`answer(scores, n)`: the mean of the best score over all choices of n trials."""
    answer = function(answer)
    random = np.random.default_rng()
    for count, chosen in ((5, 1), (5, 2), (6, 4), (7, 7)):
        scores = random.uniform(0.2, 0.6, count).tolist()
        best = [max(some) for some in itertools.combinations(scores, chosen)]
        right, given = float(np.mean(best)), number(answer(list(scores), chosen))
        if close(given, right):
            continue
        with_return = [max(some) for some in itertools.product(scores, repeat=chosen)]
        if close(given, np.mean(with_return)):
            return "No trial is chosen twice: draw n different ones."
        if close(given, max(scores[:chosen])):
            return "That is the best of the first n trials; take the mean over all choices of n."
        return (
            f"For {chosen} of {count} trials it is {given:.4f} instead of {right:.4f}: the mean of "
            f"the best score over all {len(best)} choices."
        )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(curves)`: the winner of successive halving, and the number of epochs it trained.

    `curves` are scores (trials, epochs).
    """
    answer = function(answer)
    random = np.random.default_rng()
    for trials, epochs in ((8, 3), (9, 3), (5, 2), (4, 4), (1, 2)):
        curves = random.uniform(0.2, 0.6, (trials, epochs))
        right, trained = _halving(curves)
        while trials > 1 and right == curves[:, -1].argmax():  # it must make a difference
            curves = random.uniform(0.2, 0.6, (trials, epochs))
            right, trained = _halving(curves)
        given, epochs_trained = numbers(answer(curves.copy()), 2)
        if epochs_trained != trained:
            if epochs_trained == trials * epochs:
                return "After each epoch only the better half of the trials goes on."
            return (
                f"For {trials} trials of {epochs} epochs you count {epochs_trained:g} epochs "
                f"instead of {trained}; of an odd number of trials, the larger half goes on."
            )
        if given != right:
            if given == curves[:, -1].argmax():
                return "That trial was stopped before its last epoch, so its score is not known."
            return (
                f"For {trials} trials of {epochs} epochs the winner is the trial {right}, not "
                f"{given:g}: of those that are left, the one with the highest last score."
            )
    return None


def exercise_3(answer: Any) -> str | None:
    """`answer(n, quality, luck)`: by how much the winner's score exceeds its true quality.

    A simulation is accepted, so the check allows for chance.
    """
    answer = function(answer)
    random = np.random.default_rng()
    some, other = random.uniform(0.5, 1.5, 2)
    for count, quality, luck in (
        (9, 0.0, some),
        (9, other, 0.0),
        (1, some, other),
        (12, some, other),
        (40, other, some),
    ):
        total = math.hypot(quality, luck)
        right = expected_maximum(count) * luck**2 / total
        given = number(answer(count, quality, luck))
        if not close(given, right, 0.06 * total):
            case = f"For {count} trials with quality {quality:.2f} and luck {luck:.2f}"
            if close(given, expected_maximum(count) * total, 0.06 * total):
                return f"{case} that is the winner's score; subtract its true quality."
            return f"{case} it is {given:.2f} instead of {right:.2f}."
    return None


def _halving(curves: np.ndarray) -> tuple[int, int]:
    """The winner's index and the number of epochs of successive halving."""
    alive, trained = list(range(len(curves))), 0
    for epoch in range(curves.shape[1]):
        trained += len(alive)
        alive.sort(key=lambda trial: -curves[trial, epoch])
        if epoch + 1 < curves.shape[1]:
            alive = alive[: math.ceil(len(alive) / 2)]
    return alive[0], trained


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
}
