"""What the discriminator thinks of every patch of a photo, and which pixels each patch is.

`judge` and `receptive_field` compute, `overlay_svg` draws; they know nothing of notebooks. The
widget changes opacity and choice by a line of CSS, and the browser itself shows the patch under the
mouse, so that both follow at once.
"""

import math
from dataclasses import dataclass
from html import escape

import ipywidgets
import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import to_uint8
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.models import build_discriminator
from pix2pix_utils.models.resnet_discriminator import SMALLEST_SIZE, ResNet18Discriminator
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.widgets.keys import with_own_keys
from pix2pix_utils.widgets.markup import SHOWN_SIZE, data_uri, png_bytes, sentences, unique_class

PHOTOS = ("real", "generated")
COLORS = matplotlib.colormaps["cividis"]  # read the same way by the colour-blind
MOST_NUMBERS = 12  # rows and columns up to which every patch bears its probability


@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels the scores of a discriminator see, along either axis.

    Score i sees `size` pixels from `first + i * stride` on, as far as they lie in the picture. For
    a network that enlarges small pictures, `enlarged` is by how much, and these are its pixels.
    """

    first: int
    stride: int
    size: int
    image_size: int
    enlarged: float = 1.0

    def span(self, index: int) -> tuple[int, int]:
        """The pixels of the picture that score `index` depends on: first, and one past the last."""
        low = self.first + index * self.stride
        high = low + self.size - 1
        if self.enlarged != 1:  # bilinear: a pixel between two depends on both
            low = math.floor((max(low, 0) + 0.5) / self.enlarged - 0.5)
            high = math.floor((high + 0.5) / self.enlarged - 0.5) + 1
        return max(low, 0), min(high + 1, self.image_size)

    def cell(self, index: int) -> tuple[float, float]:
        """Where to draw score `index`: as wide as the stride, in the middle of what it sees."""
        middle = self.first + index * self.stride + self.size / 2
        low, high = middle - self.stride / 2, middle + self.stride / 2
        return max(low / self.enlarged, 0), min(high / self.enlarged, self.image_size)


def receptive_field(discriminator: nn.Module, image_size: int) -> ReceptiveField:
    """From the kernels, strides and paddings of the layers, one after the other.

    The shortcuts of a ResNet see less than the layers beside them and are left out. A scalar score
    sees the whole picture.
    """
    enlarged = 1.0
    if isinstance(discriminator, ResNet18Discriminator):
        if isinstance(discriminator.head, nn.Linear):
            return ReceptiveField(0, image_size, image_size, image_size)
        enlarged = max(1.0, SMALLEST_SIZE / image_size)
    first, stride, size = 0, 1, 1
    for name, layer in discriminator.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)) and "downsample" not in name:
            assert not isinstance(layer.padding, str)  # "same" or "valid": no discriminator's
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
    """A photo (S, S, 3) uint8 and how probable each of its patches is real, (h, w) in [0, 1]."""

    photo: np.ndarray
    probability: np.ndarray
    field: ReceptiveField

    @property
    def is_scalar(self) -> bool:
        return self.probability.size == 1

    def describe(self, row: int, column: int) -> str:
        """One patch in words: its place, its pixels and its probability."""
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
    """Generator and discriminator of a run's best epoch, and what they make of a scene.

    Raises UserError if the run has no discriminator that has learnt, or no checkpoint.
    """

    def __init__(self, run: Run, device: torch.device | str = "cpu"):
        config = run.config
        if config.adversarial_loss == "none":
            raise UserError(
                f"the run {run.folder} was trained without a discriminator "
                "(adversarial_loss=none): there are no scores to show"
            )
        device = torch.device(device)
        self.predict = generator_predictor(load_generator(run.folder, device)[0])
        self.discriminator = build_discriminator(config.discriminator, config.width).to(device)
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
        self.field = receptive_field(self.discriminator, config.image_size)
        self._device, self._loss = device, config.adversarial_loss

    @torch.no_grad()
    def __call__(self, pairs, scene: int, which: str = "generated") -> Verdict:
        """The verdict on the real or the generated photo of a scene.

        The probability is sigmoid(score) after cross-entropy. After least squares the score is
        itself an estimate of it, since it was taught to be 1 for real and 0 for generated.
        """
        batch = pairs.batch([scene])
        photo = batch["photo"].to(self._device) if which == "real" else self.predict(batch)
        scores = self.discriminator(batch["label"].to(self._device), photo)[0, 0]
        probability = scores.sigmoid() if self._loss == "bce" else scores.clamp(0, 1)
        return Verdict(to_uint8(photo[0]), probability.cpu().numpy(), self.field)


def overlay_svg(verdict: Verdict, own: str, words: str) -> str:
    """The photo under its score map as an SVG, whose style `overlay_style` sets.

    Each patch has a colour and, where there is room, its probability in percent; the one under the
    mouse shows the pixels that it sees.
    """
    size = verdict.photo.shape[0]
    cells, numbers, targets, columns = [], [], [], verdict.probability.shape[1]
    numbered = max(verdict.probability.shape) <= MOST_NUMBERS
    for (row, column), value in np.ndenumerate(verdict.probability):
        (top, bottom), (left, right) = verdict.field.cell(row), verdict.field.cell(column)
        box = _box(left, top, right, bottom)
        red, green, blue, _ = COLORS(float(value), bytes=True)
        cells.append(f'<rect {box} fill="rgb({red},{green},{blue})"/>')
        if numbered:
            numbers.append(
                f'<text x="{(left + right) / 2:g}" y="{(top + bottom) / 2:g}">'
                f"{100 * value:.0f}</text>"
            )
        targets.append(
            f'<g class="patch" data-patch="{row * columns + column}">'
            f'<rect {box} fill="transparent"/>{_field_outline(verdict, row, column)}'
            f"<title>{escape(verdict.describe(row, column))}</title></g>"
        )
    return (
        f'<svg class="{own}" role="img" aria-label="{escape(words)}" viewBox="0 0 {size} {size}" '
        f'width="{SHOWN_SIZE}" height="{SHOWN_SIZE}" style="margin-right: 16px">'
        f'<image class="photo" href="{data_uri(png_bytes(verdict.photo))}" width="{size}" '
        f'height="{size}" style="image-rendering: pixelated"/>'
        f'<g class="scores">{"".join(cells)}</g>{_numbers(numbers, verdict)}'
        f"{''.join(targets)}</svg>"
    )


def _numbers(numbers: list[str], verdict: Verdict) -> str:
    """White with a black edge, which can be read on any colour."""
    height = min(0.4 * verdict.field.stride / verdict.field.enlarged, verdict.field.image_size / 14)
    return (
        f'<g class="numbers" font-size="{height:.3g}" text-anchor="middle" fill="white" '
        f'stroke="black" stroke-width="{height / 7:.3g}" style="paint-order: stroke" '
        f'dominant-baseline="central">{"".join(numbers)}</g>'
    )


def _box(left: float, top: float, right: float, bottom: float) -> str:
    return f'x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}"'


def _field_outline(verdict: Verdict, row: int, column: int) -> str:
    """A white line on a black one, which shows on any photo, around a patch and what it sees."""
    field, thick = verdict.field, verdict.field.image_size / 280
    (top, bottom), (left, right) = field.span(row), field.span(column)
    (cell_top, cell_bottom), (cell_left, cell_right) = field.cell(row), field.cell(column)
    edge = 1.5 * thick  # so that the lines lie inside
    boxes = (
        _box(cell_left, cell_top, cell_right, cell_bottom),
        _box(left + edge, top + edge, right - edge, bottom - edge),
    )
    lines = "".join(
        f'<rect {box} fill="none" stroke="{ink}" stroke-width="{width:.3g}"/>'
        for box in boxes
        for ink, width in (("black", 3 * thick), ("white", thick))
    )
    return f'<g class="field">{lines}</g>'


def overlay_style(own: str, opacity: float, patch: int) -> str:
    """The style sheet of the overlay of class `own`: how opaque, and which patch is chosen.

    The photo loses its colours as the map gains opacity, so that the two are not mistaken for each
    other.
    """
    return (
        f"<style>.{own} .scores {{ opacity: {opacity:g} }} "
        f".{own} .numbers {{ opacity: {min(1, 2 * opacity):g} }} "
        f".{own} .photo {{ filter: grayscale({min(1, 2 * opacity):g}) }} "
        f".{own} .field {{ visibility: hidden; pointer-events: none }} "
        f'.{own} [data-patch="{patch}"] .field {{ visibility: visible }} '
        f".{own} .patch:hover .field {{ visibility: visible }} "
        f".{own} .patch:hover .field [stroke=white] {{ stroke-dasharray: 1 1 }}</style>"
    )


def scale_bar() -> str:
    """The colours of the probabilities with their numbers, as HTML."""
    stops = ", ".join(matplotlib.colors.to_hex(COLORS(share)) for share in np.linspace(0, 1, 9))
    return (
        '<div style="width: 320px; margin-top: 8px" role="img" aria-label="scale: dark blue is '
        'certainly generated, yellow is certainly real">'
        f'<div style="height: 12px; background: linear-gradient(to right, {stops})"></div>'
        '<div style="display: flex; justify-content: space-between; line-height: 1.4">'
        "<span>0 % generated</span><span>50 %</span><span>100 % real</span></div></div>"
    )


def patch_overlay(
    run: Run, data: StreetData, device: torch.device | str = "cpu"
) -> ipywidgets.HBox:
    """The score map of a run's discriminator over real and generated photos.

    The mouse, or two sliders, choose a patch; its pixels are outlined and its probability stands
    below in words. Raises UserError if the run has no discriminator that has learnt.
    """
    judge = Judge(run, device)
    narrow = {"layout": {"width": "360px"}, "style": {"description_width": "80px"}}
    split = ipywidgets.Dropdown(description="split", options=SPLITS, value="test", **narrow)
    scene = ipywidgets.IntSlider(description="scene", max=len(data.test) - 1, **narrow)
    which = ipywidgets.Dropdown(description="photo", options=PHOTOS, value="generated", **narrow)
    opacity = ipywidgets.FloatSlider(
        description="score map", max=1.0, step=0.05, value=0.5, readout_format=".0%", **narrow
    )
    row = ipywidgets.IntSlider(description="patch row", min=1, **narrow)
    column = ipywidgets.IntSlider(description="column", min=1, **narrow)
    own = unique_class()
    style, picture, caption = (ipywidgets.HTML() for _ in range(3))
    caption.layout.width = "360px"
    verdict = judge(data.test, 0)
    row.max, column.max = verdict.probability.shape
    row.value, column.value = (row.max + 1) // 2, (column.max + 1) // 2
    row.disabled = column.disabled = verdict.is_scalar

    def choose(_change=None) -> None:
        style.value = overlay_style(
            own, opacity.value, (row.value - 1) * column.max + column.value - 1
        )
        caption.value = sentences(verdict.describe(row.value - 1, column.value - 1))

    def show(_change=None) -> None:
        nonlocal verdict
        pairs = data[split.value]
        verdict = judge(pairs, scene.value, which.value)
        words = describe_verdict(pairs.names[scene.value], which.value, verdict)
        picture.value = overlay_svg(verdict, own, words)
        summary.value = sentences(words)
        choose()

    def change_split(_change) -> None:
        scene.max = len(data[split.value]) - 1  # a larger value is cut to it
        show()

    summary = ipywidgets.HTML(layout={"width": "360px"})
    split.observe(change_split, names="value")
    for control in (scene, which):
        control.observe(show, names="value")
    for control in (opacity, row, column):
        control.observe(choose, names="value")
    show()
    controls = [split, scene, which, summary, opacity, row, column, caption]
    return with_own_keys(
        ipywidgets.HBox(
            [style, picture, ipywidgets.VBox([*controls, ipywidgets.HTML(scale_bar())])],
            layout={"flex_flow": "row wrap"},
        )
    )


def describe_verdict(scene: str, which: str, verdict: Verdict) -> str:
    """The whole score map in one sentence."""
    scores = verdict.probability
    if verdict.is_scalar:
        return f"Scene {scene}, {which} photo: {scores.item():.0%} probable to be real."
    return (
        f"Scene {scene}, {which} photo: {scores.shape[0]} x {scores.shape[1]} patches, "
        f"{scores.mean():.0%} probable to be real on average, from {scores.min():.0%} to "
        f"{scores.max():.0%}."
    )


def patch_figure(verdicts: dict[str, Verdict], row: int, column: int) -> Figure:
    """Score maps on paper: photos with the map over them, and one patch's pixels outlined."""
    figure = Figure(figsize=(2.9 * len(verdicts) + 0.9, 3.2), layout="constrained")
    axes = figure.subplots(1, len(verdicts), squeeze=False)[0]
    for axis, (title, verdict) in zip(axes, verdicts.items(), strict=True):
        size = verdict.field.image_size
        axis.imshow(
            verdict.photo.mean(axis=-1), cmap="gray", vmin=0, vmax=255, extent=(0, size, size, 0)
        )
        for (i, j), value in np.ndenumerate(verdict.probability):
            (top, bottom), (left, right) = verdict.field.cell(i), verdict.field.cell(j)
            width, height = right - left, bottom - top
            axis.add_patch(Rectangle((left, top), width, height, color=COLORS(value), alpha=0.6))
            if max(verdict.probability.shape) <= MOST_NUMBERS:
                ink = "white" if value < 0.5 else "black"
                place = ((left + right) / 2, (top + bottom) / 2)
                axis.text(*place, f"{100 * value:.0f}", color=ink, ha="center", va="center", size=7)
        (top, bottom), (left, right) = verdict.field.span(row), verdict.field.span(column)
        for ink, width in (("black", 4), ("white", 1.5)):
            axis.add_patch(
                Rectangle(
                    (left, top), right - left, bottom - top, fill=False, edgecolor=ink, lw=width
                )
            )
        axis.set(xticks=[], yticks=[], xlim=(0, size), ylim=(size, 0))
        axis.set_title(f"{title}\nthis patch: {verdict.probability[row, column]:.0%}", fontsize=9)
    scale = matplotlib.cm.ScalarMappable(cmap=COLORS)
    figure.colorbar(scale, ax=axes, label="probability of being real", shrink=0.8)
    return figure
