"""The exercises of notebook 5."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from pix2pix_utils.course.checks.forms import finished_run, function
from pix2pix_utils.models import EnhancedUNet, build_generator


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def exercise_1(answer: Any) -> str | None:
    """`answer(width)`: the parameters of the 256-pixel network with the level it leaves out."""
    answer = function(answer)
    for width in (4, 64, int(np.random.default_rng().integers(5, 64))):
        with torch.device("meta"):  # that level is the eighth, which the 512-pixel network has
            right = _parameters(build_generator("enhanced", 512, width))
        if int(answer(width)) != right:
            return (
                "Start from the count at 256 pixels, add an encoder and a decoder block of eight "
                "times the width, and remember the block above, which now receives twice as many "
                "channels."
            )
    return None


@torch.no_grad()
def exercise_2(answer: Any) -> str | None:
    """An `EnhancedUNet` that equals the baseline for 64 pixels and width 8."""
    if not isinstance(answer, EnhancedUNet):
        return f"Give an EnhancedUNet, not {_article(answer)}."
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        baseline, pictures = build_generator("unet", 64, 8), torch.randn(2, 3, 64, 64)
        theirs, mine = baseline.state_dict(), answer.state_dict()
        if [v.shape for v in theirs.values()] != [v.shape for v in mine.values()]:
            return (
                f"It has {len(mine)} weights and buffers, the baseline {len(theirs)}, and they "
                "must agree in shape: switch off what is new, and mind that this network stops one "
                "level earlier than a baseline for images of the same size."
            )
        before = {name: value.clone() for name, value in mine.items()}
        answer.load_state_dict(dict(zip(mine, theirs.values(), strict=True)))
        for training in (True, False):
            outputs = []
            for network in (answer, baseline):
                torch.manual_seed(5)  # for dropout
                outputs.append(network.train(training)(pictures))
            if not torch.allclose(outputs[0], outputs[1], atol=1e-4):
                return "With the same weights it does not give the same photos."
        answer.load_state_dict(before)
    return None


@torch.no_grad()
def exercise_3(answer: Any, *, size: int, width: int) -> str | None:
    """The enhanced generator for `size` pixels with batch norm between last convolution and tanh.

    Checked by what it does: before tanh, each colour of a single photo has mean 0 and spread 1.
    """
    if not isinstance(answer, nn.Module):
        return f"Give the network, not {_article(answer)}."
    with torch.device("meta"):
        expected = _parameters(build_generator("enhanced", size, width)) + 6
    if _parameters(answer) != expected:
        return (
            "It should have six parameters more than the enhanced generator: a scale and a shift "
            f"for each colour; it has {_parameters(answer) - expected + 6:+,}."
        )
    training = answer.training
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        for scale in (0.2, 1.0):
            label = scale * torch.rand(1, 3, size, size) - 0.9
            photo = answer.train()(label)
            before_tanh = torch.atanh(photo.clamp(-0.999999, 0.999999))
            mean, spread = before_tanh.mean(dim=(2, 3)), before_tanh.std(dim=(2, 3))
            if photo.abs().max() > 1 or mean.abs().max() > 0.02 or (spread - 1).abs().max() > 0.05:
                answer.train(training)
                return (
                    "The norm over three channels goes between the last convolution and tanh; then "
                    "each colour has mean 0 and spread 1 before tanh, whatever the label map."
                )
    answer.train(training)
    return None


def exercise_4(answer: Any, *, quiet: Any) -> str | None:
    """A run like `quiet`, from initial weights that somebody changed and described."""
    if finished_run(answer).config != quiet.config:
        return "Use the same configuration as the run of `enhanced-baseline-norm`."
    if answer.folder == quiet.folder or (
        answer.result()["started_from"] == quiet.result()["started_from"]
    ):
        return (
            "Train into another output folder, or the finished run is loaded, with a `prepare` "
            "that multiplies the first block's weights and returns what it did."
        )
    return None


def _article(answer: Any) -> str:
    return f"a value of type {type(answer).__name__}"


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
