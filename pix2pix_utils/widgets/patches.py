"""The patch overlay: a discriminator's score map over a photo, and the pixels of each patch.

The widget changes opacity and selection with a line of CSS, and the browser itself shows the patch
under the mouse, so that both respond at once.
"""

from html import escape

import ipywidgets
import matplotlib
import numpy as np
import torch
from matplotlib.patches import Rectangle

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.figures.described import Figure
from pix2pix_utils.training.runs import Run
from pix2pix_utils.widgets import controls
from pix2pix_utils.widgets.judge import Judge, Span, Verdict
from pix2pix_utils.widgets.markup import SHOWN_SIZE, data_uri, sentences, unique_class

COLORS = matplotlib.colormaps["cividis"]  # reads the same with a colour-vision deficiency
MOST_NUMBERS = 12  # rows and columns up to which every patch shows its probability


def overlay_svg(verdict: Verdict, own_class: str, words: str) -> str:
    """The photo under its score map as an SVG, styled by `overlay_style`.

    Each patch has a colour and, where there is room, its probability in percent; the patch under
    the mouse shows the pixels that it depends on.
    """
    field, size, columns = verdict.field, verdict.photo.shape[0], verdict.probability.shape[1]
    cells, numbers, patches = [], [], []
    for (row, column), value in np.ndenumerate(verdict.probability):
        cell, seen = ((side(row), side(column)) for side in (field.cell, field.span))
        cells.append(_rectangle(*cell, f'fill="{matplotlib.colors.to_hex(COLORS(value))}"'))
        (top, bottom), (left, right) = cell
        place = f'x="{(left + right) / 2:g}" y="{(top + bottom) / 2:g}"'
        numbers.append(f"<text {place}>{100 * value:.0f}</text>")
        outlines = _outline(*cell, size / 280) + _outline(*seen, size / 280)
        patches.append(
            f'<g class="patch" data-patch="{row * columns + column}">'
            + _rectangle(*cell, 'fill="transparent"')
            + f'<g class="field">{outlines}</g>'
            + f"<title>{escape(verdict.describe(row, column))}</title></g>"
        )
    if max(verdict.probability.shape) > MOST_NUMBERS:
        numbers = []
    height = min(0.4 * field.stride / field.enlarged, size / 14)
    return (
        f'<svg class="{own_class}" role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {size} {size}" width="{SHOWN_SIZE}" height="{SHOWN_SIZE}" '
        'style="margin-right: 16px">'
        f'<image class="photo" href="{data_uri(verdict.photo)}" width="{size}" height="{size}" '
        'style="image-rendering: pixelated"/>'
        f'<g class="scores">{"".join(cells)}</g>'
        # white with a black edge can be read on any colour
        f'<g class="numbers" font-size="{height:.3g}" text-anchor="middle" fill="white" '
        f'stroke="black" stroke-width="{height / 7:.3g}" style="paint-order: stroke" '
        f'dominant-baseline="central">{"".join(numbers)}</g>{"".join(patches)}</svg>'
    )


def _rectangle(rows: Span, columns: Span, style: str, inset: float = 0) -> str:
    (top, bottom), (left, right) = rows, columns
    place = f'x="{left + inset:g}" y="{top + inset:g}"'
    size = f'width="{right - left - 2 * inset:g}" height="{bottom - top - 2 * inset:g}"'
    return f"<rect {place} {size} {style}/>"


def _outline(rows: Span, columns: Span, thick: float) -> str:
    """A white line on a wider black one, which shows on any photo, inside the rectangle."""
    return "".join(
        _rectangle(
            rows, columns, f'fill="none" stroke="{ink}" stroke-width="{width:.3g}"', 1.5 * thick
        )
        for ink, width in (("black", 3 * thick), ("white", thick))
    )


def overlay_style(own_class: str, opacity: float, patch: int) -> str:
    """The style sheet of the overlay of class `own_class`: its opacity, and the selected patch.

    The photo loses its colours as the map gains opacity, so that the two cannot be confused.
    """
    strong = min(1, 2 * opacity)
    rules = {
        ".scores": f"opacity: {opacity:g}",
        ".numbers": f"opacity: {strong:g}",
        ".photo": f"filter: grayscale({strong:g})",
        ".field": "visibility: hidden; pointer-events: none",
        f'[data-patch="{patch}"] .field': "visibility: visible",
        ".patch:hover .field": "visibility: visible",
        ".patch:hover .field [stroke=white]": "stroke-dasharray: 1 1",
    }
    sheet = " ".join(f".{own_class} {selector} {{ {rule} }}" for selector, rule in rules.items())
    return f"<style>{sheet}</style>"


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


def describe_verdict(scene: str, which: str, verdict: Verdict) -> str:
    """The whole score map in one sentence."""
    return f"Scene {scene}, {which} photo: {describe_scores(verdict)}"


def describe_scores(verdict: Verdict) -> str:
    """The mean, the lowest and the highest score of a map in one sentence."""
    scores = verdict.probability
    if verdict.is_scalar:
        return f"{scores.item():.0%} probable to be real."
    return (
        f"{scores.shape[0]} x {scores.shape[1]} patches, {scores.mean():.0%} probable to be real "
        f"on average, from {scores.min():.0%} to {scores.max():.0%}."
    )


def patch_overlay(
    run: Run, data: StreetData, device: torch.device | str = "cpu"
) -> ipywidgets.HBox:
    """The score map of a run's discriminator over real and generated photos.

    The mouse, or two sliders, select a patch; its pixels are outlined, and its probability is given
    in words below. Raises UserError if the run was trained without a discriminator.
    """
    judge = Judge(run, device)
    verdict = judge(data.test, 0)
    rows, columns = verdict.probability.shape
    split, scene = controls.split_and_scene(data, "test")
    which = controls.dropdown("photo", ("real", "generated"), "generated")
    opacity = controls.share_slider("score map", 0.5)
    row = controls.count_slider("patch row", 1, rows)
    column = controls.count_slider("column", 1, columns)
    row.value, column.value = (rows + 1) // 2, (columns + 1) // 2
    row.disabled = column.disabled = verdict.is_scalar
    own_class = unique_class()
    style, picture = ipywidgets.HTML(), ipywidgets.HTML()
    summary, caption = controls.text(), controls.text()

    def select() -> None:
        i, j = row.value - 1, column.value - 1
        style.value = overlay_style(own_class, opacity.value, i * columns + j)
        caption.value = sentences(verdict.describe(i, j))

    def show() -> None:
        nonlocal verdict
        pairs = data[split.value]
        verdict = judge(pairs, scene.value, which.value)
        words = describe_verdict(pairs.names[scene.value], which.value, verdict)
        picture.value = overlay_svg(verdict, own_class, words)
        summary.value = sentences(words)
        select()

    controls.on_change([split, scene, which], show)
    controls.on_change([opacity, row, column], select)
    show()
    panel = [split, scene, which, summary, opacity, row, column, caption]
    scale = ipywidgets.HTML(scale_bar())
    return controls.row(style, picture, ipywidgets.VBox([*panel, scale]))


def patch_figure(verdicts: dict[str, Verdict], row: int, column: int) -> Figure:
    """Score maps as a static figure, with one patch's pixels outlined."""
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
            outline = Rectangle((left, top), right - left, bottom - top, fill=False)
            outline.set(edgecolor=ink, linewidth=width)
            axis.add_patch(outline)
        axis.set(xticks=[], yticks=[], xlim=(0, size), ylim=(size, 0))
        axis.set_title(f"{title}\nthis patch: {verdict.probability[row, column]:.0%}", fontsize=9)
    scale = matplotlib.cm.ScalarMappable(cmap=COLORS)
    figure.colorbar(scale, ax=axes, label="probability of being real", shrink=0.8)
    figure.details = " ".join(
        f"{title}: {describe_scores(verdict)} {verdict.describe(row, column)}"
        for title, verdict in verdicts.items()
    )
    return figure
