"""A test split of a single image: a mean and no interval, wherever it is printed or drawn."""

import csv

import pytest

from pix2pix_utils.__main__ import main
from pix2pix_utils.figures import saving

WORDS = "1 image: no interval"


@pytest.fixture
def output(tmp_path, capsys):
    """The output folder of a run that is tested on one image, after its training."""
    small = ["--set", "test_pairs=1", "--set", "epochs=1", "--set", "width=2"]
    for experiment in ("baseline", "baseline-mse"):
        arguments = ["train", experiment, "--profile", "smoke", *small]
        assert main([*arguments, "--output", str(tmp_path)]) == 0
    (line,) = {line for line in capsys.readouterr().out.splitlines() if line.startswith("test")}
    assert line.endswith(f"  {WORDS}")
    return tmp_path


def test_one_image_has_no_interval_anywhere(output, capsys, monkeypatch):
    monkeypatch.setattr(saving, "DOTS_PER_INCH", 60)
    folder = next((output / "runs").glob("baseline-synthetic*"))
    assert main(["evaluate", str(folder), "--split", "test", "--measures"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert sum(WORDS in line for line in printed) == 9
    assert not any("[" in line for line in printed)
    assert main(["report", "--output", str(output)]) == 0
    tables = {path.stem: path.read_text() for path in (output / "report").glob("*.csv")}
    for name in ("table1", "claims", "paired", "evaluation"):
        assert WORDS in tables[name] and "nan" not in tables[name]
    with (folder / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["group"] == row["name"] for row in rows)  # drawn streets are independent
