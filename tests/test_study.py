"""The study with several jobs: the same runs as one after the other, and failures are told."""

from dataclasses import replace

import pytest
import torch

from pix2pix_utils import study
from pix2pix_utils.__main__ import main
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import load_data_for

CPU = torch.device("cpu")
SETTINGS = ["epochs=1", "precision=fp32"]


@pytest.fixture
def configs(monkeypatch):
    monkeypatch.setattr(study, "write_report", lambda *arguments: [])
    return [configure(name, "smoke", 0, SETTINGS) for name in ("baseline-mse", "baseline")]


@pytest.fixture
def data(configs):
    return load_data_for(configs[0], "synthetic")


def test_jobs_change_nothing_but_the_time(configs, data, tmp_path):
    failing = replace(configs[0], experiment="baseline-l1-50", augmentation="paste")
    one = study.run_study(configs, data, tmp_path / "one", CPU)
    two = study.run_study([*configs, failing], data, tmp_path / "two", CPU, jobs=2)
    for mine, theirs in zip(one.runs, two.runs, strict=True):
        assert mine.config == theirs.config
        assert mine.result()["ssim"] == theirs.result()["ssim"]
        assert (theirs.folder / "README.md").is_file()
    (title,) = two.failures
    assert title == "baseline-l1-50, seed 0" and "batch_size=2" in two.failures[title]
    assert list((tmp_path / "two" / "segmentation").glob("*/result.json"))


def test_a_row_that_failed_is_not_tried_again(configs, data, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "run_side_by_side", lambda tasks, jobs: dict.fromkeys(tasks, "no"))
    outcome = study.run_study(configs, data, tmp_path, CPU, jobs=2)
    assert outcome.runs == [] and outcome.report == []
    assert outcome.failures == dict.fromkeys(("baseline-mse, seed 0", "baseline, seed 0"), "no")


def test_the_slowest_row_begins(configs, data, tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(
        study,
        "run_side_by_side",
        lambda tasks, jobs: begun.extend(tasks) or dict.fromkeys(tasks, "no"),
    )
    slow = configure("pretrained-torchvision", "smoke", 0, SETTINGS)
    study.run_study([*configs, slow], data, tmp_path, CPU, jobs=2)
    assert begun == [
        "pretrained-torchvision, seed 0",
        "baseline-mse, seed 0",
        "baseline, seed 0",
        "segmentation network",
    ]


@pytest.mark.parametrize("option", ["--jobs", "--seeds"])
def test_less_than_one_is_refused(option, capsys):
    assert main(["study", option, "0"]) == 2
    assert f"{option} is 0, but it must be at least 1" in capsys.readouterr().err
