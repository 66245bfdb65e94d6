"""Training pix2pix: one epoch after the other, in a run folder.

`step.training_step` is the method; `Trainer` repeats it and keeps what is needed to go on after an
interruption; `train` turns a configuration into a finished run folder.
"""

import hashlib
import math
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid
from tqdm.auto import tqdm

from pix2pix_utils.acceleration.batches import Batches
from pix2pix_utils.acceleration.distributed import (
    all_gather,
    all_reduce_sum,
    any_rank,
    average_statistics,
    barrier,
    is_main,
    rank,
    shard,
    world_size,
)
from pix2pix_utils.acceleration.graphs import GraphedStep
from pix2pix_utils.acceleration.memory import reuse_freed_memory
from pix2pix_utils.data.augmentation import build_augmentation
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs, epoch_order, to_uint8
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import Predictor, generator_predictor, ssim_scores
from pix2pix_utils.files import atomic_write
from pix2pix_utils.models import freeze_backbone
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import require_same_config
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.interrupts import Interrupted, InterruptGuard
from pix2pix_utils.training.losses import build_objective
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.step import Networks, accumulated_step
from pix2pix_utils.training.weights import first_misfit

SECONDS_BETWEEN_CHECKPOINTS = 60  # within an epoch; the end of an epoch always writes one


SECONDS_BETWEEN_READINGS = 0.5  # of the losses for the progress bar: reading waits for the device


RANDOM_START = {"generator": "random weights", "discriminator": "random weights"}


BEST_KEYS = ("config", "palette", "fingerprint", "generator", "discriminator", "epoch")


SAMPLES = 4  # validation scenes in the sample grid


@dataclass(frozen=True)
class Progress:
    """How far a training is, for whoever watches it."""

    run: Run
    epoch: int  # finished epochs
    epochs: int
    step: int  # finished updates of the current epoch
    steps_per_epoch: int
    losses: dict[str, float]  # means over the current epoch so far; empty right behind an epoch
    history: list[dict]  # one record an epoch, as in history.csv


ProgressCallback = Callable[[Progress], None]


class Trainer:
    """Repeats the training step, and can be stopped and resumed between any two steps.

    All chance is a function of the seed, the epoch, the step and the batch's number in it: nothing
    about random states has to be kept, and it is the same however many processes share the work.
    """

    def __init__(self, config: Config, data: StreetData, device: torch.device):
        if world_size() > config.accumulation:
            raise UserError(
                f"{world_size()} processes share the batches of an update, but accumulation is "
                f"{config.accumulation}: --set accumulation={world_size()}, or a multiple of it"
            )
        reuse_freed_memory()
        self.config, self.data, self.device = config, data, device
        self.objective = build_objective(config.adversarial_loss, config.distance, config.alpha)
        self.augment = build_augmentation(config.augmentation)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.networks = Networks.build(config, device)
            if config.freeze_backbone:
                freeze_backbone(self.networks.generator)
        self.epoch = 0  # finished epochs
        self.step = 0  # finished updates of the current epoch
        self.history: list[dict] = []
        self.started_from: dict = dict(RANDOM_START)
        # of the current epoch: sum of each loss, and the number of batches that had it
        self._loss_sums: dict[str, tuple[Tensor, int]] = {}
        self._seconds = 0.0  # spent in the current epoch
        self._batches = Batches(data.train, device)
        self._graphed = (
            GraphedStep(self.networks, self.objective) if device.type == "cuda" else None
        )
        # cuDNN's fastest backward passes add up in a different order every time
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False

    @property
    def pairs_per_step(self) -> int:
        return self.config.batch_size * self.config.accumulation

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.data.train) // self.pairs_per_step)  # the last step may be smaller

    def state(self) -> dict:
        """Everything that the rest of the training depends on, for `save_checkpoint`."""
        return {
            "config": self.config.to_dict(),
            "palette": self.data.palette.to_dict(),
            "fingerprint": self.data.fingerprint,
            **self.networks.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "history": self.history,
            "started_from": self.started_from,
            "loss_sums": self._loss_sums,
            "seconds": self._seconds,
        }

    def load_state(self, state: dict) -> None:
        """Go on from `state`; raises UserError if it belongs to another run."""
        self.check_state(state, self.state().keys())
        self.networks.load_state_dict(state)
        self.epoch, self.step = state["epoch"], state["step"]
        self.history, self.started_from = state["history"], state["started_from"]
        # the sums are those of all processes: one alone goes on with them
        self._loss_sums = state["loss_sums"] if is_main() else {}
        self._seconds = state["seconds"]

    def check_state(self, state: dict, keys: Iterable[str]) -> None:
        """Raise UserError if a checkpoint lacks one of `keys` or belongs to another run."""
        if missing := set(keys) - state.keys():
            raise UserError(f"the checkpoint is one of another kind: it has no {min(missing)}")
        require_same_config(state, self.config)
        if state["palette"] != self.data.palette.to_dict():
            raise UserError(
                f"the checkpoint was trained with other classes than those of {self.data.name}"
            )
        if state["fingerprint"] != self.data.fingerprint:
            raise UserError(
                f"the checkpoint was trained on the data with the fingerprint "
                f"{state['fingerprint']}, but that of {self.data.location} is "
                f"{self.data.fingerprint}"
            )
        for name in ("generator", "discriminator"):
            if misfit := first_misfit(getattr(self.networks, name), state[name], f"{name}."):
                raise UserError(f"the checkpoint does not fit its own configuration: {misfit}")

    def fit(
        self, run: Run, progress: bool = True, on_progress: ProgressCallback | None = None
    ) -> None:
        """Train to the configured number of epochs, writing history, samples and checkpoints.

        `watch` is told how it goes, twice a second and behind every epoch. On Ctrl-C, a notebook's
        stop button or SIGTERM the step is finished, a checkpoint written and `Interrupted` raised.
        """
        pairs = len(self.data.train)
        done = self.epoch * pairs + min(self.step * self.pairs_per_step, pairs)
        with (
            InterruptGuard() as guard,
            torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []),
            tqdm(
                desc=self.config.experiment,
                total=self.config.epochs * pairs,
                initial=done,
                unit="img",
                disable=not (progress and is_main()),
            ) as bar,
        ):
            try:
                # Several processes must stop behind the same step, or one waits for ever: they
                # hold signals back and agree between steps.
                with guard.atomic() if world_size() > 1 else nullcontext():
                    while self.epoch < self.config.epochs:
                        self._finish_steps(run, guard, bar, on_progress)
                        self._finish_epoch(run, guard)
                        if on_progress and is_main():
                            on_progress(self._reading(run))
            except KeyboardInterrupt:
                with guard.atomic():
                    self._save(run)
                raise

    def _finish_steps(
        self, run: Run, guard: InterruptGuard, bar: tqdm, on_progress: ProgressCallback | None
    ) -> None:
        """Do the remaining steps of the current epoch."""
        self.networks.generator.train()
        self.networks.discriminator.train()
        read_at = saved_at = clock = time.monotonic()
        for batches, batches_in_all, pairs in self.coming_steps():
            with guard.atomic():
                self._count(self.update(batches, batches_in_all), len(batches))
                self.step += 1
                now = time.monotonic()
                self._seconds, clock = self._seconds + now - clock, now
            bar.update(pairs)
            if is_main() and now - read_at > SECONDS_BETWEEN_READINGS:
                self._show(bar)
                if on_progress:
                    on_progress(self._reading(run))
                read_at = now
            stop, save = any_rank(
                guard.pending is not None,
                is_main() and now - saved_at > SECONDS_BETWEEN_CHECKPOINTS,
            )
            if stop:
                raise Interrupted(guard.pending or signal.SIGTERM)
            if save:
                with guard.atomic():
                    self._save(run)
                saved_at = time.monotonic()

    def coming_steps(self) -> Iterator[tuple[list, int, int]]:
        """For each remaining step of the epoch: this process's batches, how many there are in all
        processes, and the number of pairs in them."""
        config = self.config
        order = epoch_order(len(self.data.train), config.seed, self.epoch)
        steps = [step.split(config.batch_size) for step in order.split(self.pairs_per_step)]
        remaining = steps[self.step :]
        mine = self._batches([indices for step in remaining for indices in shard(step)])
        for number, step in enumerate(remaining, start=self.step):
            seeds = [
                _seed(config.seed, self.epoch, number, batch) for batch in shard(range(len(step)))
            ]
            yield [(seed, *next(mine)) for seed in seeds], len(step), sum(map(len, step))

    def update(
        self, batches: list[tuple[int, Tensor, Tensor]], batches_in_all: int
    ) -> dict[str, Tensor]:
        """One training step on what `coming_steps` yielded; the losses summed over `batches`."""
        warm = self.epoch * self.steps_per_epoch + self.step >= self.config.warmup_steps
        prepared = self._augmented(batches)
        if self._graphed and warm and batches_in_all == 1:
            ((label, photo),) = prepared
            return self._graphed(label, photo)
        return accumulated_step(self.networks, prepared, self.objective, batches_in_all, warm)

    def _augmented(self, batches) -> Iterator[tuple[Tensor, Tensor]]:
        """Seed the chance of each batch, augment it and send it to the device."""
        for seed, label, photo in batches:
            _seed_random_state(seed, self.device)
            label, photo = self.augment(label, photo)
            yield label.to(self.device), photo.to(self.device)

    def _count(self, losses: dict[str, Tensor], batches: int) -> None:
        for name, value in losses.items():
            total, count = self._loss_sums.get(name, (0, 0))
            self._loss_sums[name] = (total + value, count + batches)

    def _finish_epoch(self, run: Run, guard: InterruptGuard) -> None:
        """Score the validation split and write what the epoch leaves behind."""
        self._gather()
        losses = self._mean_losses()
        self._check_weights()
        predict = generator_predictor(self.networks.generator)
        val_ssim = float(_scores(predict, self.data.val).mean())
        if not math.isfinite(val_ssim):
            raise self._diverged(f"val_ssim is {val_ssim}")
        is_best = all(val_ssim > past["val_ssim"] for past in self.history)
        with guard.atomic():
            self.history.append(
                {
                    "epoch": self.epoch + 1,
                    **losses,
                    "val_ssim": val_ssim,
                    "seconds": round(self._seconds, 3),
                }
            )
            self.epoch, self.step = self.epoch + 1, 0
            self._loss_sums, self._seconds = {}, 0.0
            if is_main():
                grid = sample_grid(predict, self.data.val)
                with atomic_write(run.samples / f"epoch-{self.epoch:04d}.png") as temporary:
                    grid.save(temporary)
                run.write_history(self.history)
                if is_best:
                    state = self.state()
                    save_checkpoint(run.best_checkpoint, {key: state[key] for key in BEST_KEYS})
            self._write(run)

    def _save(self, run: Run) -> None:
        """Write where the epoch stands; raises UserError rather than save what went wrong."""
        self._gather()
        self._mean_losses()
        self._check_weights()
        self._write(run)

    def _write(self, run: Run) -> None:
        if is_main():
            run.save_last(self.state())
        barrier()

    def _gather(self) -> None:
        """Bring together what the processes know each by themselves: losses and statistics."""
        if world_size() == 1:
            return
        average_statistics(self.networks.generator)
        average_statistics(self.networks.discriminator)
        names = ("discriminator_loss", "real_taken_for_real", "fake_taken_for_real",
                 "generator_loss", "l1")  # fmt: skip
        sums = torch.tensor(
            [[float(part) for part in self._loss_sums.get(name, (0, 0))] for name in names],
            dtype=torch.float64,
        )
        all_reduce_sum(sums)
        here = is_main()  # one process alone goes on with the sums
        self._loss_sums = {
            name: (total, int(count)) if here else (total * 0, 0)
            for name, (total, count) in zip(names, sums, strict=True)
            if count
        }

    def _mean_losses(self) -> dict[str, float]:
        """Means over the finished steps of this epoch; raises UserError if one is not finite."""
        means = {name: float(total) / n for name, (total, n) in self._loss_sums.items() if n}
        wrong = [f"{name} is {mean}" for name, mean in means.items() if not math.isfinite(mean)]
        if wrong:
            raise self._diverged(", ".join(wrong))
        return means

    def _check_weights(self) -> None:
        """Raise UserError if one is not finite: no loss has seen the last update yet."""
        for name in ("generator", "discriminator"):
            tensors = getattr(self.networks, name).state_dict()
            finite = torch.stack([tensor.isfinite().all() for tensor in tensors.values()])
            wrong = [key for key, whole in zip(tensors, finite.tolist(), strict=True) if not whole]
            if wrong:
                raise self._diverged(f"the {name}'s {wrong[0]} is not finite")

    def _diverged(self, wrong: str) -> UserError:
        shorter = self.networks.precision != "fp32"
        return UserError(
            f"{wrong} in epoch {self.epoch + 1} by step {self.step}: training has diverged; try a "
            f"smaller learning rate than {self.config.learning_rate} (--set learning_rate=...)"
            f"{' or --set precision=fp32' if shorter else ''}; the checkpoints before it are kept"
        )

    def _reading(self, run: Run) -> Progress:
        return Progress(
            run,
            self.epoch,
            self.config.epochs,
            self.step,
            self.steps_per_epoch,
            self._mean_losses(),
            list(self.history),
        )

    def _show(self, bar: tqdm) -> None:
        losses = self._mean_losses()
        names = {"G": "generator_loss", "D": "discriminator_loss"}
        shown = {short: f"{losses[name]:.2f}" for short, name in names.items() if name in losses}
        if self.history:
            shown["val SSIM"] = f"{self.history[-1]['val_ssim']:.3f}"
        bar.set_description(
            f"{self.config.experiment} {self.epoch + 1}/{self.config.epochs}", refresh=False
        )
        bar.set_postfix(shown)


@torch.no_grad()
def sample_grid(predict, pairs: StreetPairs) -> Image.Image:
    """Label maps, generated photos and real photos of evenly spaced scenes, one row each."""
    count = min(SAMPLES, len(pairs))
    batch = pairs.batch([index * len(pairs) // count for index in range(count)])
    rows = torch.cat([batch["label"], predict(batch).cpu(), batch["photo"]])
    return Image.fromarray(to_uint8(make_grid(rows, nrow=count, pad_value=1.0)))


def _scores(predict: Predictor, pairs: StreetPairs) -> np.ndarray:
    """SSIM of every image, (N,), each process scoring its share."""
    return all_gather(ssim_scores(predict, pairs.every(world_size(), rank())))


def _seed(*numbers: int) -> int:
    """One seed from several numbers, below 2 ** 32: torch's generator on a CPU takes no more."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def _seed_random_state(seed: int, device: torch.device) -> None:
    """`torch.manual_seed` for the CPU and this device alone, which takes microseconds."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
