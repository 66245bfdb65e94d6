"""Verdicts on two models."""

from types import SimpleNamespace

import numpy as np
import pytest

from pix2pix_utils.report import comparison_rows, verdict
from pix2pix_utils.report.comparison import judge, p_text


@pytest.mark.parametrize(
    "interval, seeds, word",
    [
        ((0.01, 0.03), [0.02, 0.01], "reproduces"),
        ((0.01, 0.03), [0.02], "reproduces, provisional (one seed)"),
        ((0.01, 0.03), [0.05, -0.01], "undecided"),  # sure of the images, not of the seed
        ((-0.01, 0.03), [0.02, 0.01], "undecided"),
        ((-0.03, -0.01), [-0.02, -0.01], "the other way round"),
        ((-0.03, -0.01), [-0.02], "the other way round, provisional (one seed)"),
    ],
)
def test_a_verdict_asks_the_images_and_the_seeds(interval, seeds, word):
    assert verdict(dict(zip(("low", "high"), interval, strict=True)), seeds) == word


def test_a_verdict_has_a_reason():
    sure = {"low": 0.01, "high": 0.03, "images": 100, "blocks": 100}
    assert judge(sure, [0.02, -0.01]) == ("undecided", "the seeds disagree")
    word, reason = judge({**sure, "p_value": 0.08}, [0.02])
    assert word == "undecided" and reason == "p after Holm's correction: 0.08"
    assert judge({**sure, "p_value": 0.01}, [0.02])[0] == "reproduces, provisional (one seed)"
    frames = {**sure, "blocks": 4, "p_value": 0.12}
    assert judge(frames, [0.02])[1].endswith("correction: 0.12 at best, with 4 blocks")
    assert p_text({**frames, "images": 4}) == "0.12 at best, with 4 images"
    assert p_text({**frames, "blocks": 6}) == "0.1200"
    one = {"mean": 0.02, "images": 1, "blocks": 1}
    assert judge(one, [0.02]) == ("undecided", "1 image: no interval")


def run(seed: int, scores: np.ndarray, groups: list[str]) -> SimpleNamespace:
    """A run with these test scores and nothing else."""
    rows = [
        {"split": "test", "inference": "eval", "group": group, "ssim": str(score)}
        for group, score in zip(groups, scores, strict=True)
    ]
    return SimpleNamespace(config=SimpleNamespace(seed=seed), read_scores=lambda: rows)


def test_a_table_of_comparisons_knows_drives_and_corrects_for_their_number():
    scores = np.random.default_rng(0).normal(0.5, 0.02, 100)
    shifts = np.random.default_rng(1).normal(0.005, 0.02, 100)
    rows = {}
    for drive, groups in (
        ("one drive", ["drive"] * 100),
        ("streets", [str(n) for n in range(100)]),
    ):
        runs = {f"m{n}": [run(0, scores + n * shifts, groups)] for n in range(5)}
        rows[drive] = comparison_rows(runs, "m0")
    alone = comparison_rows({name: runs[name] for name in ("m0", "m1")}, "m0")[1]["p (Holm)"]
    p_values = [float(row["p (Holm)"]) for row in rows["streets"][1:]]
    assert min(p_values) == pytest.approx(min(1, 4 * float(alone)), abs=0.001)
    assert rows["streets"][0]["p (Holm)"] == "" and rows["streets"][1]["seeds"] == 1
    assert rows["one drive"][1]["p (Holm)"] == "0.12 at best, with 4 blocks"
    assert rows["one drive"][1]["test SSIM"] != rows["streets"][1]["test SSIM"]
