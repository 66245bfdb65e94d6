"""Every result in the README comes from a file in data/results or data/paper."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from pix2pix_utils.benchmark.steps import REFERENCE_3, REFERENCE_4
from pix2pix_utils.evaluation.reference import REFERENCE_PREDICTORS
from pix2pix_utils.files import read_json
from pix2pix_utils.report import (
    find_long_runs,
    lead_rows,
    long_run_rows,
    recommended_rows,
    record_scores,
    record_summaries,
)
from pix2pix_utils.report.selection import protocol_of
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import PROFILES, TABLE_1

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COLUMNS = ("synthetic", "camvid")  # the table's data sets, behind the report's column


def published(dataset: str) -> dict:
    return read_json(ROOT / "data" / "results" / f"{dataset}-demo.json")


def paper() -> dict[str, str]:
    """The report's test SSIM as printed, by experiment."""
    with (ROOT / "data" / "paper" / "table1.csv").open(encoding="utf-8", newline="") as file:
        return {row["experiment"]: row["test"] for row in csv.DictReader(file)}


def table_cells(row: str) -> list[str]:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("column, dataset", list(enumerate(COLUMNS, start=2)))
def test_the_results_table_is_what_was_measured(column, dataset):
    record = published(dataset)
    assert record["dataset"] == dataset and record["profile"] == "demo"
    measured = record_summaries(record)
    assert measured.keys() >= set(TABLE_1)
    for name in TABLE_1:
        cells = table_cells(f"**{name}**")
        assert cells[1] == paper()[name]
        assert cells[column] == "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**measured[name])
    for name in REFERENCE_PREDICTORS:
        mean = record["no_network"][name]["test"]["mean"]
        assert table_cells(f"no network: {name}")[column] == f"{mean:.3f}"


def test_the_results_say_how_they_were_made():
    for dataset in COLUMNS:
        record = published(dataset)
        for key in ("image_size", "width", "epochs", "learning_rate"):
            assert record["protocol"][key] == PROFILES["demo"][key]
        for run in record["runs"]:
            assert run["environment"]["date"] and run["environment"]["torch"]
            assert (
                protocol_of(Config.from_dict(run["config"])).items()
                >= {
                    key: record["protocol"][key] for key in ("image_size", "width", "epochs")
                }.items()
            )


def test_what_the_text_says_of_the_recommended_models_and_of_seeds_was_measured():
    beyond = read_json(ROOT / "data" / "results" / "synthetic-demo-beyond.json")
    rows = {row["model"]: row for row in recommended_rows(beyond)}
    for name in ("best-ssim", "best-look"):
        assert rows[name]["SSIM ↑"] in README
    camvid = read_json(ROOT / "data" / "results" / "camvid-128px-8-epochs-beyond.json")
    scores = {row["model"]: row["SSIM ↑"] for row in recommended_rows(camvid)}
    for row in lead_rows(camvid):
        assert scores[row["model"]] in README
        assert float(row["SSIM ↑"].split()[0]) > 0
        if row["minus"] == "no network: class and row colour":
            assert row["SSIM ↑"] in README.replace("\n", " ")
    networks = [name for name in rows if not name.startswith("no network")]
    best = "best-look"
    assert best == max(networks, key=lambda name: float(rows[name]["class IoU ↑"]))
    distance = {name: float(rows[name]["kernel distance ↓"].split()[0]) for name in networks}
    assert best == min(networks, key=lambda name: distance[name])
    means = [
        sum(run["test_ssim"]) / len(run["test_ssim"])
        for run in published("synthetic")["runs"]
        if run["config"]["experiment"] == "enhanced"
    ]
    assert "{:.3f}, {:.3f} and {:.3f}".format(*means) in README.replace("\n", " ")


def test_what_the_text_says_of_processors_and_long_runs_was_measured():
    scores, text = record_scores(published("synthetic")), README.replace("\n", " ")
    other = read_json(ROOT / "data" / "results" / "synthetic-demo-beyond.json")["models"]
    differences = [
        abs(float(np.mean(one["test_ssim"])) - float(scores[name][one["seed"]].mean()))
        for name in TABLE_1
        for one in other[name]["seeds"]
        if one["seed"] in scores[name]
    ]
    assert f"they differ by up to {max(differences):.3f}" in text
    long = find_long_runs()
    (row,) = [row for row in long_run_rows(long) if row["model"] == "baseline-mse"]
    assert long["pairs"]["train"] == 320 and long["protocol"]["image_size"] == 64
    assert (
        f"ends with {row['train after 200']} on train beside {row['test after 200']} on test, and "
        f"had {row['test there']} on test at epoch {row['epoch val chooses']}"
    ) in text
    assert f"Its gap at the end, {row['at the end'].strip('+')}," in text


def test_what_the_text_says_of_minutes_to_a_score_was_measured():
    record = read_json(ROOT / "data" / "results" / "minutes-demo.json")
    text, key = README.replace("\n", " "), "seconds_until_class_and_row_colour"
    loops = {loop["name"]: loop for loop in record["loops"]}
    assert f"{record['minutes']} minutes each" in text and not record["left_out"]
    soon = [f"after {loops[name][key]:.1f}" for name in ("best-ssim", "best-look")]
    assert f"{soon[0]} seconds and `best-look` {soon[1]}" in text
    assert [name for name in loops if loops[name][key]] == ["best-ssim", "best-look"]
    updates = [
        loops[name]["points"][-1]["updates"] for name in (REFERENCE_3, REFERENCE_4, "baseline")
    ]
    assert "do {} and {} updates in that time, `baseline` does {}.".format(*updates) in text


def test_the_results_are_small():
    for path in (ROOT / "data" / "results").glob("*.json"):
        assert path.stat().st_size < 200_000, path


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_no_placeholder_is_left():
    assert not re.search(r"@[A-Z0-9]+@", README)
