"""The training steps that are compared: as the two base repositories write them, and ours.

The reference steps use the same networks with torch's own convolutions, in float32, eagerly.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.losses import build_objective
from pix2pix_utils.training.step import Networks, graphed_step, training_step

REFERENCE_3 = "as [3] writes it"
REFERENCE_4 = "as [4] writes it"


def make_step(
    variant: str, image_size: int, width: int, device: torch.device
) -> Callable[[], object]:
    """One training step of the baseline on a fixed pair of random images."""
    precision = variant.partition(" ")[0] if variant[:2] in ("fp", "bf") else "fp32"
    networks = baseline_networks(image_size, width, device, precision)
    label, photo = torch.rand(2, 1, 3, image_size, image_size, device=device) * 2 - 1
    if variant.removesuffix(" eager") in (REFERENCE_3, REFERENCE_4):
        use_torchs_convolutions(networks)
        g, d = networks.generator, networks.discriminator
        g_optimizer, d_optimizer = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (g, d)
        )
        step = step_of_repository_3 if variant.startswith(REFERENCE_3) else step_of_repository_4
        return partial(step, g, d, g_optimizer, d_optimizer, label, photo)
    if device.type == "cuda":
        label = label.contiguous(memory_format=torch.channels_last)
        photo = photo.contiguous(memory_format=torch.channels_last)
    return partial(our_step(networks, eager=variant.endswith("eager")), label, photo)


def our_step(
    networks: Networks, eager: bool = False
) -> Callable[[Tensor, Tensor], dict[str, Tensor]]:
    """The baseline's training step of a label map and a photo, as a CUDA graph on a GPU."""
    objective = build_objective("bce", "l1", 100.0)
    if eager:
        return partial(training_step, networks, objective=objective)
    return graphed_step(networks, objective)


def step_of_repository_3(g, d, g_optimizer, d_optimizer, label: Tensor, photo: Tensor) -> None:
    """Runs the generator twice, and waits for each loss."""
    d.zero_grad()
    real, fake = d(label, photo), d(label, g(label))
    d_loss = (_bce(real, 1) + _bce(fake, 0)) * 0.5
    d_loss.backward()
    d_optimizer.step()
    d_loss.item()
    g.zero_grad()
    generated = g(label)
    g_loss = _bce(d(label, generated), 1) + 100 * F.l1_loss(generated, photo)
    g_loss.backward()
    g_optimizer.step()
    g_loss.item()


def step_of_repository_4(g, d, g_optimizer, d_optimizer, label: Tensor, photo: Tensor) -> None:
    """Runs the generator once, and the discriminator without its weights' gradients at the end."""
    generated = g(label)
    d.requires_grad_(True)
    d_optimizer.zero_grad()
    fake, real = d(label, generated.detach()), d(label, photo)
    ((_bce(fake, 0) + _bce(real, 1)) * 0.5).backward()
    d_optimizer.step()
    d.requires_grad_(False)
    g_optimizer.zero_grad()
    (_bce(d(label, generated), 1) + 100 * F.l1_loss(generated, photo)).backward()
    g_optimizer.step()


def _bce(scores: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))


def use_torchs_convolutions(networks: Networks) -> None:
    """Give both networks torch's own convolutions and memory layout."""
    for network in (networks.generator, networks.discriminator):
        for module in network.modules():
            for plain in (nn.Conv2d, nn.ConvTranspose2d):
                if isinstance(module, plain):
                    module.__class__ = plain
        network.to(memory_format=torch.contiguous_format)


def baseline_networks(
    image_size: int, width: int, device: torch.device, precision: str
) -> Networks:
    """The baseline's networks, always with the same initial weights."""
    settings = [f"image_size={image_size}", f"width={width}", f"precision={precision}"]
    torch.manual_seed(0)
    return Networks.build(configure("baseline", "full", 0, settings), device)
