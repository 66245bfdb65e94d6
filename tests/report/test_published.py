"""What is read back from the records in `data/results`."""

import math

from pix2pix_utils.report.pictures import long_run_picture
from pix2pix_utils.report.published import (
    find_long_runs,
    find_published,
    long_run_rows,
    record_curves,
)
from pix2pix_utils.training.experiments import configure

SETTINGS = ["epochs=4", "score_every=2"]
HISTORY = {
    "train_ssim": [0.3, 0.5, None, 0.9],
    "val_ssim": [0.2, 0.4, 0.45, 0.35],
    "test_ssim": [0.2, 0.3, None, 0.25],
}
CHOSEN = {"train": {"mean": 0.7}, "val": {"mean": 0.45}, "test": {"mean": 0.31}}


def long_record(*seeds):
    configs = [configure("baseline", "demo", seed, SETTINGS).to_dict() for seed in seeds]
    return {
        "dataset": "streets",
        "profile": None,
        "protocol": {"image_size": 64, "epochs": 4},
        "pairs": {"train": 9, "val": 3, "test": 3},
        "runs": [
            {
                "config": config,
                "history": HISTORY,
                "result": {"best_epoch": 3, "ssim": {"eval": CHOSEN}},
            }
            for config in configs
        ],
    }


def test_curves_of_a_record_are_those_of_its_runs():
    (curve,) = record_curves(long_record(0)).values()
    assert [epoch["epoch"] for epoch in curve] == [1, 2, 3, 4]
    assert curve[1] == {"epoch": 2, "train_ssim": 0.5, "val_ssim": 0.4, "test_ssim": 0.3}
    assert math.isnan(curve[2]["train_ssim"])
    several = list(record_curves(long_record(0, 5)))
    assert len(several) == 2 and all(
        name.endswith(f", seed {seed}") for name, seed in zip(several, (0, 5), strict=True)
    )


def test_long_runs_show_the_epoch_that_val_chooses_beside_the_last():
    (row,) = long_run_rows(long_record(0))
    assert row["epoch val chooses"] == "3"
    assert [row[f"{split} there"] for split in CHOSEN] == ["0.700", "0.450", "0.310"]
    assert [row[f"{split} after 4"] for split in CHOSEN] == ["0.900", "0.350", "0.250"]
    assert (row["train minus test there"], row["at the end"]) == ("+0.390", "+0.650")
    picture = long_run_picture(long_record(0))
    assert picture.title == "4 epochs" and "9 training pairs" in picture.caption
    assert "best on val at 3" in picture.figure.axes[0].get_title()


def test_a_record_is_found_by_its_protocol():
    demo = find_published("synthetic")
    assert demo["profile"] == "demo" and demo == find_published("synthetic", "demo", epochs=8)
    assert find_published("synthetic", epochs=7) is None
    assert find_published("no such data set") is None


def test_the_long_runs_that_the_project_ships():
    record = find_long_runs()
    assert record["protocol"]["epochs"] > 100
    for row, run in zip(long_run_rows(record), record["runs"], strict=True):
        assert 1 <= int(row["epoch val chooses"]) <= record["protocol"]["epochs"]
        assert run["history"]["test_ssim"][-1] is not None
