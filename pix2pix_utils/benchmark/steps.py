"""Times the training step as the two base repositories write it, and ours, and compares losses.

The reference steps use the same networks with torch's own convolutions, in float32, eagerly.
"""

import copy
import multiprocessing
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from pix2pix_utils.acceleration.memory import reuse_freed_memory
from pix2pix_utils.benchmark.machine import peak_of_this_process, seconds_of
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.step import Networks, graphed_step, training_step

REFERENCE_3 = "as [3] writes it"
REFERENCE_4 = "as [4] writes it"

Step = Callable[[Tensor, Tensor], Mapping[str, Tensor]]


class Measurements(NamedTuple):
    """The measurements of one variant."""

    median_seconds: float  # of a step
    peak_memory_bytes: int | None  # see `peak_of_this_process`
    flops: int  # of one step
    bytes_moved: int  # read and written by the operations of one step


def time_steps(
    variants: list[str], image_size: int, width: int, repeats: int, device: torch.device
) -> dict[str, Measurements]:
    """Measure `repeats` steps of each variant, after two to warm up.

    Each variant runs in a process with its own memory. The processes take turns, one step at a
    time, so that noise on the machine affects all equally.
    """
    context = multiprocessing.get_context("spawn")
    ends = {}
    for name in variants:
        ends[name], end = context.Pipe()
        arguments = (end, name, image_size, width, device, torch.get_num_threads())
        context.Process(target=_step_on_call, args=arguments, daemon=True).start()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in tqdm(range(repeats + 2), "steps", unit="round"):
        for name, end in ends.items():
            end.send("step")
            seconds[name].append(end.recv())
    measured = {}
    for name, end in ends.items():
        end.send("end")
        measured[name] = Measurements(float(np.median(seconds[name][2:])), *end.recv())
    for process in multiprocessing.active_children():
        process.join()
    return measured


def _step_on_call(
    end: Connection, variant: str, image_size: int, width: int, device: torch.device, threads: int
) -> None:
    """Answer each "step" with its seconds, and "end" with the other measurements."""
    torch.set_num_threads(threads)
    if variant not in (REFERENCE_3, REFERENCE_4):
        reuse_freed_memory()  # as `train` does
    step = make_step(variant, image_size, width, device)
    while end.recv() == "step":
        end.send(seconds_of(step, device))
    peak = peak_of_this_process(device)
    # a CUDA graph hides its operations, so they are counted in the eager step
    eager = make_step(variant, image_size, width, device, eager=True)
    with FlopCounterMode(display=False) as flops, ByteCounter() as traffic:
        eager()
    end.send((peak, flops.get_total_flops(), traffic.total))


class ByteCounter(TorchDispatchMode):
    """Counts the bytes that every operation reads and writes; views count as none."""

    total = 0

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        result = operation(*arguments, **(options or {}))
        if not operation.is_view:
            moved = tree_leaves((arguments, options, result))
            self.total += sum(part.nbytes for part in moved if isinstance(part, Tensor))
        return result


def step_rows(
    measured: Mapping[str, Measurements], rates: Mapping[str, float], bandwidth: float
) -> list[dict]:
    """One record per variant: time, speed-up over the references, share of the roofline, memory.

    The roofline is the time of the arithmetic at the rate of a matrix product, or of the memory
    traffic at the rate of a copy, whichever is longer.
    """
    rows = []
    for name, found in measured.items():
        median = found.median_seconds
        arithmetic = found.flops / rates["bf16" if name[:4] in ("bf16", "fp16") else "fp32"]
        rows.append(
            {
                "step": name,
                **found._asdict(),
                "images_per_second": 1 / median,
                "times_as_fast_as_3": measured[REFERENCE_3].median_seconds / median,
                "times_as_fast_as_4": measured[REFERENCE_4].median_seconds / median,
                "share_of_matrix_product_rate": arithmetic / median,
                "share_of_roofline": max(arithmetic, found.bytes_moved / bandwidth) / median,
            }
        )
    return rows


def make_step(
    variant: str, image_size: int, width: int, device: torch.device, eager: bool = False
) -> Callable[[], object]:
    """One training step of the baseline on a fixed pair of random images."""
    reference = {REFERENCE_3: step_of_repository_3, REFERENCE_4: step_of_repository_4}.get(variant)
    precision = "fp32" if reference else variant.split()[0]
    networks = baseline_networks(image_size, width, device, precision, plain=reference is not None)
    label, photo = torch.rand(2, 1, 3, image_size, image_size, device=device) * 2 - 1
    if reference:
        g, d = networks.generator, networks.discriminator
        g_optimizer, d_optimizer = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (g, d)
        )
        return partial(reference, g, d, g_optimizer, d_optimizer, label, photo)
    if device.type == "cuda":
        label = label.contiguous(memory_format=torch.channels_last)
        photo = photo.contiguous(memory_format=torch.channels_last)
    return partial(our_step(networks, eager or variant.endswith("eager")), label, photo)


def our_step(networks: Networks, eager: bool = False) -> Step:
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
    """Runs the generator once, and its update skips the discriminator's weight gradients."""
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


def baseline_networks(
    image_size: int, width: int, device: torch.device, precision: str = "fp32", plain: bool = False
) -> Networks:
    """The baseline's networks, always with the same initial weights.

    `plain` ones have torch's own convolutions and memory layout.
    """
    settings = [f"image_size={image_size}", f"width={width}", f"precision={precision}"]
    torch.manual_seed(0)
    networks = Networks.build(configure("baseline", "full", 0, settings), device)
    for network in (networks.generator, networks.discriminator) if plain else ():
        use_torch_convolutions(network)
    return networks


def use_torch_convolutions(network: nn.Module) -> None:
    """Give a network torch's own convolutions and memory layout, in place."""
    for module in network.modules():
        for convolution in (nn.Conv2d, nn.ConvTranspose2d):
            if isinstance(module, convolution):
                module.__class__ = convolution
    network.to(memory_format=torch.contiguous_format)


def loss_differences(
    image_size: int, width: int, device: torch.device, steps: int = 20
) -> dict[str, float]:
    """The largest relative differences between our losses and those of a plain eager step.

    "each_step": before each of `steps` updates, the plain step gets our weights. "in_a_row": both
    continue with their own. Since a GAN doubles the smallest difference every few steps,
    "two_adams" gives the scale: two plain loops that differ only in torch's implementation of Adam.
    On a GPU the convolutions multiply in float32 here, not in TF32.
    """
    generator = torch.Generator().manual_seed(1)
    pairs = torch.rand(steps, 2, 1, 3, image_size, image_size, generator=generator) * 2 - 1

    def losses(*step_functions: Step) -> np.ndarray:
        """(step functions, steps, 2)"""
        found = np.empty((len(step_functions), steps, 2))
        for number, (label, photo) in enumerate(pairs.to(device)):
            for index, step in enumerate(step_functions):
                torch.manual_seed(number)  # for the dropout
                result = step(label, photo)
                found[index, number] = [
                    float(result[key]) for key in ("generator_loss", "discriminator_loss")
                ]
        return found

    def plain_loop(fused: bool) -> np.ndarray:
        networks = baseline_networks(image_size, width, device, plain=True)
        for optimizer in (networks.generator_optimizer, networks.discriminator_optimizer):
            optimizer.param_groups[0]["fused"] = fused
        return losses(our_step(networks, eager=True))[0]

    def largest(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs(one / other - 1).max())

    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        ours = baseline_networks(image_size, width, device)
        plain = baseline_networks(image_size, width, device, plain=True)
        plain_step = our_step(plain, eager=True)

        def follow(label: Tensor, photo: Tensor) -> Mapping[str, Tensor]:
            plain.load_state_dict(copy.deepcopy(ours.state_dict()))
            return plain_step(label, photo)

        followed, our_losses = losses(follow, our_step(ours))
        fused, unfused = plain_loop(fused=True), plain_loop(fused=False)
    return {
        "steps": steps,
        "each_step": largest(our_losses, followed),
        "in_a_row": largest(our_losses, fused),
        "two_adams": largest(unfused, fused),
    }
