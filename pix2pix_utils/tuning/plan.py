"""What a study tries: a configuration, the hyper-parameters that it varies, and how many trials."""

from collections.abc import Mapping
from dataclasses import dataclass

from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.training.config import Config
from pix2pix_utils.tuning.space import Space, Value, setting

SAMPLERS = ("grid", "random", "tpe")
DEFAULT_TRIALS = 20


@dataclass(frozen=True)
class Plan:
    """A study to be done. The score of a trial is the SSIM on val of its best epoch.

    `config` is the default: a trial changes what `space` names and keeps everything else. Its seed
    is that of all trials and also of the sampler. `prune` stops a trial after an epoch if its best
    one so far is below the median of what the complete trials had after as many epochs.
    """

    config: Config
    space: Space
    sampler: str = "tpe"
    trials: int = DEFAULT_TRIALS
    prune: bool = False

    def __post_init__(self):
        check_choice("sampler", self.sampler, SAMPLERS)
        if self.trials < 1:
            raise UserError(f"trials is {self.trials}, but it must be at least 1")

    def trial_config(self, params: Mapping[str, Value]) -> Config:
        """The configuration of a trial; raises UserError for an invalid value."""
        return self.config.with_settings(setting(key, value) for key, value in params.items())

    def to_dict(self) -> dict:
        """Everything that decides the trials' results, for JSON.

        A longer study begins with the trials of a shorter one, so `trials` is part of it only for
        a grid, whose levels depend on it.
        """
        return {
            "config": self.config.to_dict(),
            "space": {key: str(dimension) for key, dimension in sorted(self.space.items())},
            "sampler": self.sampler,
            "prune": self.prune,
            **({"trials": self.trials} if self.sampler == "grid" else {}),
        }
