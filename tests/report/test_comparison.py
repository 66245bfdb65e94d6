"""Verdicts on the report's findings."""

import numpy as np
import pytest

from pix2pix_utils.report import finding_rows, verdict


@pytest.mark.parametrize(
    "interval, seeds, word",
    [
        ((0.01, 0.03), [0.02, 0.01], "reproduces"),
        ((0.01, 0.03), [0.02], "reproduces, one seed"),
        ((0.01, 0.03), [0.05, -0.01], "undecided"),  # sure of the images, not of the seed
        ((-0.01, 0.03), [0.02, 0.01], "undecided"),
        ((-0.03, -0.01), [-0.02, -0.01], "the other way round"),
    ],
)
def test_a_verdict_asks_the_images_and_the_seeds(interval, seeds, word):
    assert verdict(dict(zip(("low", "high"), interval, strict=True)), seeds) == word


def test_findings_compare_the_same_images():
    base = np.linspace(0.2, 0.8, 40)  # images differ far more than models do
    scores = {
        "baseline": {0: base, 1: base},
        "baseline-mse": {0: base + 0.01, 1: base + 0.02},
        "baseline+flip": {0: base + 0.01, 1: base + 0.01},
    }
    rows = {row["comparison"]: row for row in finding_rows(scores)}
    lifted = rows["baseline-mse minus baseline"]
    assert lifted["its difference"] == "+0.198" and lifted["verdict"] == "reproduces"
    assert lifted["seeds, one by one"] == "+0.010, +0.020"
    flipped = rows["baseline minus baseline+flip"]
    assert flipped["verdict"] == "the other way round" and flipped["its difference"] == "no number"
    assert rows["enhanced minus baseline"]["verdict"] == "not trained: enhanced"
