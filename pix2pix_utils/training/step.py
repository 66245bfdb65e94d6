"""The method: two networks, and the training step in which each learns from the other."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from pix2pix_utils.acceleration.batch_norm import ordered_statistics
from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.acceleration.distributed import GradientSum, all_gather_batches
from pix2pix_utils.acceleration.graphs import GraphedStep
from pix2pix_utils.acceleration.precision import autocast, choose_precision
from pix2pix_utils.errors import UserError
from pix2pix_utils.losses.adversarial import AdversarialLoss
from pix2pix_utils.losses.objective import Objective
from pix2pix_utils.models import build_discriminator, build_generator
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.discriminator_augmentation import DiscriminatorAugmentation


@dataclass(frozen=True)
class Networks:
    """The two networks, their optimisers, and the numeric precision.

    `average` is a second generator whose weights are the moving average of the first one's, and
    whose photos are better than those of any single step (Karras et al. 2018). It is None unless
    the configuration has an `average_decay`.
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    precision: str = "fp32"
    average: nn.Module | None = None
    average_decay: float = 0.0

    @classmethod
    def build(
        cls, config: Config, device: torch.device, colors: Tensor | None = None
    ) -> "Networks":
        """New networks, initialised from torch's current random state, with an Adam each.

        `colors`: the palette's colours, (C, 3) in [-1, 1]. Without them, the networks can only see
        the label maps' own colours (`label_input="rgb"`).
        """
        precision = choose_precision(config.precision, device)
        generator = build_generator(
            config.generator, config.image_size, config.width, config.label_input, colors
        )
        discriminator = build_discriminator(
            config.discriminator, config.width, config.label_input, colors
        )
        for network in (generator, discriminator):
            accelerate_on_cpu(network)
            if device.type == "cuda":  # the layout of the tensor cores; on a CPU it gains nothing
                network.to(memory_format=torch.channels_last)
            network.to(device)
        generator_rate, discriminator_rate = base_learning_rates(config)
        adam = partial(
            torch.optim.Adam,
            betas=(config.beta1, config.beta2),
            fused=True,
            capturable=device.type == "cuda",
        )
        average = None
        if config.average_decay:
            average = copy.deepcopy(generator).eval().requires_grad_(False)
        return cls(
            generator,
            discriminator,
            adam(generator.parameters(), lr=generator_rate),
            adam(discriminator.parameters(), lr=discriminator_rate),
            precision,
            average,
            config.average_decay,
        )

    @property
    def final_generator(self) -> nn.Module:
        """The generator that is validated and kept: the average if there is one."""
        return self.generator if self.average is None else self.average

    def restart_average(self) -> None:
        """Let the average begin with the generator's present weights."""
        if self.average is not None:
            self.average.load_state_dict(self.generator.state_dict())

    def update_average(self) -> None:
        """Move the average's weights towards the generator's, after a step.

        Batch norm's running statistics are no weights: those of the generator do not fit the
        average's features. `validation.measure_statistics` measures them when they are needed.
        """
        if self.average is not None:
            weights, new = list(self.average.parameters()), list(self.generator.parameters())
            get_ema_multi_avg_fn(self.average_decay)(weights, new, None)

    def set_learning_rates(self, rates: tuple[float, float]) -> None:
        """Set the learning rates of the generator and the discriminator."""
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        for optimizer, rate in zip(optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                if self.device.type != "cuda":
                    group["lr"] = rate
                elif isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)  # in place: a CUDA graph reads this tensor
                else:
                    group["lr"] = torch.tensor(rate, device=self.device)

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    @cached_property
    def scaler(self) -> torch.amp.GradScaler:
        """Scales the losses in fp16; is a no-op in other precisions."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def state_dict(self) -> dict:
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            for group in optimizer.param_groups:  # the checkpoint may be another device's
                group["capturable"] = self.device.type == "cuda"
                group["lr"] = float(group["lr"])

    @property
    def _parts(self) -> dict:
        names = ["generator", "discriminator", "generator_optimizer", "discriminator_optimizer"]
        if self.average is not None:
            names.append("average")
        return {name: getattr(self, name) for name in names} | {"scaler": self.scaler}


def base_learning_rates(config: Config) -> tuple[float, float]:
    """The learning rates of the generator and the discriminator before any decay."""
    rate = config.discriminator_learning_rate
    return config.learning_rate, config.learning_rate if rate is None else rate


def learning_rates(config: Config, done: float) -> tuple[float, float]:
    """The learning rates of both networks when a share `done` in [0, 1) of the training is done.

    Constant up to `decay_from`, then falling linearly to 0 at the end, as in
    pytorch-CycleGAN-and-pix2pix, where it is one half.
    """
    left = 1.0 if done < config.decay_from else (1 - done) / (1 - config.decay_from)
    generator_rate, discriminator_rate = base_learning_rates(config)
    return generator_rate * left, discriminator_rate * left


def training_step(
    networks: Networks,
    label: Tensor,
    photo: Tensor,
    objective: Objective,
    generator_learns: bool = True,
    augment: DiscriminatorAugmentation | None = None,
) -> dict[str, Tensor]:
    """One update of the discriminator, then one of the generator (Isola et al. 2017, section 3).

    `label` and `photo`: (N, 3, S, S) in [-1, 1]. The generator runs once: both updates use the
    same generated photo. If not `generator_learns`, only the discriminator is updated. `augment`
    changes what the discriminator sees, real and generated pairs alike. Returns the losses and the
    shares of real and of generated patches that the discriminator took for real, as detached
    scalars on the device.
    """
    return accumulated_step(networks, [(label, photo)], objective, 1, generator_learns, augment)


def graphed_step(
    networks: Networks, objective: Objective, augment: DiscriminatorAugmentation | None = None
) -> GraphedStep:
    """`training_step` of a label map and a photo, as a CUDA graph on a GPU."""
    modules = [networks.generator, networks.discriminator]
    if networks.average is not None:
        modules.append(networks.average)
    return GraphedStep(
        partial(training_step, networks, objective=objective, augment=augment),
        modules=modules,
        optimizers=(networks.generator_optimizer, networks.discriminator_optimizer),
        eager_only=networks.precision == "fp16",  # its loss scale may skip an update
    )


def accumulated_step(
    networks: Networks,
    batches: Iterable[tuple[Tensor, Tensor]],
    objective: Objective,
    batches_in_all: int,
    generator_learns: bool = True,
    augment: DiscriminatorAugmentation | None = None,
) -> dict[str, Tensor]:
    """The training step on several batches: one update of each network by their mean gradient.

    Batch norm's statistics are those of each batch. `batches` are this process's `even_shard` of
    the `batches_in_all` batches. Returns what `training_step` does, summed over all of them. Raises
    UserError if neither network would learn.
    """
    if not (objective.adversarial or generator_learns):
        raise UserError(
            "nothing learns in this step: without an adversarial loss the discriminator does not, "
            "so the generator must"
        )
    translated = []
    with ordered_statistics(networks.generator, batches_in_all):
        for label, photo in batches:
            with autocast(networks.precision, networks.device):
                generated = networks.generator(label)
            translated.append(_Translated.of(label, photo, generated.float(), augment))
    measured: Measured = {}
    if objective.adversarial:
        loss = objective.adversarial
        measured |= _update_discriminator(networks, translated, loss, batches_in_all)
    if generator_learns:
        measured |= _update_generator(networks, translated, objective, batches_in_all)
        networks.update_average()
    networks.scaler.update()
    return _summed(measured, batches_in_all)


Pairs = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # label map and photo to another pair


@dataclass(frozen=True)
class _Translated:
    """A batch, what the generator made of it, and how the discriminator will see both.

    The augmentations' random numbers are drawn when the batch is translated, since the random state
    was set for this batch.
    """

    label: Tensor
    photo: Tensor
    generated: Tensor
    real_view: Pairs
    generated_view: Pairs

    @classmethod
    def of(
        cls,
        label: Tensor,
        photo: Tensor,
        generated: Tensor,
        augment: DiscriminatorAugmentation | None,
    ) -> "_Translated":
        if augment is None:
            return cls(label, photo, generated, _unchanged, _unchanged)
        views = [partial(augment.apply, augment.draw(photo)) for _ in range(2)]
        return cls(label, photo, generated, *views)


def _unchanged(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    return label, photo


Measured = dict[str, list[Tensor]]  # each loss or share, per batch


def _update_discriminator(
    networks: Networks, translated: list[_Translated], loss: AdversarialLoss, batches_in_all: int
) -> Measured:
    """Learn to tell real pairs from generated ones.

    The loss is halved as in the paper's code. Under Adam that does nothing, as would any constant
    factor: the update is a ratio of gradients, in which the factor cancels (but for Adam's
    epsilon). To slow the discriminator, lower `discriminator_learning_rate`.
    """
    discriminator = networks.discriminator
    measured: Measured = defaultdict(list)
    gradients = GradientSum(discriminator, batches_in_all)
    networks.discriminator_optimizer.zero_grad()
    with ordered_statistics(discriminator, batches_in_all):
        for batch in translated:
            # detach(): nothing of this loss reaches the generator
            fake_pair = batch.generated_view(batch.label, batch.generated.detach())
            with autocast(networks.precision, networks.device):
                real_scores = discriminator(*batch.real_view(batch.label, batch.photo))
                fake_scores = discriminator(*fake_pair)
            real_scores, fake_scores = real_scores.float(), fake_scores.float()
            real_loss = loss.discriminator(real_scores, True)
            fake_loss = loss.discriminator(fake_scores, False)
            discriminator_loss = 0.5 * (real_loss + fake_loss)
            networks.scaler.scale(discriminator_loss / batches_in_all).backward()
            gradients.add()
            measured["discriminator_loss"].append(discriminator_loss.detach())
            measured["real_taken_for_real"].append(loss.taken_for_real(real_scores.detach()))
            measured["fake_taken_for_real"].append(loss.taken_for_real(fake_scores.detach()))
    gradients.finish()
    networks.scaler.step(networks.discriminator_optimizer)
    return measured


def _update_generator(
    networks: Networks, translated: list[_Translated], objective: Objective, batches_in_all: int
) -> Measured:
    """Learn to fool the updated discriminator, and to stay close to the photo."""
    discriminator = networks.discriminator
    measured: Measured = defaultdict(list)
    gradients = GradientSum(networks.generator, batches_in_all)
    networks.generator_optimizer.zero_grad()
    # the gradient passes through the discriminator, whose weights need none
    discriminator.requires_grad_(False)
    with ordered_statistics(discriminator, batches_in_all):
        for batch in translated:
            generator_loss = objective.reconstruction(batch.generated, batch.photo)
            if objective.adversarial:
                loss = _adversarial_loss(networks, batch, objective)
                generator_loss = generator_loss + loss
            networks.scaler.scale(generator_loss / batches_in_all).backward()
            gradients.add()
            measured["generator_loss"].append(generator_loss.detach())
            measured["l1"].append(F.l1_loss(batch.generated.detach(), batch.photo))
    discriminator.requires_grad_(True)
    gradients.finish()
    networks.scaler.step(networks.generator_optimizer)
    return measured


def _adversarial_loss(networks: Networks, batch: _Translated, objective: Objective) -> Tensor:
    """What the discriminator's scores and features say against the generated photos."""
    assert objective.adversarial
    discriminator: Any = networks.discriminator  # has `features`, which nn.Module does not know
    fake_pair = batch.generated_view(batch.label, batch.generated)
    if not objective.feature_weight:
        with autocast(networks.precision, networks.device):
            scores = discriminator(*fake_pair)
        return objective.adversarial.generator(scores.float())
    real_pair = batch.generated_view(batch.label, batch.photo)  # augmented alike: comparable
    with autocast(networks.precision, networks.device):
        fake_features = discriminator.features(*fake_pair)
        with torch.no_grad():
            real_features = discriminator.features(*real_pair)
    loss = objective.adversarial.generator(fake_features[-1].float())
    return loss + objective.feature_matching(real_features, fake_features)


def _summed(measured: Measured, batches_in_all: int) -> dict[str, Tensor]:
    """Each value summed over the batches of all processes, in the order of the batches."""
    values = torch.stack([torch.stack(values) for values in measured.values()], dim=1)
    values = all_gather_batches(values, batches_in_all)  # (batches, names)
    return dict(zip(measured, sum(values, torch.zeros_like(values[0])), strict=True))
