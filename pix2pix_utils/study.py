"""The whole study: train every experiment on one data set, then write the report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from pix2pix_utils.cards.run_card import write_run_cards
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.report import write_report
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.runs import Run


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
) -> StudyOutcome:
    """Train or load each configuration, write its card, and the report to `output/report`.

    With `reuse`, runs of an earlier version of the code are loaded, too. If an experiment fails,
    the outcome says why and the others go on.
    """
    outcome = StudyOutcome()
    for config in configs:
        try:
            run = train_experiment(config, data, output, device, reuse=reuse)
        except (UserError, RuntimeError, OSError) as error:
            outcome.failures[f"{config.experiment}, seed {config.seed}"] = str(error)
        else:
            outcome.runs.append(run)
            write_run_cards([run], data)
    if outcome.runs:
        outcome.report = write_report(Path(output), data, configs[0], device)
    return outcome
