"""Two models on the same scene, under a border that the reader wipes across.

`wipe` makes the picture and `Gallery` the photos in it; neither knows anything of notebooks. In the
widget the browser itself cuts the upper photo (CSS `clip-path`), so that moving the border sends a
line of text and no picture.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import to_uint8, to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.evaluation.predictors import Predictor, generator_predictor
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.widgets.keys import with_own_keys
from pix2pix_utils.widgets.markup import (
    SHOWN_SIZE,
    data_uri,
    picture_tag,
    png_bytes,
    sentences,
    unique_class,
)

REAL = "real photo"
SMALL_SIZE = 172  # pixels on the screen: label map and real photo beside the wiped ones
KEPT_GENERATORS = 4  # in memory; a full-size one takes 200 MB


def finished_runs(output: Path, data: StreetData) -> list[Run]:
    """The finished runs below `output/runs` on this data at this size, by name."""
    found = []
    for folder in sorted((Path(output) / "runs").glob("*/")):
        try:
            run = Run.open(folder)
            if (
                run.is_finished
                and run.config.image_size == data.test.image_size
                and run.data()["fingerprint"] == data.fingerprint
            ):
                found.append(run)
        except (UserError, OSError, ValueError, KeyError):
            continue  # a folder that holds no readable run is none to compare
    return found


def wipe(left: np.ndarray, right: np.ndarray, position: float) -> np.ndarray:
    """Two pictures (H, W, 3) in one: `left` up to the share `position` of the width, then `right`.

    At 0 all of it is `right`, at 1 all of it is `left`.
    """
    border = round(position * left.shape[1])
    return np.concatenate([left[:, :border], right[:, border:]], axis=1)


class Gallery:
    """The photos that several runs generate for the scenes of one data set's test split.

    Generators are loaded when they are first asked for. `names` tells the runs apart by seed where
    the experiments are the same; the real photo comes last.
    """

    def __init__(self, runs: Sequence[Run], data: StreetData, device: torch.device | str = "cpu"):
        if not runs:
            raise UserError("there is no finished run to compare: train one first")
        self.pairs, self._device = data.test, torch.device(device)
        self._runs = _named(runs)
        self._predictors: dict[str, Predictor] = {}
        self.names = [*self._runs, REAL]

    @torch.no_grad()
    def photo(self, name: str, scene: int) -> tuple[np.ndarray, float]:
        """The photo of a scene, (S, S, 3) uint8, and its SSIM to the real one."""
        batch = self.pairs.batch([scene])
        photo = batch["photo"] if name == REAL else self._predictor(name)(batch).cpu()
        score = ssim(to_unit(photo), to_unit(batch["photo"])).item()
        return to_uint8(photo[0]), score

    def label_map(self, scene: int) -> np.ndarray:
        """(S, S, 3) uint8, in the colours of the palette."""
        return self.pairs.palette.encode(self.pairs.classes[scene])

    def _predictor(self, name: str) -> Predictor:
        if name not in self._predictors:
            if len(self._predictors) == KEPT_GENERATORS:
                del self._predictors[next(iter(self._predictors))]
            generator, _, _ = load_generator(self._runs[name].folder, self._device)
            self._predictors[name] = generator_predictor(generator)
        return self._predictors[name]


def _named(runs: Sequence[Run]) -> dict[str, Run]:
    """The runs by experiment; with the seed, then the folder, where that is not enough."""
    for label in (
        lambda run: run.config.experiment,
        lambda run: f"{run.config.experiment}, seed {run.config.seed}",
    ):
        named = {label(run): run for run in runs}
        if len(named) == len(runs):
            return named
    return {run.folder.name: run for run in runs}


def describe_comparison(scene: str, scores: Sequence[tuple[str, float]]) -> str:
    """Both photos' SSIM in one sentence."""
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
    narrow = {"layout": {"width": "360px"}, "style": {"description_width": "60px"}}
    left = ipywidgets.Dropdown(
        description="left", options=gallery.names, value=gallery.names[0], **narrow
    )
    right = ipywidgets.Dropdown(
        description="right", options=gallery.names, value=gallery.names[1], **narrow
    )
    scene = ipywidgets.IntSlider(description="scene", max=len(data.test) - 1, **narrow)
    border = ipywidgets.FloatSlider(
        description="border", max=1.0, step=0.01, value=0.5, readout_format=".0%", **narrow
    )
    own = unique_class()
    cut, picture, caption, aside = (ipywidgets.HTML() for _ in range(4))

    def move_border(_change=None) -> None:
        cut.value = border_style(own, border.value)

    def show(_change=None) -> None:
        shown = [(side.value, *gallery.photo(side.value, scene.value)) for side in (left, right)]
        words = describe_comparison(
            gallery.pairs.names[scene.value], [(name, score) for name, _, score in shown]
        )
        picture.value = wiped_photos(own, [(name, photo) for name, photo, _ in shown], words)
        caption.value = sentences(words)
        aside.value = _aside(gallery, scene.value)

    border.observe(move_border, names="value")
    for control in (left, right, scene):
        control.observe(show, names="value")
    move_border()
    show()
    caption.layout.width = narrow["layout"]["width"]
    controls = ipywidgets.VBox([left, right, scene, border, caption, aside])
    return with_own_keys(
        ipywidgets.HBox([cut, picture, controls], layout={"flex_flow": "row wrap"})
    )


def border_style(own: str, position: float) -> str:
    """The style sheet that cuts the upper photo of the widget of class `own`."""
    share = f"{100 * position:g}%"
    return (
        f"<style>.{own} .upper {{ clip-path: inset(0 0 0 {share}) }} "
        f".{own} .border {{ left: {share} }}</style>"
    )


def wiped_photos(own: str, photos: Sequence[tuple[str, np.ndarray]], words: str) -> str:
    """The left photo with the right one over it, each with its name in its corner, as HTML."""
    (left_name, left), (right_name, right) = photos
    place = "position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated"
    tag = (
        "position: absolute; bottom: 0; max-width: 50%; padding: 1px 6px; font-size: 12px; "
        "color: white; background: #000c; line-height: 1.4"
    )
    return (
        f'<div class="{own}" role="img" aria-label="{escape(words)}" style="position: relative; '
        f'width: {SHOWN_SIZE}px; height: {SHOWN_SIZE}px; margin-right: 16px; overflow: hidden">'
        f'<img alt="" style="{place}" src="{data_uri(png_bytes(left))}">'
        f'<img alt="" class="upper" style="{place}" src="{data_uri(png_bytes(right))}">'
        '<div class="border" style="position: absolute; top: 0; bottom: 0; width: 2px; '
        'margin-left: -1px; background: white; outline: 1px solid black"></div>'
        f'<span style="{tag}; left: 0">{escape(left_name)}</span>'
        f'<span style="{tag}; right: 0">{escape(right_name)}</span></div>'
    )


def _aside(gallery: Gallery, scene: int) -> str:
    pictures = {
        "label map": gallery.label_map(scene),
        REAL: gallery.photo(REAL, scene)[0],
    }
    return '<div style="display: flex; gap: 8px">{}</div>'.format(
        "".join(
            f'<figure style="margin: 0; line-height: 0">{picture_tag(picture, name, SMALL_SIZE)}'
            f'<figcaption style="line-height: 1.4">{name}</figcaption></figure>'
            for name, picture in pictures.items()
        )
    )


def comparison_figure(
    runs: Sequence[Run],
    data: StreetData,
    scenes: Sequence[int],
    device: torch.device | str = "cpu",
) -> Figure:
    """The first two runs on paper: label map, left, right, both wiped at the middle, real photo."""
    gallery = Gallery(runs[:2], data, device)
    left, right = gallery.names[:2]
    rows, captions = [], []
    for scene in scenes:
        (a, score_a), (b, score_b) = (gallery.photo(name, scene) for name in (left, right))
        real, _ = gallery.photo(REAL, scene)
        rows.append([gallery.label_map(scene), a, b, wipe(a, b, 0.5), real])
        captions.append(["", f"SSIM {score_a:.3f}", f"SSIM {score_b:.3f}", "", ""])
    titles = ["label map", left, right, f"{left} | {right}", REAL]
    return figures.image_grid(rows, titles, captions=captions)
