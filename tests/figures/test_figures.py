"""Figures that a reader must be able to read: apart without colour, and with all their words."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from pix2pix_utils import figures


def history(epochs, offset=0.0):
    keys = ("generator_loss", "l1", "discriminator_loss", "val_ssim")
    return [
        {"epoch": epoch} | dict.fromkeys(keys, epoch / epochs + offset)
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("epochs", [2, 200])
def test_curves_can_be_told_apart_without_their_colours(epochs):
    models = {f"model {number}": history(epochs, number) for number in range(7)}
    for axis in figures.training_curves(models).axes:
        styles = {(line.get_linestyle(), line.get_marker()) for line in axis.lines}
        assert len(styles) == len(models)


@pytest.mark.parametrize("count", [1, 8, 30])
def test_names_beside_the_plane_stay_apart_and_inside(count):
    crowd = {f"model {number}": (0.1, 0.24 + 1e-4 * number) for number in range(count)}
    figure = figures.ssim_against_sharpness(crowd, {"mean image": (0.2, 0.28)})
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [Text.get_window_extent(text) for text in axis.texts]  # without the lines to them
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == count + 1
    assert boxes[0].y0 > axis.get_window_extent().y0 - 10 and boxes[-1].y1 < figure.bbox.y1
    for lower, upper in pairwise(boxes):
        assert upper.y0 > lower.y0 + 0.8 * lower.height


def test_a_figure_is_saved_twice_with_its_caption(tmp_path):
    figure = figures.score_distribution({"a": np.linspace(0, 1, 9)}, {"b": np.linspace(0, 1, 9)})
    png, pdf = figures.save(figure, tmp_path / "name", "what it shows")
    with Image.open(png) as image:
        assert image.text["Description"] == "what it shows"
    assert pdf.read_bytes().startswith(b"%PDF") and b"what it shows" in pdf.read_bytes()


def test_columns_of_scores_need_not_have_every_row():
    figure = figures.score_columns(
        {
            "report": {"a": {"mean": 0.3}, "b": {"mean": 0.5}},
            "ours": {"b": {"mean": 0.4, "low": 0.35, "high": 0.45}},
        },
        "SSIM",
    )
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert len(figure.legends[0].get_texts()) == 2
