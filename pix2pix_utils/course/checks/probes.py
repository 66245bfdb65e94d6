"""The functions, losses and painters that checks hand to an answer.

They stand in a module of their own, at its top level, so that they can be pickled: an answer may
run in another process, which has no checks (`pix2pix_utils.classroom`).
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.data.palette import Palette
from pix2pix_utils.evaluation.predictors import Predictor
from pix2pix_utils.widgets.studio import Painter


def stretched_sigmoid(stretch: float, scores: Tensor) -> Tensor:
    return torch.sigmoid(stretch * scores)


def softplus_loss(network: nn.Module, inputs: Tensor) -> Tensor:
    return F.softplus(network(inputs)).mean()


def noisy(noise: float) -> Predictor:
    """The real photo with fixed noise, as a stand-in for a trained generator."""
    return partial(_with_noise, noise)


def _with_noise(noise: float, batch: dict[str, Any]) -> Tensor:
    random = torch.Generator().manual_seed(len(batch["photo"]))
    change = noise * torch.randn(batch["photo"].shape, generator=random)
    return (batch["photo"] + change).clamp(-1, 1)


def copying(palette: Palette, size: int) -> Painter:
    """Paints the label map itself."""
    return Painter(_label, palette, size)


def averaging(palette: Palette, size: int) -> Painter:
    """Paints the label map's mean colour everywhere."""
    return Painter(_mean_colour, palette, size)


def sloping(palette: Palette, size: int) -> Painter:
    """Paints a gradient from black to white, whatever the label map."""
    return Painter(_gradient, palette, size)


def greying(palette: Palette, size: int) -> Painter:
    """Paints in grey, mostly from the blue of the label map."""
    return Painter(_grey, palette, size)


def _label(batch: dict[str, Any]) -> Tensor:
    return batch["label"]


def _mean_colour(batch: dict[str, Any]) -> Tensor:
    return batch["label"].mean(dim=(2, 3), keepdim=True).expand_as(batch["label"])


def _gradient(batch: dict[str, Any]) -> Tensor:
    label = batch["label"]
    return torch.linspace(-1, 1, label.shape[-1]).expand_as(label)


def _grey(batch: dict[str, Any]) -> Tensor:
    weights = torch.tensor([0.2, 0.1, 0.7]).view(1, 3, 1, 1)
    return (batch["label"] * weights).sum(dim=1, keepdim=True).expand_as(batch["label"])
