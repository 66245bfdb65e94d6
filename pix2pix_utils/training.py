"""Training pix2pix: one step, one epoch, one run.

Read it from top to bottom: `training_step` is the method, `Trainer` repeats it and keeps what is
needed to go on after an interruption, `train` turns a configuration into a finished run folder.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.utils import make_grid
from tqdm.auto import tqdm

from pix2pix_utils.augment import build_augmentation
from pix2pix_utils.config import Config
from pix2pix_utils.data import StreetData, StreetPairs, to_uint8
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import generator_predictor, ssim_scores, summarize
from pix2pix_utils.interrupts import InterruptGuard
from pix2pix_utils.losses import AdversarialLoss, Objective, build_objective
from pix2pix_utils.models import build_discriminator, build_generator, freeze_backbone
from pix2pix_utils.runs import Run, load_checkpoint, save_checkpoint
from pix2pix_utils.sources import SPLITS

SECONDS_BETWEEN_CHECKPOINTS = 60  # within an epoch; the end of an epoch always writes one
SECONDS_BETWEEN_READINGS = 0.5  # of the losses for the progress bar: reading waits for the device
RANDOM_START = {"generator": "random weights", "discriminator": "random weights"}
SAMPLES = 4  # validation scenes in the sample grid


@dataclass(frozen=True)
class Networks:
    """The two players and their optimisers."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer

    @classmethod
    def build(cls, config: Config, device: torch.device) -> "Networks":
        """Freshly initialised from torch's current random state, with an Adam each."""
        generator = build_generator(config.generator, config.image_size, config.width).to(device)
        discriminator = build_discriminator(config.discriminator, config.width).to(device)
        generator_optimizer, discriminator_optimizer = (
            torch.optim.Adam(
                network.parameters(),
                lr=config.learning_rate,
                betas=(config.beta1, config.beta2),
                fused=True,
            )
            for network in (generator, discriminator)
        )
        return cls(generator, discriminator, generator_optimizer, discriminator_optimizer)

    def state_dict(self) -> dict:
        return {name: part.state_dict() for name, part in vars(self).items()}

    def load_state_dict(self, state: dict) -> None:
        for name, part in vars(self).items():
            part.load_state_dict(state[name])


def training_step(
    networks: Networks,
    label: Tensor,
    photo: Tensor,
    objective: Objective,
    generator_learns: bool = True,
) -> dict[str, Tensor]:
    """One update of the discriminator, then one of the generator (Isola et al. 2017, section 3).

    `label` and `photo`: (N, 3, S, S) in [-1, 1]. The generator runs once: both updates judge the
    same photo. Returns the losses and the shares of real and of generated patches that the
    discriminator took for real, as detached scalars on the device.
    """
    generated = networks.generator(label)
    measured = {}
    if objective.adversarial:
        measured |= _update_discriminator(networks, label, photo, generated, objective.adversarial)
    if generator_learns:
        measured |= _update_generator(networks, label, photo, generated, objective)
    return measured


def _update_discriminator(
    networks: Networks, label: Tensor, photo: Tensor, generated: Tensor, loss: AdversarialLoss
) -> dict[str, Tensor]:
    """Learn to tell real pairs from generated ones."""
    discriminator = networks.discriminator
    real_scores = discriminator(label, photo)
    # detach(): nothing of this loss reaches the generator
    fake_scores = discriminator(label, generated.detach())
    # halved, so that the discriminator learns at half the generator's pace
    discriminator_loss = 0.5 * (loss(real_scores, True) + loss(fake_scores, False))
    networks.discriminator_optimizer.zero_grad()
    discriminator_loss.backward()
    networks.discriminator_optimizer.step()
    return {
        "discriminator_loss": discriminator_loss.detach(),
        "real_taken_for_real": (real_scores.detach() > loss.threshold).float().mean(),
        "fake_taken_for_real": (fake_scores.detach() > loss.threshold).float().mean(),
    }


def _update_generator(
    networks: Networks, label: Tensor, photo: Tensor, generated: Tensor, objective: Objective
) -> dict[str, Tensor]:
    """Learn to be taken for real by the improved discriminator, and to stay close to the photo."""
    generator_loss = objective.alpha * objective.distance(generated, photo)
    if objective.adversarial:
        # the gradient passes through the discriminator, whose weights need none
        networks.discriminator.requires_grad_(False)
        scores = networks.discriminator(label, generated)
        generator_loss = generator_loss + objective.adversarial(scores, True)
        networks.discriminator.requires_grad_(True)
    networks.generator_optimizer.zero_grad()
    generator_loss.backward()
    networks.generator_optimizer.step()
    return {
        "generator_loss": generator_loss.detach(),
        "l1": F.l1_loss(generated.detach(), photo),
    }


def epoch_order(pairs: int, seed: int, epoch: int) -> Tensor:
    """The order of the pairs in an epoch: a function of seed and epoch alone."""
    return torch.randperm(pairs, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


class Trainer:
    """Repeats the training step, and can be stopped and resumed between any two steps."""

    def __init__(self, config: Config, data: StreetData, device: torch.device):
        self.config, self.data, self.device = config, data, device
        self.objective = build_objective(config.adversarial_loss, config.distance, config.alpha)
        self.augment = build_augmentation(config.augmentation)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.networks = Networks.build(config, device)
            if config.freeze_backbone:
                freeze_backbone(self.networks.generator)
            self._random_state = _random_state(device)
        self.epoch = 0  # finished epochs
        self.step = 0  # finished steps of the current epoch
        self.history: list[dict] = []
        self.started_from: dict = dict(RANDOM_START)
        # of the current epoch: sum, and the number of steps that had this loss
        self._loss_sums: dict[str, tuple[Tensor, int]] = {}
        self._seconds = 0.0  # spent in the current epoch
        # cuDNN's fastest backward passes add up in a different order every time
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.data.train) // self.config.batch_size)  # the last batch may be smaller

    def state(self) -> dict:
        """Everything that the rest of the training depends on, for `save_checkpoint`."""
        return {
            "config": self.config.to_dict(),
            "palette": self.data.palette.to_dict(),
            **self.networks.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "history": self.history,
            "started_from": self.started_from,
            "loss_sums": self._loss_sums,
            "seconds": self._seconds,
            "random_state": _random_state(self.device),
        }

    def load_state(self, state: dict) -> None:
        """Go on from `state`; raises UserError if it belongs to another configuration."""
        for key, value in self.config.to_dict().items():
            if state["config"].get(key) != value:
                raise UserError(
                    f"the checkpoint was trained with {key}={state['config'].get(key)}, "
                    f"but this run has {key}={value}"
                )
        self.networks.load_state_dict(state)
        self.epoch, self.step = state["epoch"], state["step"]
        self.history, self.started_from = state["history"], state["started_from"]
        self._loss_sums, self._seconds = state["loss_sums"], state["seconds"]
        self._random_state = state["random_state"]

    def fit(self, run: Run, progress: bool = True) -> None:
        """Train to the configured number of epochs, writing history, samples and checkpoints.

        On Ctrl-C, a notebook's stop button or SIGTERM it finishes the step, writes a checkpoint
        and raises `Interrupted`.
        """
        pairs = len(self.data.train)
        done = self.epoch * pairs + min(self.step * self.config.batch_size, pairs)
        with (
            InterruptGuard() as guard,
            torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []),
            tqdm(
                desc=self.config.experiment,
                total=self.config.epochs * pairs,
                initial=done,
                unit="img",
                disable=not progress,
            ) as bar,
        ):
            _set_random_state(self._random_state, self.device)
            try:
                while self.epoch < self.config.epochs:
                    self._finish_steps(run, guard, bar)
                    self._finish_epoch(run, guard)
            except KeyboardInterrupt:
                with guard.atomic():
                    save_checkpoint(run.last_checkpoint, self.state())
                raise

    def _finish_steps(self, run: Run, guard: InterruptGuard, bar: tqdm) -> None:
        """Do the remaining steps of the current epoch."""
        config, train = self.config, self.data.train
        self.networks.generator.train()
        self.networks.discriminator.train()
        order = epoch_order(len(train), config.seed, self.epoch)
        read_at = saved_at = clock = time.monotonic()
        while self.step < self.steps_per_epoch:
            start = self.step * config.batch_size
            batch = train.batch(order[start : start + config.batch_size].tolist())
            warm = self.epoch * self.steps_per_epoch + self.step >= config.warmup_steps
            with guard.atomic():  # from here on random numbers are drawn
                label, photo = self.augment(batch["label"], batch["photo"])
                label, photo = label.to(self.device), photo.to(self.device)
                losses = training_step(self.networks, label, photo, self.objective, warm)
                for name, value in losses.items():
                    total, steps = self._loss_sums.get(name, (0, 0))
                    self._loss_sums[name] = (total + value, steps + 1)
                self.step += 1
                now = time.monotonic()
                self._seconds, clock = self._seconds + now - clock, now
            bar.update(len(label))
            if now - read_at > SECONDS_BETWEEN_READINGS:
                self._show(bar)
                read_at = now
            if now - saved_at > SECONDS_BETWEEN_CHECKPOINTS:
                self._mean_losses()  # raises rather than save a run that went wrong
                with guard.atomic():
                    save_checkpoint(run.last_checkpoint, self.state())
                saved_at = time.monotonic()

    def _finish_epoch(self, run: Run, guard: InterruptGuard) -> None:
        """Score the validation split and write what the epoch leaves behind."""
        losses = self._mean_losses()
        generator = self.networks.generator
        predict = generator_predictor(generator)
        val_ssim = float(ssim_scores(predict, self.data.val).mean())
        is_best = all(val_ssim > past["val_ssim"] for past in self.history)
        samples = sample_grid(predict, self.data.val)
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
            samples.save(run.samples / f"epoch-{self.epoch:04d}.png")
            run.write_history(self.history)
            state = self.state()
            if is_best:
                kept = ("config", "palette", "generator", "discriminator", "epoch")
                save_checkpoint(run.best_checkpoint, {key: state[key] for key in kept})
            save_checkpoint(run.last_checkpoint, state)

    def _mean_losses(self) -> dict[str, float]:
        """Means over the finished steps of this epoch; raises UserError if one is not finite."""
        means = {name: float(total) / steps for name, (total, steps) in self._loss_sums.items()}
        wrong = [f"{name} is {mean}" for name, mean in means.items() if mean - mean != 0]
        if wrong:
            raise UserError(
                f"{', '.join(wrong)} in epoch {self.epoch + 1} by step {self.step}: training has "
                f"diverged; try a smaller learning rate than {self.config.learning_rate} "
                "(--set learning_rate=...)"
            )
        return means

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


def train(
    config: Config,
    data: StreetData,
    output: Path,
    device: torch.device,
    progress: bool = True,
    prepare: Callable[[Networks], dict] | None = None,
) -> Run:
    """The finished run of this configuration below `output/runs`: loaded, resumed or trained.

    `prepare` may put trained weights into the fresh networks; what it returns goes into the
    result, as the word on where they came from. Validation SSIM chooses the epoch; the result then
    scores that checkpoint on all three splits.
    """
    run = Run.create(output, config, data)
    if run.is_finished:
        return run
    with run.locked():
        run.write_environment(device)
        trainer = Trainer(config, data, device)
        if run.last_checkpoint.is_file():
            trainer.load_state(load_checkpoint(run.last_checkpoint, device))
        elif prepare:
            trainer.started_from = prepare(trainer.networks)
        trainer.fit(run, progress)
        best = load_checkpoint(run.best_checkpoint, device)
        trainer.networks.generator.load_state_dict(best["generator"])
        _write_result(run, trainer, best["epoch"])
    return run


def _write_result(run: Run, trainer: Trainer, best_epoch: int) -> None:
    scores, summary = [], {"eval": {}, "train": {}}
    for inference in summary:
        predict = generator_predictor(trainer.networks.generator, inference)
        for split in SPLITS:
            pairs = trainer.data[split]
            values = ssim_scores(predict, pairs)
            summary[inference][split] = summarize(values)
            scores += [
                {"inference": inference, "split": split, "name": name, "ssim": f"{value:.6f}"}
                for name, value in zip(pairs.names, values, strict=True)
            ]
    run.write_scores(scores)
    run.write_result(
        {
            "experiment": run.config.experiment,
            "dataset": trainer.data.name,
            "started_from": trainer.started_from,
            "best_epoch": best_epoch,
            "ssim": summary,
            "train_seconds": round(sum(epoch["seconds"] for epoch in trainer.history), 1),
            "generator_parameters": _count(trainer.networks.generator),
            "discriminator_parameters": _count(trainer.networks.discriminator),
        }
    )


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def sample_grid(predict, pairs: StreetPairs) -> Image.Image:
    """Label maps, generated photos and real photos of evenly spaced scenes, one row each."""
    count = min(SAMPLES, len(pairs))
    batch = pairs.batch([index * len(pairs) // count for index in range(count)])
    rows = torch.cat([batch["label"], predict(batch).cpu(), batch["photo"]])
    return Image.fromarray(to_uint8(make_grid(rows, nrow=count, pad_value=1.0)))


def _random_state(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
