"""The parameters every notebook starts from, and what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from pix2pix_utils.cards.run_card import write_run_cards
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.devices import choose_device
from pix2pix_utils.paths import output_root
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.runs import Run, load_data_for
from pix2pix_utils.training.session import with_precision


@dataclass(frozen=True)
class Lesson:
    """The parameters of a notebook, as `start` returns them."""

    profile: str
    dataset: str
    seed: int
    settings: tuple[str, ...]  # `key=value`, on top of the profile
    device: torch.device
    output: Path  # folder of `runs/`

    def config(
        self, experiment: str = "baseline", *settings: str, seed: int | None = None
    ) -> Config:
        """The configuration of an experiment, with further `key=value` settings or another seed.

        Its precision is that of the lesson's device, as in the runs. Raises UserError for an
        unknown experiment or setting.
        """
        seed = self.seed if seed is None else seed
        config = configure(experiment, self.profile, seed, [*self.settings, *settings])
        return with_precision(config, self.device)

    @cached_property
    def data(self) -> StreetData:
        """The data set at the lesson's size.

        The first use fills the cache and, for files, prints how they are read.
        """
        data = load_data_for(self.config(), self.dataset)
        for sentence in data.reading.evidence:
            print(sentence)
        return data

    def train(self, config: Config, **options: Any) -> Run:
        """The finished run of a configuration on the lesson's data: loaded, resumed or trained.

        `options` are those of `train_experiment`. The run's folder has a model card, `README.md`.
        """
        run = train_experiment(config, self.data, self.output, self.device, **options)
        write_run_cards([run], self.data)
        return run


def start(
    profile: str, dataset: str = "synthetic", seed: int = 0, settings: Sequence[str] = ()
) -> Lesson:
    """Begin a notebook; raises UserError for an unknown profile or setting."""
    lesson = Lesson(profile, dataset, seed, tuple(settings), choose_device("auto"), output_root())
    lesson.config()  # raises before any data are loaded
    return lesson
