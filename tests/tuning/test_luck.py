"""The best of n trials, and how much of it is luck."""

import itertools
import math

import numpy as np
import pytest

from pix2pix_utils.tuning.luck import best_of_curve, expected_maximum

SCORES = [0.31, 0.45, 0.4, 0.28, 0.45, 0.39]


def test_the_curve_is_the_mean_over_all_choices_of_n_trials():
    curve = best_of_curve(SCORES)
    assert [row["trials"] for row in curve] == [1, 2, 3, 4, 5, 6]
    for row in curve:
        choices = itertools.combinations(SCORES, row["trials"])
        assert row["mean"] == pytest.approx(np.mean([max(chosen) for chosen in choices]))
        assert row["low"] <= row["mean"] <= row["high"] <= max(SCORES)
    assert curve[0]["mean"] == pytest.approx(np.mean(SCORES))
    assert curve[-1]["mean"] == max(SCORES)


def test_the_interval_of_a_single_trial_is_that_of_the_mean():
    scores = np.random.default_rng(1).normal(0.4, 0.05, 40)
    first = best_of_curve(scores)[0]
    half_width = 1.96 * scores.std() / math.sqrt(40)
    assert first["high"] - first["low"] == pytest.approx(2 * half_width, rel=0.1)


def test_the_interval_mostly_covers_what_a_new_search_finds():
    random, covered = np.random.default_rng(2), 0
    for _ in range(100):
        row = best_of_curve(random.normal(size=40), resamples=200)[4]  # the best of 5
        covered += row["low"] <= expected_maximum(5) <= row["high"]
    assert covered >= 85


def test_one_trial_has_no_best_but_itself():
    assert best_of_curve([0.4]) == [{"trials": 1, "mean": 0.4, "low": 0.4, "high": 0.4}]


@pytest.mark.parametrize(
    ("count", "mean"), [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (10, 1.53875), (100, 2.50759)]
)
def test_the_highest_of_normal_draws(count, mean):  # Harter 1961, table 1
    assert expected_maximum(count) == pytest.approx(mean, abs=1e-4)
