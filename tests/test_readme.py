"""Every result in the README comes from a file in data/results."""

import json
import re
from pathlib import Path

import pytest

from pix2pix_utils.experiments import EXPERIMENTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COLUMNS = ("synthetic", "camvid")  # the table's data sets, behind the report's column


def shipped(dataset: str) -> dict:
    return json.loads((ROOT / "data" / "results" / f"{dataset}-demo.json").read_text())


def table_cells(row: str) -> list[str]:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("column, dataset", list(enumerate(COLUMNS, start=2)))
def test_the_results_table_is_what_was_measured(column, dataset):
    record = shipped(dataset)
    assert record["dataset"] == dataset
    for run in record["runs"]:
        name = run["config"]["experiment"]
        cells = table_cells(f"**{name}**")
        assert cells[1] == str(EXPERIMENTS[name].report_ssim[2])
        measured = run["result"]["ssim"]["eval"]["test"]
        assert cells[column] == "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**measured)
    for name, means in record["floors"].items():
        assert table_cells(f"no network: {name}")[column] == f"{means['test']:.3f}"


def test_the_results_say_how_they_were_made():
    for dataset in COLUMNS:
        for run in shipped(dataset)["runs"]:
            assert run["environment"]["date"] and run["environment"]["torch"]
            assert run["config"]["image_size"] == 64 and run["config"]["epochs"] == 5


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_no_placeholder_is_left():
    assert not re.search(r"@[A-Z0-9]+@", README)
