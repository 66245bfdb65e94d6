"""Two models on the same scene, with a border between them that the reader moves.

In the widget the browser clips the upper photo (CSS `clip-path`), so moving the border sends one
line of text and no picture.
"""

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

import ipywidgets
import numpy as np
import torch

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import to_uint8, to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.evaluation.predictors import Predictor, generator_predictor
from pix2pix_utils.figures.described import Figure
from pix2pix_utils.report.selection import find_runs
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.widgets import controls
from pix2pix_utils.widgets.markup import (
    SHOWN_SIZE,
    data_uri,
    picture_tag,
    sentences,
    unique_class,
)

REAL = "real photo"
SMALL_SIZE = 172  # pixels on the screen, of the label map and the real photo beside the two
KEPT_GENERATORS = 4  # in memory; a full-size one takes 200 MB


def finished_runs(output: Path, data: StreetData) -> list[Run]:
    """The finished runs below `output/runs` on this data at this size, by folder name."""
    runs = [
        run
        for run in find_runs(output)[0]
        if run.is_finished
        and run.config.image_size == data.test.image_size
        and run.data()["fingerprint"] == data.fingerprint
    ]
    return sorted(runs, key=lambda run: run.folder.name)


def wipe(left: np.ndarray, right: np.ndarray, position: float) -> np.ndarray:
    """Two pictures (H, W, 3) in one: `left` up to the share `position` of the width, then `right`.

    At 0 the result is `right`, at 1 it is `left`.
    """
    border = round(position * left.shape[1])
    return np.concatenate([left[:, :border], right[:, border:]], axis=1)


class Gallery:
    """The photos that several runs generate for the scenes of one data set's test split.

    Generators are loaded when they are first used. `names` are the experiments, with their seeds
    where runs share one; the real photo comes last. Raises UserError without runs.
    """

    def __init__(self, runs: Sequence[Run], data: StreetData, device: torch.device | str = "cpu"):
        if not runs:
            raise UserError("there is no finished run to compare: train one first")
        self.pairs, self._device = data.test, torch.device(device)
        self._runs = _named(runs)
        self._predictor = lru_cache(KEPT_GENERATORS)(self._load_predictor)
        self.names = [*self._runs, REAL]

    @torch.no_grad()
    def photo(self, name: str, scene: int) -> tuple[np.ndarray, float]:
        """The photo of a scene, (S, S, 3) uint8, and its SSIM with the real one."""
        batch = self.pairs.batch([scene])
        photo = batch["photo"] if name == REAL else self._predictor(name)(batch).cpu()
        score = ssim(to_unit(photo), to_unit(batch["photo"])).item()
        return to_uint8(photo[0]), score

    def label_map(self, scene: int) -> np.ndarray:
        """(S, S, 3) uint8, in the colours of the palette."""
        return self.pairs.palette.encode(self.pairs.classes[scene])

    def _load_predictor(self, name: str) -> Predictor:
        generator, _, _ = load_generator(self._runs[name].folder, self._device)
        return generator_predictor(generator)


def _named(runs: Sequence[Run]) -> dict[str, Run]:
    """The runs by experiment, by experiment and seed, or by folder: the first that is unique."""
    for label in (
        lambda run: run.config.experiment,
        lambda run: f"{run.config.experiment}, seed {run.config.seed}",
    ):
        named = {label(run): run for run in runs}
        if len(named) == len(runs):
            return named
    return {run.folder.name: run for run in runs}


def describe_comparison(scene: str, scores: Sequence[tuple[str, float]]) -> str:
    """The names and SSIM of the left and the right photo in one sentence."""
    parts = [
        f"{side} {name}" + ("" if name == REAL else f", SSIM {score:.3f}")
        for side, (name, score) in zip(("left", "right"), scores, strict=True)
    ]
    return f"Scene {scene}: {'; '.join(parts)}."


def run_comparison(
    runs: Sequence[Run], data: StreetData, device: torch.device | str = "cpu"
) -> ipywidgets.HBox:
    """Compare two runs, or a run and the real photos, on the scenes of the test split.

    Tab moves between the controls, the arrow keys move the sliders. Raises UserError without runs.
    """
    gallery = Gallery(runs, data, device)
    left, right = (
        controls.dropdown(side, gallery.names, name)
        for side, name in zip(("left", "right"), gallery.names, strict=False)
    )
    scene = controls.count_slider("scene", 0, len(data.test) - 1)
    border = controls.share_slider("border", 0.5, step=0.01)
    own_class = unique_class()
    style, picture, others = (ipywidgets.HTML() for _ in range(3))
    caption = controls.text()

    def move_border() -> None:
        style.value = border_style(own_class, border.value)

    def show() -> None:
        names = (left.value, right.value)
        shown = {name: gallery.photo(name, scene.value) for name in (*names, REAL)}
        words = describe_comparison(
            gallery.pairs.names[scene.value], [(name, shown[name][1]) for name in names]
        )
        photos = [(name, shown[name][0]) for name in names]
        picture.value = wiped_photos(own_class, photos, words)
        caption.value = sentences(words)
        small = {"label map": gallery.label_map(scene.value), REAL: shown[REAL][0]}
        others.value = "".join(
            f'<figure style="display: inline-block; margin: 0 8px 0 0; line-height: 1.4">'
            f"{picture_tag(pixels, name, SMALL_SIZE)}<figcaption>{name}</figcaption></figure>"
            for name, pixels in small.items()
        )

    controls.on_change([border], move_border)
    controls.on_change([left, right, scene], show)
    move_border()
    show()
    panel = ipywidgets.VBox([left, right, scene, border, caption, others])
    return controls.row(style, picture, panel)


def border_style(own_class: str, position: float) -> str:
    """The style sheet that clips the upper photo of the widget of class `own_class`."""
    share = f"{100 * position:g}%"
    return (
        f"<style>.{own_class} .upper {{ clip-path: inset(0 0 0 {share}) }} "
        f".{own_class} .border {{ left: {share} }}</style>"
    )


def wiped_photos(own_class: str, photos: Sequence[tuple[str, np.ndarray]], words: str) -> str:
    """The left photo with the right one over it, each with its name in its corner, as HTML."""
    (left_name, left), (right_name, right) = photos
    fill = "position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated"
    tag = "position: absolute; bottom: 0; max-width: 50%; padding: 1px 6px; line-height: 1.4"
    tag += "; font-size: 12px; color: white; background: #000c"
    return (
        f'<div class="{own_class}" role="img" aria-label="{escape(words)}" style="position: '
        f"relative; width: {SHOWN_SIZE}px; height: {SHOWN_SIZE}px; margin-right: 16px; "
        f'overflow: hidden"><img alt="" style="{fill}" src="{data_uri(left)}">'
        f'<img alt="" class="upper" style="{fill}" src="{data_uri(right)}">'
        '<div class="border" style="position: absolute; top: 0; bottom: 0; width: 2px; '
        'margin-left: -1px; background: white; outline: 1px solid black"></div>'
        f'<span style="{tag}; left: 0">{escape(left_name)}</span>'
        f'<span style="{tag}; right: 0">{escape(right_name)}</span></div>'
    )


def comparison_figure(
    runs: Sequence[Run],
    data: StreetData,
    scenes: Sequence[int],
    device: torch.device | str = "cpu",
) -> Figure:
    """The first two runs as a static figure: label map, left, right, half of each, real photo."""
    gallery = Gallery(runs[:2], data, device)
    left, right = gallery.names[:2]
    rows, captions = [], []
    for scene in scenes:
        (a, score_a), (b, score_b) = (gallery.photo(name, scene) for name in (left, right))
        real, _ = gallery.photo(REAL, scene)
        rows.append([gallery.label_map(scene), a, b, wipe(a, b, 0.5), real])
        captions.append(["", f"SSIM {score_a:.3f}", f"SSIM {score_b:.3f}", "", ""])
    titles = ["label map", left, right, f"{left} | {right}", REAL]
    return figures.image_grid(rows, titles, captions=captions).described_as(
        f"Test scenes as {left} and {right} paint them, and half of each in one picture."
    )
