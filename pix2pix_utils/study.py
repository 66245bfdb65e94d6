"""The whole study: every experiment on one data set, then the report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from pix2pix_utils.config import Config
from pix2pix_utils.data import StreetData, load_data
from pix2pix_utils.errors import UserError
from pix2pix_utils.pretraining import train_experiment
from pix2pix_utils.report import write_report
from pix2pix_utils.runs import Run


@dataclass
class StudyOutcome:
    """Finished runs, what went wrong by experiment, and the files of the report."""

    runs: list[Run] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    report: list[Path] = field(default_factory=list)


def load_data_for(config: Config, dataset: str, data_root: Path | None = None) -> StreetData:
    """The data set at the size and with the number of pairs that a configuration asks for."""
    return load_data(
        dataset,
        image_size=config.image_size,
        data_root=data_root,
        limits=config.pair_limits,
        data_seed=config.data_seed,
    )


def load_data_of(run: Run, dataset: str | None = None, data_root: Path | None = None) -> StreetData:
    """The data that a run was trained on, from where it lay or from `dataset`.

    Raises UserError if it is not the same data any more.
    """
    recorded = run.data()
    data = load_data_for(run.config, dataset or recorded["location"], data_root)
    if data.fingerprint != recorded["fingerprint"]:
        raise UserError(
            f"the data set {data.location} is not what {run.folder} was trained on "
            f"(fingerprint {data.fingerprint}, not {recorded['fingerprint']})"
        )
    return data


def run_study(
    configs: Sequence[Config], data: StreetData, output: Path, device: torch.device
) -> StudyOutcome:
    """Train, or load, each configuration and write the report to `output/report`.

    An experiment that fails is named in the outcome and takes no other one down.
    """
    outcome = StudyOutcome()
    for config in configs:
        try:
            outcome.runs.append(train_experiment(config, data, output, device))
        except (UserError, RuntimeError, OSError) as error:
            outcome.failures[config.experiment] = str(error)
    if outcome.runs:
        outcome.report = write_report(Path(output), data, configs[0], device)
    return outcome
