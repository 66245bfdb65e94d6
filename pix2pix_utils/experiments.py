"""The table of experiments, and the profiles that decide how large each of them is run."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from pix2pix_utils.config import Config
from pix2pix_utils.errors import UserError


@dataclass(frozen=True)
class Experiment:
    """One row of the study: what is trained, and what the report measured."""

    name: str
    title: str  # the row's name in the report
    generator: str
    discriminator: str
    adversarial_loss: str
    alpha: float
    report_ssim: tuple[float, float, float] | None  # train, val, test of Table I


# fmt: off
_TABLE_1 = (
    #          name            title                      generator  discriminator  adv.   alpha  report: train, val, test
    Experiment("baseline",     "Baseline Model",          "unet",    "patchgan",    "bce", 100.0, (0.369, 0.324, 0.301)),
    Experiment("baseline-mse", "Baseline Model with MSE", "unet",    "patchgan",    "mse", 100.0, (0.808, 0.512, 0.499)),
)
# fmt: on

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in _TABLE_1}
TABLE_1: tuple[str, ...] = tuple(experiment.name for experiment in _TABLE_1)

PROFILES: dict[str, dict] = {
    # seconds: does everything run?
    "smoke": dict(
        image_size=32, width=8, epochs=2, train_pairs=12, val_pairs=6, test_pairs=6
    ),
    # minutes on a laptop with two cores: do the ideas show?
    "demo": dict(
        image_size=64, width=32, epochs=8, batch_size=4,
        train_pairs=400, val_pairs=64, test_pairs=128,
    ),
    # the report's protocol
    "full": dict(image_size=256, width=64, epochs=200),
}  # fmt: skip
DEFAULT_PROFILE = "demo"


def default_profile() -> str:
    """The profile named by the environment variable PIX2PIX_PROFILE, else `demo`."""
    return os.environ.get("PIX2PIX_PROFILE") or DEFAULT_PROFILE


def configure(
    experiment: str, profile: str | None = None, seed: int = 0, settings: Sequence[str] = ()
) -> Config:
    """The configuration of an experiment at a profile, with `key=value` settings on top.

    Raises UserError for an unknown experiment, profile or key, or a value out of range.
    """
    row = _look_up("experiment", experiment, EXPERIMENTS)
    sizes = _look_up("profile", profile or default_profile(), PROFILES)
    config = Config(
        experiment=row.name,
        generator=row.generator,
        discriminator=row.discriminator,
        adversarial_loss=row.adversarial_loss,
        alpha=row.alpha,
        seed=seed,
        **sizes,
    )
    return config.with_settings(settings)


def _look_up(kind: str, name: str, table: dict):
    if name not in table:
        close = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"choose one of: {', '.join(table)}"
        raise UserError(f"there is no {kind} '{name}'; {hint}")
    return table[name]
