"""Training pix2pix: the loop over epochs and steps.

`step.training_step` is the method. `Trainer` repeats it, validates after every epoch, and saves
what is needed to resume; `session.train` turns a configuration into a finished run.
"""

import hashlib
import math
import signal
import time
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor
from tqdm.auto import tqdm

from pix2pix_utils.acceleration.batches import Batches
from pix2pix_utils.acceleration.distributed import (
    any_rank,
    barrier,
    even_shard,
    is_main,
    rank_zero_first,
    world_size,
)
from pix2pix_utils.data.augmentation import build_augmentation
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import epoch_order
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import Predictor, generator_predictor
from pix2pix_utils.files import atomic_write
from pix2pix_utils.losses.adversarial import check_discriminator
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.models import freeze_backbone
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import check_checkpoint
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.discriminator_augmentation import build_discriminator_augmentation
from pix2pix_utils.training.interrupts import Interrupted, InterruptGuard
from pix2pix_utils.training.progress import LossSums, Progress, ProgressCallback, ProgressDisplay
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.step import (
    Networks,
    accumulated_step,
    graphed_step,
    learning_rates,
)
from pix2pix_utils.training.validation import measure_statistics, sample_grid, split_scores
from pix2pix_utils.training.weights import load_perceptual

SECONDS_BETWEEN_CHECKPOINTS = 60  # within an epoch; the end of an epoch always writes one
RANDOM_START = {"generator": "random weights", "discriminator": "random weights"}
BEST_KEYS = ("config", "palette", "fingerprint", "generator", "discriminator", "epoch")


class Diverged(UserError):
    """The losses, the weights or the score on val are not finite any more."""


class Trainer:
    """Repeats the training step, and can be stopped and resumed between any two steps.

    All randomness is derived from the seed, the epoch, the step and the batch's number in the step.
    So no random state has to be saved, and the result does not depend on the number of processes.
    """

    def __init__(self, config: Config, data: StreetData, device: torch.device):
        if config.adversarial_loss == "none" and config.warmup_steps:
            raise UserError(
                f"warmup_steps is {config.warmup_steps}, but without an adversarial loss nothing "
                "learns in the warm-up: --set warmup_steps=0"
            )
        self.config, self.data, self.device = config, data, device
        if "paste" in config.augmentation.split("+") and config.batch_size == 1:
            raise UserError(
                "the augmentation 'paste' copies regions from another pair of the batch, and "
                "batch_size is 1: --set batch_size=2, or more"
            )
        check_discriminator(config.adversarial_loss, config.discriminator)
        with rank_zero_first():  # the weights of the perceptual loss may have to be downloaded
            self.objective = build_objective(
                config.adversarial_loss,
                config.distance,
                config.alpha,
                ssim_weight=config.ssim_weight,
                ms_ssim_weight=config.ms_ssim_weight,
                feature_weight=config.feature_weight,
                perceptual_weight=config.perceptual_weight,
                load_perceptual=load_perceptual,
            )
        self.augment = build_augmentation(config.augmentation)
        self.discriminator_augment = build_discriminator_augmentation(
            config.discriminator_augmentation
        )
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.networks = Networks.build(config, device, data.train.signed_colors)
            if config.freeze_backbone:
                freeze_backbone(self.networks.generator)
                if self.networks.average is not None:
                    freeze_backbone(self.networks.average)
        self.epoch = 0  # finished epochs
        self.step = 0  # finished updates of the current epoch
        self.history: list[dict] = []
        self.started_from: dict = dict(RANDOM_START)
        self._losses = LossSums()  # of the current epoch
        self._seconds = 0.0  # spent in the current epoch
        self._batches = Batches(data.train, device)
        self._graphed = (
            graphed_step(self.networks, self.objective, self.discriminator_augment)
            if device.type == "cuda"
            else None
        )

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
            "loss_sums": self._losses.sums,
            "seconds": self._seconds,
        }

    def load_state(self, state: dict) -> None:
        """Resume from `state`; raises UserError if it belongs to another run."""
        check_checkpoint(state, self.state().keys(), self.config, self.data, self.networks)
        self.networks.load_state_dict(state)
        self.epoch, self.step = state["epoch"], state["step"]
        self.history, self.started_from = state["history"], state["started_from"]
        self._losses = LossSums(state["loss_sums"])
        self._seconds = state["seconds"]

    def fit(
        self, run: Run, progress: bool = True, on_progress: ProgressCallback | None = None
    ) -> None:
        """Train to the configured number of epochs, writing history, samples and checkpoints.

        `on_progress` is called twice a second and after every epoch. On Ctrl-C, a notebook's stop
        button or SIGTERM the current step is finished, a checkpoint written and `Interrupted`
        raised. Raises UserError if the training diverges.
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
            display = ProgressDisplay(bar, on_progress)
            try:
                # Several processes must stop after the same step, or one blocks forever. So they
                # hold signals back and agree between steps.
                with guard.atomic() if world_size() > 1 else nullcontext():
                    while self.epoch < self.config.epochs:
                        self._finish_steps(run, guard, display)
                        self._finish_epoch(run, guard)
                        display.report(self._progress(run))
            except KeyboardInterrupt:
                with guard.atomic():
                    self._save(run)
                raise

    def _finish_steps(self, run: Run, guard: InterruptGuard, display: ProgressDisplay) -> None:
        """Do the remaining steps of the current epoch."""
        self.networks.generator.train()
        self.networks.discriminator.train()
        saved_at = clock = time.monotonic()
        for batches, batches_in_all, pairs in self.coming_steps():
            with guard.atomic():
                self._losses.add(self.update(batches, batches_in_all), batches_in_all)
                self.step += 1
                now = time.monotonic()
                self._seconds, clock = self._seconds + now - clock, now
            display.update(pairs, lambda: self._progress(run))
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
        """Yield, for each remaining step, this process's batches, the number of batches in all
        processes, and the number of pairs in them."""
        config = self.config
        order = epoch_order(len(self.data.train), config.seed, self.epoch)
        steps = [step.split(config.batch_size) for step in order.split(self.pairs_per_step)]
        remaining = steps[self.step :]
        mine = self._batches([indices for step in remaining for indices in even_shard(step)])
        for number, step in enumerate(remaining, start=self.step):
            numbers = even_shard(range(len(step)))
            seeds = [_seed(config.seed, self.epoch, number, batch) for batch in numbers]
            yield [(seed, *next(mine)) for seed in seeds], len(step), sum(map(len, step))

    def update(
        self, batches: list[tuple[int, Tensor, Tensor]], batches_in_all: int
    ) -> dict[str, Tensor]:
        """One training step on what `coming_steps` yielded; the losses are summed over batches."""
        done = self.epoch * self.steps_per_epoch + self.step
        warm = done >= self.config.warmup_steps
        if self.config.decay_from < 1:
            share = done / (self.config.epochs * self.steps_per_epoch)
            self.networks.set_learning_rates(learning_rates(self.config, share))
        prepared = self._augmented(batches)
        if self._graphed and warm and batches_in_all == 1 and world_size() == 1:
            ((label, photo),) = prepared
            return self._graphed(label, photo)
        return accumulated_step(
            self.networks,
            prepared,
            self.objective,
            batches_in_all,
            warm,
            self.discriminator_augment,
        )

    def _augmented(self, batches) -> Iterator[tuple[Tensor, Tensor]]:
        """Seed the random state for each batch, augment it and send it to the device."""
        for seed, label, photo in batches:
            _seed_generators(seed, self.device)
            label, photo = self.augment(label, photo)
            yield label.to(self.device), photo.to(self.device)

    def _finish_epoch(self, run: Run, guard: InterruptGuard) -> None:
        """Score the validation split; write the history, samples and checkpoints."""
        losses = self._mean_losses()
        self._check_weights()
        if self.networks.average is not None:
            measure_statistics(self.networks.average, self.data.train, self.config.batch_size)
        predict = generator_predictor(self.networks.final_generator)
        val_ssim = float(split_scores(predict, self.data.val).mean())
        if not math.isfinite(val_ssim):
            raise self._diverged(f"val_ssim is {val_ssim}")
        scores = {"val_ssim": val_ssim, **self._other_scores(predict)}
        is_kept = self.config.keep == "last" or all(
            val_ssim > past["val_ssim"] for past in self.history
        )
        seconds = round(self._seconds, 3)
        with guard.atomic():
            self.epoch, self.step = self.epoch + 1, 0
            self._losses, self._seconds = LossSums(), 0.0
            self.history.append({"epoch": self.epoch, **losses, **scores, "seconds": seconds})
            if is_main():
                grid = sample_grid(predict, self.data.val)
                with atomic_write(run.samples / f"epoch-{self.epoch:04d}.png") as temporary:
                    grid.save(temporary)
                run.write_history(self.history)
                if is_kept:
                    state = self.state()
                    best = {key: state[key] for key in BEST_KEYS}
                    best["generator"] = self.networks.final_generator.state_dict()
                    save_checkpoint(run.best_checkpoint, best)
            self._write(run)

    def _other_scores(self, predict: Predictor) -> dict[str, float]:
        """SSIM on train and test in the first and every `score_every`-th epoch, else nan.

        They are only recorded: nothing is chosen by them.
        """
        every = self.config.score_every
        if not every:
            return {}
        due = self.epoch == 0 or (self.epoch + 1) % every == 0
        return {
            f"{split}_ssim": float(split_scores(predict, self.data[split]).mean())
            if due
            else math.nan
            for split in ("train", "test")
        }

    def _save(self, run: Run) -> None:
        """Write a checkpoint within an epoch; raises UserError if the training has diverged."""
        self._mean_losses()
        self._check_weights()
        self._write(run)

    def _write(self, run: Run) -> None:
        if is_main():
            run.save_last(self.state())
        barrier()

    def _mean_losses(self) -> dict[str, float]:
        """Means over the finished steps of this epoch; raises UserError if one is not finite."""
        means = self._losses.means()
        wrong = [f"{name} is {mean}" for name, mean in means.items() if not math.isfinite(mean)]
        if wrong:
            raise self._diverged(", ".join(wrong))
        return means

    def _check_weights(self) -> None:
        """Raise UserError if any weight is not finite: no loss has seen the last update yet."""
        for name in ("generator", "discriminator"):
            tensors = getattr(self.networks, name).state_dict()
            finite = torch.stack([tensor.isfinite().all() for tensor in tensors.values()])
            wrong = [key for key, good in zip(tensors, finite.tolist(), strict=True) if not good]
            if wrong:
                raise self._diverged(f"the {name}'s {wrong[0]} is not finite")

    def _diverged(self, wrong: str) -> Diverged:
        reduced = self.networks.precision != "fp32"
        return Diverged(
            f"{wrong} in epoch {self.epoch + 1} by step {self.step}: training has diverged; try a "
            f"smaller learning rate than {self.config.learning_rate} (--set learning_rate=...)"
            f"{' or --set precision=fp32' if reduced else ''}; the checkpoints before it are kept"
        )

    def _progress(self, run: Run) -> Progress:
        epoch, step, losses = self.epoch, self.step, self._mean_losses()
        epochs, history = self.config.epochs, list(self.history)
        return Progress(run, epoch, epochs, step, self.steps_per_epoch, losses, history)


def _seed_generators(seed: int, device: torch.device) -> None:
    """`torch.manual_seed` for the CPU and this device alone, which takes microseconds."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def _seed(*numbers: int) -> int:
    """One seed from several numbers, below 2 ** 32: torch's CPU generator takes no larger one."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
