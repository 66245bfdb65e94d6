"""The discriminator's verdict on every patch of a photo, and the pixels that each patch covers."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.data.pairs import StreetPairs, signed_colors, to_uint8
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.models import build_discriminator, without_label_input
from pix2pix_utils.models.resnet_discriminator import SMALLEST_SIZE, ResNet18Discriminator
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

Span = tuple[float, float]  # start and end, in pixels


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that the scores of a discriminator depend on, along either axis.

    Score i depends on `size` pixels from `first + i * stride` on, as far as they are in the photo.
    For a network that enlarges small photos, `enlarged` is the factor, and the pixels are those of
    the enlarged photo.
    """

    first: int
    stride: int
    size: int
    image_size: int
    enlarged: float = 1.0

    def span(self, index: int) -> tuple[int, int]:
        """The pixels of the photo that score `index` depends on: first, and one past the last."""
        low = self.first + index * self.stride
        high = low + self.size - 1
        if self.enlarged != 1:  # bilinear: a pixel between two others depends on both
            low = math.floor((max(low, 0) + 0.5) / self.enlarged - 0.5)
            high = math.floor((high + 0.5) / self.enlarged - 0.5) + 1
        return max(low, 0), min(high + 1, self.image_size)

    def cell(self, index: int) -> Span:
        """Where to draw score `index`: as wide as the stride, in the middle of its pixels."""
        middle = self.first + index * self.stride + self.size / 2
        low, high = middle - self.stride / 2, middle + self.stride / 2
        return max(low / self.enlarged, 0), min(high / self.enlarged, self.image_size)


def receptive_field(discriminator: nn.Module, image_size: int) -> ReceptiveField:
    """Computed from the kernels, strides and paddings of the layers, first to last.

    A ResNet's shortcuts have smaller receptive fields than the layers they bypass, and are left
    out. A scalar score depends on the whole photo.
    """
    enlarged = 1.0
    if isinstance(discriminator, ResNet18Discriminator):
        if isinstance(discriminator.head, nn.Linear):
            return ReceptiveField(0, image_size, image_size, image_size)
        enlarged = max(1.0, SMALLEST_SIZE / image_size)
    first, stride, size = 0, 1, 1
    for name, layer in discriminator.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)) and "downsample" not in name:
            assert not isinstance(layer.padding, str)  # "same" or "valid"
            kernel, step, padding = (
                value[0] if isinstance(value, tuple) else value
                for value in (layer.kernel_size, layer.stride, layer.padding)
            )
            first -= padding * stride
            size += (kernel - 1) * stride
            stride *= step
    return ReceptiveField(first, stride, size, image_size, enlarged)


@dataclass(frozen=True)
class Verdict:
    """A photo (S, S, 3) uint8 and the probability that each patch is real, (h, w) in [0, 1]."""

    photo: np.ndarray
    probability: np.ndarray
    field: ReceptiveField

    @property
    def is_scalar(self) -> bool:
        return self.probability.size == 1

    def describe(self, row: int, column: int) -> str:
        """A patch in words: its position, its pixels and its probability."""
        chance = f"{self.probability[row, column]:.0%} probable to be real"
        if self.is_scalar:
            return (
                "This discriminator gives one score for the whole photo, there are no patches: "
                f"{chance}."
            )
        (top, bottom), (left, right) = self.field.span(row), self.field.span(column)
        return (
            f"Patch in row {row + 1}, column {column + 1}: {chance}. It sees "
            f"{right - left} x {bottom - top} pixels: columns {left} to {right - 1}, rows {top} to "
            f"{bottom - 1}."
        )


class Judge:
    """The generator and the discriminator of a run's best epoch, applied to a scene.

    Raises UserError if the run was trained without a discriminator or has no checkpoint.
    """

    def __init__(self, run: Run, device: torch.device | str = "cpu"):
        config = run.config
        if config.adversarial_loss == "none":
            raise UserError(
                f"the run {run.folder} was trained without a discriminator "
                "(adversarial_loss=none): there are no scores to show"
            )
        if config.discriminator in ("multiscale", "segmentation"):
            raise UserError(
                f"the run {run.folder} has the discriminator '{config.discriminator}', which does "
                "not give each patch one score: look at a run with 'patchgan'"
            )
        device = torch.device(device)
        generator, palette, _ = load_generator(run.folder, device)
        self.predict = generator_predictor(generator)
        discriminator = build_discriminator(
            config.discriminator, config.width, config.label_input, signed_colors(palette)
        )
        self.discriminator = accelerate_on_cpu(discriminator).to(device)
        state = load_checkpoint(run.best_checkpoint, device)
        try:
            self.discriminator.load_state_dict(state["discriminator"])
        except (KeyError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"the discriminator in {run.best_checkpoint} does not fit its configuration: "
                f"{reason}"
            ) from None
        self.discriminator.eval()
        self.field = receptive_field(without_label_input(self.discriminator), config.image_size)
        self._device, self._loss = device, config.adversarial_loss

    @torch.no_grad()
    def __call__(self, pairs: StreetPairs, scene: int, which: str = "generated") -> Verdict:
        """The verdict on the "real" or the "generated" photo of a scene.

        Trained with cross-entropy, the probability is sigmoid(score). Trained with least squares,
        the score itself estimates it, since its targets are 1 for real and 0 for generated. Trained
        with the hinge loss, a score is no probability; its sigmoid is shown, which has its sign.
        """
        batch = pairs.batch([scene])
        photo = batch["photo"].to(self._device) if which == "real" else self.predict(batch)
        scores = self.discriminator(batch["label"].to(self._device), photo)[0, 0]
        probability = scores.clamp(0, 1) if self._loss == "mse" else scores.sigmoid()
        return Verdict(to_uint8(photo[0]), probability.cpu().numpy(), self.field)
