"""Confusion matrices and segmentation scores, against counts by hand."""

import numpy as np
import pytest
import torch

from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.confusion import (
    VOID_RULES,
    confusion_counts,
    segmentation_scores,
    segmentation_summary,
)

VOID = len(CAMVID) - 1


def test_confusion_against_a_hand_count():
    generator = torch.Generator().manual_seed(0)
    true, seen = torch.randint(0, 5, (2, 3, 6, 7), generator=generator)
    counts = confusion_counts(true, seen, 5)
    expected = np.zeros((3, 5, 5), dtype=int)
    for image in range(3):
        for y in range(6):
            for x in range(7):
                expected[image, true[image, y, x], seen[image, y, x]] += 1
    assert np.array_equal(counts, expected)


def hand_counts():
    counts = np.zeros((2, 12, 12), dtype=int)
    counts[0, 0, 0], counts[0, 0, 1] = 6, 2  # sky: 6 of 8 right
    counts[1, 1, 1], counts[1, 1, 3] = 1, 1  # building: 1 of 2 right
    counts[1, VOID, 0], counts[1, VOID, 5] = 90, 10  # taken for sky and for another class
    return counts


def test_scores_by_hand_with_void_pixels_left_out():
    counts = hand_counts()
    scores = segmentation_scores(counts, CAMVID)
    assert scores["pixel accuracy"] == pytest.approx(7 / 10)
    assert scores["class accuracy"] == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert scores["class IoU"] == pytest.approx((6 / 8 + 1 / 4) / 2)
    assert segmentation_scores(counts.sum(axis=0), CAMVID) == scores


def test_scores_by_hand_with_void_pixels_counted_as_wrong():
    counts = hand_counts()
    scores = segmentation_scores(counts, CAMVID, void="wrong")
    assert scores["pixel accuracy"] == pytest.approx(7 / 110)
    assert scores["class accuracy"] == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert scores["class IoU"] == pytest.approx((6 / 98 + 1 / 4) / 2)
    summary = segmentation_summary(counts, CAMVID, void="wrong")
    assert {name: one["mean"] for name, one in summary.items()} == scores
    with pytest.raises(UserError, match="rule for void pixels 'ignored'.*left out, wrong"):
        segmentation_scores(counts, CAMVID, void="ignored")


@pytest.mark.parametrize("void", VOID_RULES)
def test_without_void_pixels_the_rules_agree(void):
    counts = hand_counts()
    counts[1, VOID] = 0
    assert segmentation_scores(counts, CAMVID, void=void) == segmentation_scores(counts, CAMVID)


def test_nothing_but_void_has_no_score():
    counts = np.zeros((12, 12), dtype=int)
    counts[VOID, 3] = 5
    for void in VOID_RULES:
        scores = segmentation_scores(counts, CAMVID, void=void)
        assert all(np.isnan(value) for value in scores.values())


def test_the_summary_covers_the_scores():
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 50, size=(20, 12, 12))
    scores = segmentation_scores(counts, CAMVID)
    for name, found in segmentation_summary(counts, CAMVID).items():
        assert found["mean"] == scores[name]
        assert found["low"] < found["mean"] < found["high"]
    same = segmentation_summary(np.repeat(counts[:1], 5, axis=0), CAMVID)
    assert same["class IoU"]["low"] == pytest.approx(same["class IoU"]["high"])


def test_frames_of_a_drive_widen_the_interval_and_one_image_has_none():
    blocks = np.random.default_rng(0).integers(0, 50, size=(8, 12, 12))
    frames = np.repeat(blocks, 25, axis=0)  # 8 blocks of equal frames
    plain = segmentation_summary(frames, CAMVID)["class IoU"]
    drive = segmentation_summary(frames, CAMVID, ["drive"] * 200)["class IoU"]
    assert plain["mean"] == drive["mean"] and (drive["images"], drive["blocks"]) == (200, 8)
    assert drive["high"] - drive["low"] > 4 * (plain["high"] - plain["low"])
    assert "low" not in segmentation_summary(frames[:1], CAMVID)["class IoU"]
