"""Intervals, paired comparisons and the spread over seeds."""

import numpy as np
import pytest

from pix2pix_utils.evaluation.statistics import (
    BLOCK,
    MOST_BLOCKS,
    block_numbers,
    bootstrap_interval,
    effective_images,
    holm,
    images_text,
    interval_text,
    mean_text,
    over_seeds,
    paired_difference,
    summarize,
)

FRAMES = 101  # of one drive, as in CamVid's test split


def drives(count: int, correlation: float, frames: int = FRAMES) -> np.ndarray:
    """Scores of the frames of so many drives, (count, frames), around 0 with variance 1.

    Each frame has this correlation with the one before it (an AR(1) process).
    """
    noise = np.random.default_rng(0).normal(size=(count, frames))
    scores = noise.copy()
    for frame in range(1, frames):
        scores[:, frame] *= np.sqrt(1 - correlation**2)
        scores[:, frame] += correlation * scores[:, frame - 1]
    return scores


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


def test_independent_images_give_the_plain_bootstrap_and_sign_test():
    reference = np.linspace(0.2, 0.8, 30) ** 2
    scores = reference + 0.02 * np.sin(np.arange(30)) + 0.004
    for groups in (None, [f"street {number}" for number in range(30)]):
        found = summarize(reference, groups)
        # measured with the functions that knew no groups
        assert (found["low"], found["high"]) == (0.21613531510107015, 0.346402853745541)
        assert found["effective"] == found["blocks"] == found["images"] == 30
        paired = paired_difference(scores, reference, groups)
        assert paired["low"] == pytest.approx(-8.78952977962746e-05)
        assert paired["high"] == pytest.approx(0.009783715766039282)
        assert paired["p_value"] == 0.07496251874062969
        assert paired["detectable"] == pytest.approx(0.007231369811944381)


def test_the_interval_of_neighbouring_frames_covers_the_mean_where_the_plain_one_does_not():
    one_drive = ["drive"] * FRAMES
    scores = drives(300, correlation=0.85)

    def coverage(groups):
        intervals = [bootstrap_interval(one, groups, resamples=300) for one in scores]
        return np.mean([low <= 0 <= high for low, high in intervals])

    assert coverage(None) < 0.5
    assert 0.88 <= coverage(one_drive) <= 0.99


def test_neighbouring_frames_make_no_false_discoveries():
    scores = drives(80, correlation=0.85, frames=250)
    zero, one_drive = np.zeros(250), ["drive"] * 250

    def share(groups):
        return np.mean([paired_difference(one, zero, groups)["p_value"] < 0.05 for one in scores])

    assert share(None) > 0.4
    assert share(one_drive) < 0.12


def test_scenes_of_a_few_frames_are_drawn_whole():
    scenes = np.random.default_rng(0).normal(0.5, 0.1, 40)
    groups = [f"scene {number}" for number in range(40) for _ in range(5)]
    repeated = summarize(np.repeat(scenes, 5), groups)
    once = summarize(scenes)
    assert (repeated["images"], repeated["blocks"]) == (200, 40)
    assert repeated["effective"] == pytest.approx(40, rel=0.1)
    width = once["high"] - once["low"]
    assert repeated["high"] - repeated["low"] == pytest.approx(width, rel=0.1)


def test_blocks_count_by_their_images():
    signs = np.where(np.arange(10) % 2, 1.0, -1.0)
    values = np.concatenate([np.repeat(0.01 * signs, 20), signs])  # long scenes, single images
    groups = [f"long {n}" for n in range(10) for _ in range(20)] + [str(n) for n in range(10)]
    found = paired_difference(values, np.zeros(210), groups)
    spread = np.sqrt(10 * 0.2**2 + 10) / 210
    assert found["high"] - found["low"] == pytest.approx(2 * 2.09 * spread, rel=0.25)
    assert found["detectable"] == pytest.approx(2.8 * 1.07 * spread, rel=0.25)
    assert summarize(values, groups).items() <= found.items()


def test_blocks_are_runs_of_neighbours_in_one_group():
    groups = ["a"] * 60 + ["b"] * 3 + ["a"] * 40 + ["c"] * 1000 + ["d"]
    numbers = block_numbers(groups)
    lengths = np.bincount(numbers)
    assert lengths.tolist() == [25] * 4 + [3] + [100] * MOST_BLOCKS + [1]
    assert [
        len({groups[i] for i in np.flatnonzero(numbers == n)}) for n in range(len(lengths))
    ] == [1] * len(lengths)
    assert lengths[0] == BLOCK


def test_the_effective_number_of_images_follows_the_autocorrelation():
    one_drive = ["drive"] * 4000
    for correlation in (0.5, 0.9):
        (scores,) = drives(1, correlation, frames=4000)
        expected = 4000 * (1 - correlation) / (1 + correlation)
        assert effective_images(scores, one_drive) == pytest.approx(expected, rel=0.25)
        assert effective_images(scores) == 4000


@pytest.mark.parametrize(
    "images, groups, words",
    [
        (1, None, "1 image: no interval"),
        (1, ["a"], "1 image: no interval"),
        (12, ["a"] * 12, "12 images in 1 block: no interval"),
        (60, ["a"] * 60, "60 images in 2 blocks: no interval"),
    ],
)
def test_too_few_images_have_a_mean_and_no_interval(images, groups, words):
    scores = np.linspace(0.4, 0.6, images) if images > 1 else np.array([0.5])
    found = summarize(scores, groups)
    assert found["mean"] == pytest.approx(0.5)
    assert not {"low", "high"} & found.keys()
    assert interval_text(found) == words
    assert mean_text(found) == f"0.500 ({words})"
    assert np.isnan(bootstrap_interval(scores, groups)).all()
    paired = paired_difference(scores, np.zeros(images), groups)
    assert np.isnan(paired["detectable"]) and paired["p_value"] > 0.4


def test_summaries_in_words():
    found = summarize(np.array([0.4, 0.5, 0.6]))
    assert mean_text(found) == "0.500 [0.400, 0.600]"
    assert mean_text(found, 1, "+") == "+0.5 [+0.4, +0.6]"
    assert images_text(found) == "3 images"
    (scores,) = drives(1, 0.9)
    assert images_text(summarize(scores, ["drive"] * FRAMES)).startswith("101 images, worth ")
    with pytest.raises(ValueError, match="3 values, but the groups of 2 images"):
        summarize(np.array([0.4, 0.5, 0.6]), ["a", "b"])


def test_holms_correction_by_hand():
    # in rising order: 4 * 0.005, 3 * 0.01, 2 * 0.03, and 0.04 rises to the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2, 0.9, 0.6]) == pytest.approx([0.6, 1, 1])
    assert holm([0.03]) == [0.03] and holm([]) == []
