"""The parts of the report by themselves: formats, verdicts, numbers copied from the paper."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils import figures
from pix2pix_utils.report import as_latex, as_markdown, finding_rows, ranked_scenes
from pix2pix_utils.report.findings import verdict
from pix2pix_utils.report.formats import latex_escape
from pix2pix_utils.report.selection import profile_of, protocol_of, variant_name
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, TABLE_1, configure

PAPER = Path(__file__).parents[2] / "data" / "paper"


def test_latex_prints_every_special_character():
    assert latex_escape("50 % of a_b & {c}") == r"50 \% of a\_b \& \{c\}"
    assert latex_escape("\\ # $ ~ ^") == (
        r"\textbackslash{} \# \$ \textasciitilde{} \textasciicircum{}"
    )
    assert latex_escape("x --set a=1\ny") == "x -{}-set a=1 y"
    table = as_latex([{"a_b": "[1, 2]"}], "100 %", "name")
    assert r"a\_b \\" in table and r"{[}1, 2{]} \\" in table and r"\caption{100 \%}" in table


def test_a_markdown_cell_stays_one_cell():
    lines = as_markdown([{"a": "x | y", "b": "two\nlines"}]).splitlines()
    assert lines == ["| a | b |", "| --- | --- |", r"| x \| y | two lines |"]


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


def test_the_papers_numbers_agree_with_the_table_of_experiments():
    with (PAPER / "table1.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["experiment"] for row in rows] == list(TABLE_1)
    for row in rows:
        experiment = EXPERIMENTS[row["experiment"]]
        assert row["model"] == experiment.title
        numbers = tuple(float(row[split]) for split in ("train", "validation", "test"))
        assert numbers == experiment.report_ssim


def test_the_papers_protocol_is_the_default_configuration():
    with (PAPER / "protocol.csv").open(encoding="utf-8", newline="") as file:
        values = {row["setting"]: row["value"] for row in csv.DictReader(file)}
    config = Config()
    assert float(values["learning rate"]) == config.learning_rate
    assert int(values["batch size"]) == config.batch_size
    assert float(values["alpha (weight of L1)"]) == config.alpha
    assert int(values["epochs"].split()[0]) == config.epochs


@pytest.mark.parametrize("profile", PROFILES)
def test_every_experiment_of_a_profile_shares_its_protocol(profile):
    for name in (*EXPERIMENTS, "enhanced+flip+jitter"):
        config = configure(name, profile, seed=3)
        assert profile_of(protocol_of(config)) == profile
        assert variant_name(config, profile) == name
    changed = configure("baseline", profile, settings=["alpha=7"])
    assert variant_name(changed, profile) == "baseline alpha=7.0"
    assert profile_of(protocol_of(configure("baseline", profile, settings=["epochs=3"]))) is None


@pytest.mark.parametrize("images", [1, 2, 3, 7, 100])
def test_best_median_and_worst_are_what_they_are_called(images):
    scores = np.random.default_rng(0).permutation(images) / images
    chosen = ranked_scenes(scores, 2)
    assert scores[chosen["best"][0]] == scores.max()
    assert scores[chosen["worst"][-1]] == scores.min()
    if images >= 3:
        indices = [index for group in chosen.values() for index in group]
        assert len(set(indices)) == len(indices)
        assert abs(scores[chosen["median"][0]] - np.median(scores)) <= 2 / images


def test_a_figure_is_saved_twice_with_its_caption(tmp_path):
    figure = figures.score_distribution({"a": np.linspace(0, 1, 9)}, {"b": np.linspace(0, 1, 9)})
    png, pdf = figures.save(figure, tmp_path / "name", "what it shows")
    with Image.open(png) as image:
        assert image.text["Description"] == "what it shows"
    assert pdf.read_bytes().startswith(b"%PDF") and b"what it shows" in pdf.read_bytes()


def test_columns_of_scores_need_not_have_every_row():
    figure = figures.score_columns(
        {
            "report": {"a": {"mean": 0.3}, "b": {"mean": 0.5}},
            "ours": {"b": {"mean": 0.4, "low": 0.35, "high": 0.45}},
        },
        "SSIM",
    )
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert len(figure.legends[0].get_texts()) == 2
