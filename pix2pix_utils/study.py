"""The whole study: train every experiment on one data set, then write the report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from pix2pix_utils.acceleration.side_by_side import run_side_by_side
from pix2pix_utils.cards.run_card import write_run_cards
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.segmentation import segmenter
from pix2pix_utils.report import write_report
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.runs import Run, load_data_for


@dataclass
class StudyOutcome:
    """Finished runs, error messages by experiment and seed, and the files of the report."""

    runs: list[Run] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    report: list[Path] = field(default_factory=list)


def run_study(
    configs: Sequence[Config],
    data: StreetData,
    output: Path,
    device: torch.device,
    reuse: bool = False,
    jobs: int = 1,
) -> StudyOutcome:
    """Train or load each configuration, write its card, and the report to `output/report`.

    `jobs` configurations are trained at the same time, each in a process of its own. With `reuse`,
    runs of an earlier version of the code are loaded, too. If an experiment fails, the outcome says
    why and the others go on. The last digits of a score depend on the number of threads, and so on
    `jobs`.
    """
    outcome = StudyOutcome()
    if jobs > 1:
        outcome.failures = _train_side_by_side(configs, data, output, device, reuse, jobs)
    for config in configs:
        if _title(config) in outcome.failures:
            continue
        try:
            run = train_experiment(config, data, output, device, reuse=reuse)
        except (UserError, RuntimeError, OSError) as error:
            outcome.failures[_title(config)] = str(error)
        else:
            outcome.runs.append(run)
            write_run_cards([run], data)
    if outcome.runs:
        outcome.report = write_report(Path(output), data, configs[0], device)
    return outcome


def _title(config: Config) -> str:
    return f"{config.experiment}, seed {config.seed}"


def _train_side_by_side(
    configs: Sequence[Config],
    data: StreetData,
    output: Path,
    device: torch.device,
    reuse: bool,
    jobs: int,
) -> dict[str, str]:
    """Train every configuration, and the report's segmentation network; returns what failed."""
    # the slowest rows first, so that no core waits for one of them at the end
    ordered = sorted(configs, key=lambda config: not config.generator.startswith("deeplab"))
    tasks = {
        _title(config): partial(_train, config, data.location, output, device, reuse)
        for config in ordered
    }
    judge = "segmentation network"
    failures = run_side_by_side(
        {**tasks, judge: partial(_train_judge, configs[0], data.location, output, device)}, jobs
    )
    failures.pop(judge, None)  # the report says what it lacks, and why
    return failures


def _train(config: Config, location: str, output: Path, device: torch.device, reuse: bool) -> None:
    train_experiment(config, load_data_for(config, location), output, device, reuse=reuse)


def _train_judge(config: Config, location: str, output: Path, device: torch.device) -> None:
    segmenter(load_data_for(config, location), output, device)
