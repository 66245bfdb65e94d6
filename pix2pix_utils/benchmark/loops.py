"""The training loops that `turns` compares by their scores over time.

Two base repositories and three rows of this package train on the same pairs. The loops of
[3] znxlwm/pytorch-pix2pix and [4] junyanz/pytorch-CycleGAN-and-pix2pix have the settings that these
repositories have by default: batch size 1, learning rate 2e-4, 64 filters in the first layer. The
loop of [4] also trains with the settings of the profile, which are those of the rows, once as it is
and once with both networks compiled by `torch.compile`. So the first shows what the settings do,
and the second what a compiler does.

In all else these four loops are alike, so that only the loop is compared: they have the networks of
the row `baseline` in float32 with torch's own layers, the package's order of pairs and its batches
from the cache, a constant learning rate (as [4] has for its first 100 epochs) and no random crops
or flips. They also gain from this process's reuse of freed memory.

The loops at the repositories' settings are scored as those repositories test: with dropout, and
with each image's own statistics in batch norm. All others are scored in `eval` mode.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from pix2pix_utils.benchmark.steps import (
    REFERENCE_3,
    REFERENCE_4,
    step_of_repository_3,
    step_of_repository_4,
    use_torch_convolutions,
)
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.devices import is_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.session import with_precision
from pix2pix_utils.training.trainer import Trainer

PLAIN = f"{REFERENCE_4}, profile's settings"
COMPILED = f"{REFERENCE_4}, profile's settings, torch.compile"
ROWS = ("baseline", "best-ssim", "best-look")
REPOSITORY_SETTINGS: dict[str, Any] = {"batch_size": 1, "learning_rate": 2e-4, "width": 64}
SHOWN_SETTINGS = ("batch_size", "learning_rate", "width", "precision")
# hyper-parameters that every loop here can follow; the repositories' steps have fixed losses
COMMON = {
    *("image_size", "train_pairs", "val_pairs", "test_pairs", "data_seed", "epochs", "precision"),
    *("batch_size", "learning_rate", "width"),
}


class PlainTrainer(Trainer):
    """A trainer whose update is a base repository's, with torch's own layers and Adam.

    Same pairs in the same order, same initial weights and same dropout as a `Trainer` of the same
    configuration.
    """

    _compiled_code: tempfile.TemporaryDirectory | None = None

    def __init__(self, config: Config, data: StreetData, device: torch.device, name: str):
        super().__init__(config, data, device)
        g, d = self.networks.generator, self.networks.discriminator
        for network in (g, d):
            use_torch_convolutions(network)
        betas = (config.beta1, config.beta2)
        g_optimizer, d_optimizer = (
            torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=betas)
            for network in (g, d)
        )
        self.networks = replace(
            self.networks, generator_optimizer=g_optimizer, discriminator_optimizer=d_optimizer
        )
        step = step_of_repository_3 if name == REFERENCE_3 else step_of_repository_4
        self._step = partial(step, g, d, g_optimizer, d_optimizer)
        self._is_compiled = name == COMPILED

    def update(
        self, batches: list[tuple[int, Tensor, Tensor]], batches_in_all: int
    ) -> dict[str, Tensor]:
        """One update of both networks; returns no losses.

        The first one compiles. Raises UserError if the networks cannot be compiled.
        """
        try:
            if self._is_compiled and self._compiled_code is None:
                self._compile()
            with torch.backends.cudnn.flags(enabled=True, benchmark=True):  # [4] lets cuDNN choose
                for seed, label, photo in batches:
                    torch.manual_seed(seed)
                    self._step(*(x.to(self.device).contiguous() for x in (label, photo)))
        except RuntimeError as error:
            if not self._is_compiled or is_out_of_memory(error):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(
                f"torch.compile failed ({shorten(reason, 200)}); "
                "it needs a C++ compiler, such as g++"
            ) from None
        return {}

    def _compile(self) -> None:
        """Have both networks compiled when they are next called."""
        # from scratch: what an earlier compilation left on the disk would hide the time it takes
        self._compiled_code = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = self._compiled_code.name
        g, d, *optimizers = self._step.args
        self._step = partial(self._step.func, torch.compile(g), torch.compile(d), *optimizers)

    def load_state(self, state: dict) -> None:
        """Resume; compiling again takes no training time, as the first turn has counted it."""
        if self._is_compiled:
            batches, batches_in_all, _ = next(self.coming_steps())
            self.update(batches, batches_in_all)
        super().load_state(state)
        for optimizer in (
            self.networks.generator_optimizer,
            self.networks.discriminator_optimizer,
        ):
            for group in optimizer.param_groups:
                group["capturable"] = False  # `Networks` sets it for CUDA graphs


@dataclass(frozen=True)
class Plan:
    """A loop before it starts: a configuration, and whose step trains it."""

    name: str  # REFERENCE_3, REFERENCE_4, PLAIN, COMPILED or a row of the package
    config: Config
    inference: str = "eval"  # in which it is scored: see `generator_predictor`

    @property
    def is_row(self) -> bool:
        return self.name in ROWS

    def settings(self) -> dict:
        """The settings in which the loops differ."""
        return {key: getattr(self.config, key) for key in SHOWN_SETTINGS}

    def build(self, data: StreetData, device: torch.device) -> Trainer:
        """Its trainer, before the first update."""
        if self.is_row:
            return Trainer(self.config, data, device)
        return PlainTrainer(self.config, data, device, self.name)


def plan_loops(
    profile: str | None, seed: int, settings: Sequence[str], device: torch.device
) -> list[Plan]:
    """All loops, in the order in which they take turns.

    `settings` are `key=value` settings on top of the profile. Raises UserError for one that the
    repositories' loops do not have. If the profile has the repositories' settings, as `full` does,
    the loop of [4] trains once instead of twice.
    """
    default = configure("baseline", profile, seed)
    baseline = configure("baseline", profile, seed, settings)
    ours = baseline.to_dict()
    for key, value in default.to_dict().items():
        if ours[key] != value and key not in COMMON:
            raise UserError(
                f"--set {key}={ours[key]}: the loops of the base repositories have no such "
                f"setting, so they could not be compared; choose from {', '.join(sorted(COMMON))}"
            )
    plain = replace(baseline, precision="fp32")
    as_published = replace(plain, **REPOSITORY_SETTINGS)
    plans = [Plan(name, as_published, "train") for name in (REFERENCE_3, REFERENCE_4)]
    if plain != as_published:
        plans.append(Plan(PLAIN, plain))
    plans.append(Plan(COMPILED, plain))
    for name in ROWS:
        plans.append(Plan(name, with_precision(configure(name, profile, seed, settings), device)))
    return plans
