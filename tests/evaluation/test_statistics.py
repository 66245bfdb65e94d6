"""Intervals, paired comparisons and the spread over seeds."""

import numpy as np
import pytest

from pix2pix_utils.evaluation.statistics import (
    bootstrap_interval,
    over_seeds,
    paired_difference,
    summarize,
)


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    samples = generator.normal(0.5, 0.1, size=(200, 40))
    intervals = [bootstrap_interval(sample, resamples=300) for sample in samples]
    share = np.mean([low <= 0.5 <= high for low, high in intervals])
    assert 0.88 <= share <= 0.99


def test_a_paired_difference_sees_what_two_intervals_hide():
    generator = np.random.default_rng(0)
    hard_or_easy = generator.uniform(0.2, 0.8, size=100)
    better = hard_or_easy + 0.01 + generator.normal(0, 0.005, size=100)
    a, b = summarize(better), summarize(hard_or_easy)
    assert a["low"] < b["high"]  # the intervals of the means overlap
    difference = paired_difference(better, hard_or_easy)
    assert 0 < difference["low"] < 0.01 < difference["high"]
    assert difference["improved"] > 0.9


def test_a_p_value_is_small_for_a_difference_and_uniform_without_one():
    generator = np.random.default_rng(0)
    scores = generator.normal(0.5, 0.1, size=(200, 30))
    others = scores + generator.normal(0, 0.02, size=scores.shape)
    found = [paired_difference(a, b)["p_value"] for a, b in zip(others, scores, strict=True)]
    assert 0.4 < np.mean(found) < 0.6
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.1
    assert paired_difference(others[0] + 0.03, scores[0])["p_value"] < 0.005
    equal = paired_difference(scores[0], scores[0])
    assert equal["p_value"] == 1
    assert equal["mean"] == equal["low"] == equal["high"] == equal["detectable"] == 0


def test_a_detectable_difference_is_detected_four_times_in_five():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.02, size=(100, 50))
    size = np.mean([paired_difference(row, np.zeros(50))["detectable"] for row in noise])
    found = [paired_difference(row + size, np.zeros(50))["p_value"] < 0.05 for row in noise]
    assert 0.7 < np.mean(found) < 0.9


def test_over_seeds_tells_training_noise_from_image_noise():
    images = np.linspace(0.2, 0.8, 10)
    found = over_seeds([images - 0.02, images, images + 0.02])
    assert (found["lowest"], found["mean"], found["highest"]) == pytest.approx((0.48, 0.5, 0.52))
    assert found["deviation"] == pytest.approx(0.02)
    assert found["seeds"] == 3
    assert np.isnan(over_seeds([images])["deviation"])
