"""The numbers copied from the paper."""

import csv
from pathlib import Path

from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, TABLE_1

PAPER = Path(__file__).parents[2] / "data" / "paper"


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
