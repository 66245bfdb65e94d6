"""The steps that are compared: as the two base repositories write them, and ours.

The references have the same networks with torch's own convolutions, in float32, eagerly.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.acceleration.graphs import GraphedStep
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.losses import build_objective
from pix2pix_utils.training.step import Networks, training_step

Step = Callable[[], object]
BCE = F.binary_cross_entropy_with_logits
REFERENCE_3 = "as [3] writes it"
REFERENCE_4 = "as [4] writes it"


def make_step(variant: str, image_size: int, width: int, device: torch.device) -> Step:
    """One training step of the baseline on a fixed pair of random images."""
    precision = variant.partition(" ")[0] if variant[:2] in ("fp", "bf") else "fp32"
    networks = networks_of_baseline(image_size, width, device, precision)
    label, photo = torch.rand(2, 1, 3, image_size, image_size, device=device) * 2 - 1
    if variant.removesuffix(" eager") in (REFERENCE_3, REFERENCE_4):
        return _reference_step(variant, networks, label, photo)
    if device.type == "cuda":
        label = label.contiguous(memory_format=torch.channels_last)
        photo = photo.contiguous(memory_format=torch.channels_last)
    return partial(our_step(networks, eager=variant.endswith("eager")), label, photo)


def our_step(
    networks: Networks, eager: bool = False
) -> Callable[[Tensor, Tensor], dict[str, Tensor]]:
    """The baseline's training step of a label map and a photo, on a GPU as a graph."""
    objective = build_objective("bce", "l1", 100.0)
    if networks.device.type == "cuda" and not eager:
        return GraphedStep(networks, objective)
    return partial(training_step, networks, objective=objective)


def _reference_step(variant: str, networks: Networks, label: Tensor, photo: Tensor) -> Step:
    use_torchs_convolutions(networks)
    g, d = networks.generator, networks.discriminator
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (g, d)
    )

    def judged(scores: Tensor, real: float) -> Tensor:
        return BCE(scores, torch.full_like(scores, real))

    def as_repository_3_writes_it() -> None:
        d.zero_grad()
        real, fake = d(label, photo), d(label, g(label))
        d_loss = (judged(real, 1) + judged(fake, 0)) * 0.5
        d_loss.backward()
        d_optimizer.step()
        d_loss.item()
        g.zero_grad()
        generated = g(label)
        g_loss = judged(d(label, generated), 1) + 100 * F.l1_loss(generated, photo)
        g_loss.backward()
        g_optimizer.step()
        g_loss.item()

    def as_repository_4_writes_it() -> None:
        generated = g(label)
        d.requires_grad_(True)
        d_optimizer.zero_grad()
        fake, real = d(label, generated.detach()), d(label, photo)
        ((judged(fake, 0) + judged(real, 1)) * 0.5).backward()
        d_optimizer.step()
        d.requires_grad_(False)
        g_optimizer.zero_grad()
        (judged(d(label, generated), 1) + 100 * F.l1_loss(generated, photo)).backward()
        g_optimizer.step()

    return (
        as_repository_3_writes_it if variant.startswith(REFERENCE_3) else as_repository_4_writes_it
    )


def use_torchs_convolutions(networks: Networks) -> None:
    """Let both networks have torch's own convolutions, and torch's own layout."""
    for network in (networks.generator, networks.discriminator):
        for module in network.modules():
            for plain in (nn.Conv2d, nn.ConvTranspose2d):
                if isinstance(module, plain):
                    module.__class__ = plain
        network.to(memory_format=torch.contiguous_format)


def networks_of_baseline(
    image_size: int, width: int, device: torch.device, precision: str
) -> Networks:
    """The baseline's, always from the same initial weights."""
    settings = [f"image_size={image_size}", f"width={width}", f"precision={precision}"]
    torch.manual_seed(0)
    return Networks.build(configure("baseline", "full", 0, settings), device)
