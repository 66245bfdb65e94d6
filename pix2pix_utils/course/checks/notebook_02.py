"""The exercises of notebook 2."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from pix2pix_utils.course.checks.comparing import close, settings_that_differ
from pix2pix_utils.course.checks.forms import finished_run, function, number, numbers
from pix2pix_utils.course.checks.probes import softplus_loss
from pix2pix_utils.course.lesson import Lesson
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.step import Networks

KERNEL = 4  # pixels, of every convolution of a PatchGAN
PICTURE = 256  # pixels
STEPS = 20


def exercise_1(answer: Any) -> str | None:
    """`answer(p)`: the discriminator's halved loss if it gives every pair the probability p."""
    answer = function(answer)
    for p in (0.5, *np.random.default_rng().uniform(0.02, 0.98, 5)):
        right = -(math.log(p) + math.log(1 - p)) / 2
        given = number(answer(float(p)))
        if close(given, 2 * right, 0.01):
            return "This is the whole sum; the loss is half of it."
        if not close(given, right, 0.01):  # two digits
            return (
                "A real pair costs -log p and a generated one -log(1 - p), whose probability of "
                "being generated is 1 - p; half of their sum is the loss."
            )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(strides)`: the width of a patch, the first and the last pixel of the first score.

    `strides` are those of convolutions with a kernel of 4 and a padding of 1, from the picture on;
    the pixels are those of a picture 256 pixels wide.
    """
    answer = function(answer)
    random = np.random.default_rng()
    others = (random.integers(1, 3, length).tolist() for length in (3, 4, 5, 6))
    for strides in ([2, 2, 2, 1, 1], *others):
        width, start = _field(strides)
        given = numbers(answer(list(strides)), 3)
        if given[0] != width:
            return f"For the strides {strides} a patch is not {given[0]:g} pixels wide."
        if given[1] < 0:
            return "Pixels before the first one are padding: give the first of the picture."
        if given[1:] != [max(start, 0), min(start + width, PICTURE) - 1]:
            return (
                "The padding of 1 moves the field of the first score by the product of the strides "
                "before it, in every convolution."
            )
    return None


def exercise_3(answer: Any) -> str | None:
    """`answer(networks, label)`: what D's loss on generated photos leaves in the generator.

    The sum of all absolute gradients with `detach()`, and the same without.
    """
    answer = function(answer)
    for seed in np.random.default_rng().integers(2**31, size=2):
        torch.manual_seed(int(seed))
        networks = Networks.build(Config(image_size=32, width=4), torch.device("cpu"))
        for module in networks.generator.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # so that two passes give the same photo
        # with scores around 0, as at the start, either target would give gradients of one size
        nn.init.constant_(list(networks.discriminator.parameters())[-1], 2.0)
        label = torch.rand(2, 3, 32, 32) * 2 - 1
        scores = networks.discriminator(label, networks.generator(label))
        loss = F.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores))
        gradients = torch.autograd.grad(loss, list(networks.generator.parameters()))
        right = float(sum(gradient.abs().sum() for gradient in gradients))
        with_detach, without = numbers(answer(networks, label.clone()), 2)
        if with_detach != 0:
            return (
                "With `detach()` nothing arrives in the generator. Empty its gradients before each "
                "of the two runs; a parameter without a gradient has `grad` None."
            )
        if not any(close(without / right, factor, 0.02) for factor in (1, 0.5)):  # halved or not
            return (
                "Without `detach()` the sum is another one: call `backward()` on the loss of the "
                "generated photos alone, whose target is 0, and add up absolute values."
            )
    return None


def exercise_4(answer: Any) -> str | None:
    """`answer(network, optimizer, loss, factor)`: how far 20 steps on `factor * loss()` move it.

    The length of the change of all weights as one vector.
    """
    answer = function(answer)
    random = np.random.default_rng()
    for kind in (torch.optim.Adam, torch.optim.SGD):
        for factor in (1.0, float(random.uniform(0.01, 0.3))):
            torch.manual_seed(int(random.integers(2**31)))
            network, inputs = nn.Linear(5, 3), torch.randn(8, 5)
            twin = copy.deepcopy(network)
            rate = float(random.uniform(0.001, 0.05))
            right = _moved(twin, kind(twin.parameters(), lr=rate), inputs, factor)
            optimizer = kind(network.parameters(), lr=rate)
            loss = partial(softplus_loss, network, inputs)
            given = number(answer(network, optimizer, loss, factor))
            if not close(given / right, 1, 0.01):
                return (
                    f"With {kind.__name__} and a factor of {factor:.2f} the weights move by "
                    f"{right:.4f}, not {given:.4f}: clone them first, take {STEPS} steps, each "
                    "with `zero_grad`, and measure one vector of all weights."
                )
    return None


def exercise_5(answer: Any, *, lesson: Lesson) -> str | None:
    """The finished run of the baseline with alpha 10, else as the lesson's."""
    run = finished_run(answer)
    asked = lesson.config("baseline", "alpha=10").to_dict()
    wrong = settings_that_differ(run, {name: asked[name] for name in asked if name != "seed"})
    if wrong:
        return f'Train `lesson.config("baseline", "alpha=10")`; in this run {wrong}.'
    return None


def _field(strides: Sequence[int]) -> tuple[int, int]:
    """Width and first pixel, negative in the padding, of what the first score sees."""
    width, start = 1, 0
    for stride in reversed(strides):
        width, start = (width - 1) * stride + KERNEL, start * stride - 1
    return width, start


def _moved(
    network: nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, factor: float
) -> float:
    before = nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    for _ in range(STEPS):
        optimizer.zero_grad()
        (factor * softplus_loss(network, inputs)).backward()
        optimizer.step()
    after = nn.utils.parameters_to_vector(network.parameters()).detach()
    return float((after - before).norm())


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
    "5": exercise_5,
}
