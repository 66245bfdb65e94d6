"""The method: two networks, and the training step in which each learns from the other."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.acceleration.batch_norm import ordered_statistics
from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.acceleration.distributed import GradientSum, all_gather_batches
from pix2pix_utils.acceleration.graphs import GraphedStep
from pix2pix_utils.acceleration.precision import autocast, choose_precision
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import build_discriminator, build_generator
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.losses import AdversarialLoss, Objective


@dataclass(frozen=True)
class Networks:
    """The two networks, their optimisers, and the numeric precision."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    precision: str = "fp32"

    @classmethod
    def build(cls, config: Config, device: torch.device) -> "Networks":
        """New networks, initialised from torch's current random state, with an Adam each."""
        precision = choose_precision(config.precision, device)
        generator = build_generator(config.generator, config.image_size, config.width)
        discriminator = build_discriminator(config.discriminator, config.width)
        for network in (generator, discriminator):
            accelerate_on_cpu(network)
            if device.type == "cuda":  # the layout of the tensor cores; on a CPU it gains nothing
                network.to(memory_format=torch.channels_last)
        discriminator_rate = config.discriminator_learning_rate
        rates = (
            config.learning_rate,
            config.learning_rate if discriminator_rate is None else discriminator_rate,
        )
        generator_optimizer, discriminator_optimizer = (
            torch.optim.Adam(
                network.to(device).parameters(),
                lr=rate,
                betas=(config.beta1, config.beta2),
                fused=True,
                capturable=device.type == "cuda",
            )
            for network, rate in zip((generator, discriminator), rates, strict=True)
        )
        return cls(
            generator, discriminator, generator_optimizer, discriminator_optimizer, precision
        )

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

    @property
    def _parts(self) -> dict:
        names = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer")
        return {name: getattr(self, name) for name in names} | {"scaler": self.scaler}


def training_step(
    networks: Networks,
    label: Tensor,
    photo: Tensor,
    objective: Objective,
    generator_learns: bool = True,
) -> dict[str, Tensor]:
    """One update of the discriminator, then one of the generator (Isola et al. 2017, section 3).

    `label` and `photo`: (N, 3, S, S) in [-1, 1]. The generator runs once: both updates use the
    same generated photo. If not `generator_learns`, only the discriminator is updated. Returns the
    losses and the shares of real and of generated patches that the discriminator took for real, as
    detached scalars on the device.
    """
    return accumulated_step(networks, [(label, photo)], objective, 1, generator_learns)


def graphed_step(networks: Networks, objective: Objective) -> GraphedStep:
    """`training_step` of a label map and a photo, as a CUDA graph on a GPU."""
    return GraphedStep(
        partial(training_step, networks, objective=objective),
        modules=(networks.generator, networks.discriminator),
        optimizers=(networks.generator_optimizer, networks.discriminator_optimizer),
        eager_only=networks.precision == "fp16",  # its loss scale may skip an update
    )


def accumulated_step(
    networks: Networks,
    batches: Iterable[tuple[Tensor, Tensor]],
    objective: Objective,
    batches_in_all: int,
    generator_learns: bool = True,
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
    triples = []
    with ordered_statistics(networks.generator, batches_in_all):
        for label, photo in batches:
            with autocast(networks.precision, networks.device):
                generated = networks.generator(label)
            triples.append((label, photo, generated.float()))
    measured: Measured = {}
    if objective.adversarial:
        loss = objective.adversarial
        measured |= _update_discriminator(networks, triples, loss, batches_in_all)
    if generator_learns:
        measured |= _update_generator(networks, triples, objective, batches_in_all)
    networks.scaler.update()
    return _summed(measured, batches_in_all)


Triples = list[tuple[Tensor, Tensor, Tensor]]  # label maps, photos, generated photos per batch
Measured = dict[str, list[Tensor]]  # each loss or share, per batch


def _update_discriminator(
    networks: Networks, triples: Triples, loss: AdversarialLoss, batches_in_all: int
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
        for label, photo, generated in triples:
            with autocast(networks.precision, networks.device):
                real_scores = discriminator(label, photo)
                # detach(): nothing of this loss reaches the generator
                fake_scores = discriminator(label, generated.detach())
            real_scores, fake_scores = real_scores.float(), fake_scores.float()
            discriminator_loss = 0.5 * (loss(real_scores, True) + loss(fake_scores, False))
            networks.scaler.scale(discriminator_loss / batches_in_all).backward()
            gradients.add()
            real_taken_for_real = (real_scores > loss.threshold).float().mean()
            fake_taken_for_real = (fake_scores > loss.threshold).float().mean()
            measured["discriminator_loss"].append(discriminator_loss.detach())
            measured["real_taken_for_real"].append(real_taken_for_real)
            measured["fake_taken_for_real"].append(fake_taken_for_real)
    gradients.finish()
    networks.scaler.step(networks.discriminator_optimizer)
    return measured


def _update_generator(
    networks: Networks, triples: Triples, objective: Objective, batches_in_all: int
) -> Measured:
    """Learn to fool the updated discriminator, and to stay close to the photo."""
    discriminator = networks.discriminator
    measured: Measured = defaultdict(list)
    gradients = GradientSum(networks.generator, batches_in_all)
    networks.generator_optimizer.zero_grad()
    # the gradient passes through the discriminator, whose weights need none
    discriminator.requires_grad_(False)
    with ordered_statistics(discriminator, batches_in_all):
        for label, photo, generated in triples:
            generator_loss = objective.alpha * objective.distance(generated, photo)
            if objective.adversarial:
                with autocast(networks.precision, networks.device):
                    scores = discriminator(label, generated)
                generator_loss = generator_loss + objective.adversarial(scores.float(), True)
            networks.scaler.scale(generator_loss / batches_in_all).backward()
            gradients.add()
            measured["generator_loss"].append(generator_loss.detach())
            measured["l1"].append(F.l1_loss(generated.detach(), photo))
    discriminator.requires_grad_(True)
    gradients.finish()
    networks.scaler.step(networks.generator_optimizer)
    return measured


def _summed(measured: Measured, batches_in_all: int) -> dict[str, Tensor]:
    """Each value summed over the batches of all processes, in the order of the batches."""
    values = torch.stack([torch.stack(values) for values in measured.values()], dim=1)
    values = all_gather_batches(values, batches_in_all)  # (batches, names)
    return dict(zip(measured, sum(values, torch.zeros_like(values[0])), strict=True))
