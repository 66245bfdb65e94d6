"""The exercise checks of notebook 9: right answers pass; wrong and lazy ones get a hint."""

import math

import numpy as np
import torch
from exercise_answers import each, judged
from scipy.stats import binom

from pix2pix_utils.course.checks import notebook_09


def both_rules(confusion, evaluated):
    right = np.diag(confusion)[:evaluated].sum()
    return right / confusion[:evaluated].sum(), right / confusion.sum()


@each(
    right=[both_rules, lambda counts, k: torch.tensor(both_rules(counts, k))],
    wrong=[
        lambda counts, k: both_rules(counts, k)[::-1],
        lambda counts, k: both_rules(counts.T, k),
        lambda counts, k: (both_rules(counts, k)[0],) * 2,
        lambda counts, k: both_rules(counts, k)[0],
    ],
    lazy=[(0.935, 0.819), lambda counts, k: (0.935, 0.819)],
)
def test_9_1_two_rules_for_void_pixels(answer, is_right):
    judged(is_right, notebook_09.exercise_1, answer)


@each(
    right=[
        lambda photos: photos.roll(1, dims=0),
        lambda photos: torch.cat([photos[1:], photos[:1]]).numpy(),
    ],
    wrong=[
        lambda photos: photos.flip(0),  # an odd number has a middle
        lambda photos: photos.flip(-1),
        lambda photos: photos[torch.randperm(len(photos)).clamp(min=1)],
        lambda photos: photos.roll(1, dims=0) + 0.01,
        lambda photos: photos[[1] * len(photos)],
    ],
    lazy=[lambda photos: photos, lambda photos: torch.zeros_like(photos), torch.zeros(2)],
)
def test_9_2_a_set_of_photos_none_in_its_place(answer, is_right):
    judged(is_right, notebook_09.exercise_2, answer)


def at_least(right, trials):
    return sum(math.comb(trials, k) for k in range(right, trials + 1)) / 2**trials


@each(
    right=[at_least, lambda right, trials: binom.sf(right - 1, trials, 0.5)],
    wrong=[
        lambda right, trials: at_least(right + 1, trials),
        lambda right, trials: math.comb(trials, right) / 2**trials,
        lambda right, trials: min(1.0, 2 * at_least(right, trials)),
        lambda right, trials: 1 - at_least(right, trials),
    ],
    lazy=[0.0207, lambda right, trials: 0.0207],
)
def test_9_3_what_a_guesser_gets(answer, is_right):
    judged(is_right, notebook_09.exercise_3, answer)


def test_the_frequent_mistakes_have_hints_of_their_own():
    swapped = notebook_09.exercise_1(lambda counts, k: both_rules(counts, k)[::-1])
    assert "other order" in swapped
    assert "own place" in notebook_09.exercise_2(lambda photos: photos)
    for answer, words in (
        (lambda right, trials: at_least(right + 1, trials), "at least, not more than"),
        (lambda right, trials: math.comb(trials, right) / 2**trials, "exactly so many"),
        (lambda right, trials: min(1.0, 2 * at_least(right, trials)), "other tail"),
    ):
        assert words in notebook_09.exercise_3(answer)
