"""Figures that a reader must be able to read: apart without colour, and with all their words."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox
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


def test_curves_that_nobody_recorded_have_no_panel():
    short = [{"epoch": 1, "val_ssim": 0.4}, {"epoch": 2, "val_ssim": 0.5}]
    (axis,) = figures.training_curves({"a model": short}).axes
    assert axis.get_title() == "validation SSIM"


def test_curves_of_the_splits_leave_out_what_was_not_scored_and_mark_the_best_epoch():
    scores = [(0.30, 0.2, 0.25), (np.nan, 0.4, np.nan), (0.60, 0.3, 0.35)]
    keys = ("train_ssim", "val_ssim", "test_ssim")
    run = [
        {"epoch": epoch, **dict(zip(keys, row, strict=True))}
        for epoch, row in enumerate(scores, start=1)
    ]
    figure = figures.split_curves({"first": run, "second": run, "third": run, "fourth": run})
    axis = figure.axes[0]
    curves = {line.get_label(): list(line.get_xdata()) for line in axis.lines[:3]}
    assert curves == {"train": [1, 3], "val": [1, 2, 3], "test": [1, 3]}
    assert list(axis.lines[3].get_xdata()) == [2, 2]
    assert "best on val at 2" in axis.get_title()


SCORES = {  # sharpness and SSIM of six networks, two of them nearly equal
    "baseline": (0.302, 0.429),
    "baseline-mse": (0.215, 0.481),
    "pretrained-torchvision": (0.007, 0.339),
    "pretrained-unet": (0.211, 0.490),
    "enhanced": (0.525, 0.480),
    "enhanced-mse": (0.235, 0.514),
}
REFERENCES = {
    "mean image": (0.015, 0.343),
    "class colour": (0.412, 0.496),
    "class and row colour": (0.429, 0.533),
    "nearest training label map": (0.957, 0.253),
}


def square(axis, point, side):
    """A box around a point, of `side` points on the screen."""
    x, y = axis.transData.transform(point)
    half = side * axis.figure.dpi / 72 / 2
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


@pytest.mark.parametrize(
    ("networks", "others"),
    [
        (SCORES, REFERENCES),
        ({"one": (0.1, 0.24)}, {}),
        ({f"model {n}": (0.1, 0.24 + 1e-4 * n) for n in range(30)}, {"mean image": (0.2, 0.28)}),
    ],
    ids=["table", "one", "crowd"],
)
def test_names_in_the_plane_are_apart_inside_and_beside_the_markers(networks, others):
    figure = figures.ssim_against_sharpness(networks, others)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    names = {text.get_text(): Text.get_window_extent(text) for text in axis.texts}
    assert set(names) == {*networks, *others}
    whole = axis.get_window_extent()
    assert all(whole.contains(*box.min) and whole.contains(*box.max) for box in names.values())
    assert not any(one.overlaps(two) for one, two in combinations(names.values(), 2))
    for point in {**networks, **others}.values():
        assert not any(box.overlaps(square(axis, point, 6)) for box in names.values())


def test_no_line_to_a_name_runs_through_the_marker_of_another():
    figure = figures.ssim_against_sharpness(SCORES, REFERENCES)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    points = {**SCORES, **REFERENCES}.values()
    for line in axis.lines:
        start, *rest = line.get_xydata().tolist()
        if rest and line.get_linestyle() == "-":
            for point in points:
                far_from_start = np.abs(np.subtract(point, start)).max() > 1e-6
                path = line.get_transform().transform_path(line.get_path())
                assert not (far_from_start and path.intersects_bbox(square(axis, point, 6)))


@pytest.mark.parametrize("columns", [1, 2, 4, 8])
def test_a_grid_uses_the_width_of_a_notebook(columns):
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    figure = figures.image_grid([[picture] * columns] * 2, ["title"] * columns)
    width, _ = figure.get_size_inches()
    assert width <= 9.1
    assert width > 8.5 or columns < 4  # few pictures need not be huge
    figure.draw_without_rendering()
    sides = [axis.get_window_extent().width / figure.dpi for axis in figure.axes]
    assert min(sides) > 0.8 * min(9 / columns, 2.2)


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


def test_scores_without_an_interval_have_a_marker_and_say_so():
    one = {"mean": 0.3, "images": 1, "blocks": 1, "effective": 1.0}
    known = {"mean": 0.4, "low": 0.35, "high": 0.45, "images": 9, "blocks": 9, "effective": 9.0}
    figures.score_intervals({"a": one, "b": known}, {"c": 0.2}).draw_without_rendering()
    figure = figures.differences({"a": one, "b": known}, "difference")
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["+0.300 (1 image: no interval)", "+0.400 [+0.350, +0.450]"]
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [True, False]
