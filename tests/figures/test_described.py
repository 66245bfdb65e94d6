"""Every figure says in words what it shows, in notebooks too."""

import base64
import re

import numpy as np
import pytest
import torch

from pix2pix_utils import figures
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.figures.described import extremes

PICTURE = np.zeros((8, 8, 3), np.uint8)
SCORES = {"first": {"mean": 0.4, "low": 0.3, "high": 0.5}, "second": {"mean": 0.2}}
MEANS = {"first": 0.41, "second": 0.23}
POINTS = {"first": (0.31, 0.42), "second": (0.11, 0.23)}
CLASSES = CITYSCAPES.classes[:3]
RUN = [
    {"epoch": epoch, "train_ssim": 0.2, "val_ssim": 0.1 * epoch, "test_ssim": 0.3, "l1": 0.5}
    for epoch in (1, 2)
]
BLOCKS = [
    {"size": size, "channels": 64, "convolutions": 1, "dropout": dropout}
    for size, dropout in ((32, False), (16, False), (32, True), (64, False))
]

DRAWN = {  # a function's figure, and words that its text alternative must have
    "palette_legend": (lambda: figures.palette_legend(CITYSCAPES), ("road 128, 64, 128", "train")),
    "class_frequency_bars": (
        lambda: figures.class_frequency_bars({"drawn": np.array([0.5, 0.25, 0.25])}, CITYSCAPES),
        ("drawn: road 50 %",),
    ),
    "class_scores": (
        lambda: figures.class_scores({"first": np.array([0.5, 0.25, np.nan])}, CLASSES),
        ("first: road 0.500", "sidewalk 0.250"),
    ),
    "training_curves": (
        lambda: figures.training_curves({"first": RUN, "second": RUN}),
        ("validation SSIM: first 0.1 to 0.2", "L1"),
    ),
    "split_curves": (
        lambda: figures.split_curves({"first": RUN}),
        ("first: val best (0.200) after epoch 2", "train 0.200, val 0.200, test 0.300"),
    ),
    "unet_diagram": (
        lambda: figures.unet_diagram({"small": BLOCKS}),
        ("small", "encoder 32x32x64, 16x16x64", "decoder 32x32x64 and dropout, 64x64x64"),
    ),
    "ssim_against_realism": (
        lambda: figures.ssim_against_realism({"family": POINTS}),
        ("first 0.31, 0.420", "On the frontier: second, first"),
    ),
    "distance_intervals": (
        lambda: figures.distance_intervals(SCORES, {}, {"mean": 0.1}, "distance"),
        ("first 0.4000 [0.3000, 0.5000]", "Real photos of other scenes 0.1000"),
    ),
    "rank_chart": (
        lambda: figures.rank_chart({"SSIM": MEANS, "L1": MEANS}, lower=("L1",)),
        ("By SSIM: first, second", "By L1: second, first"),
    ),
    "image_grid": (
        lambda: figures.image_grid(
            [[PICTURE, PICTURE]] * 2, ["label map", "a\nphoto"], ["best", "worst"], [["", "x"]] * 2
        ),
        ("2 rows", "label map; a, photo", "best; worst", "x | x"),
    ),
    "score_maps": (
        lambda: figures.score_maps(
            [("real", torch.zeros(2, 3, 8, 8), torch.full((2, 1, 2, 2), 0.75))], "chance"
        ),
        ("chance", "real 0.75, 0.75"),
    ),
    "differences": (
        lambda: figures.differences(
            {"first": {"mean": 0.1, "low": 0.05, "high": 0.15, "images": 4}}, "gain"
        ),
        ("gain: first +0.100 [+0.050, +0.150]",),
    ),
    "sampled_means": (
        lambda: figures.sampled_means({"first": np.array([0.1, 0.3])}, "mean SSIM"),
        ("mean SSIM", "first 0.200"),
    ),
    "score_columns": (
        lambda: figures.score_columns({"ours": SCORES, "theirs": SCORES}, "SSIM"),
        ("ours: first 0.400 [0.300, 0.500]; second 0.200", "theirs"),
    ),
    "score_distribution": (
        lambda: figures.score_distribution({"first": np.array([0.1, 0.2, 0.6])}),
        ("Medians: first 0.200",),
    ),
    "score_intervals": (
        lambda: figures.score_intervals(SCORES, {"mean image": 0.3}),
        ("first 0.400 [0.300, 0.500]", "no network: mean image 0.300"),
    ),
    "seed_dots": (
        lambda: figures.seed_dots({"first": [0.1, 0.2]}, "SSIM"),
        ("SSIM: first 0.100, 0.200",),
    ),
    "ssim_against_sharpness": (
        lambda: figures.ssim_against_sharpness(POINTS),
        ("first 0.31, 0.420",),
    ),
    "value_bars": (lambda: figures.value_bars(MEANS, "SSIM"), ("SSIM: first 0.410",)),
    "best_of_curves": (
        lambda: figures.best_of_curves(
            {"first": [dict(trials=n, mean=n / 10, low=0, high=1) for n in (1, 2)]}
        ),
        ("first 0.100 of one, 0.200 of 2",),
    ),
    "best_so_far": (
        lambda: figures.best_so_far({"first": [0.1, 0.1, 0.3]}),
        ("first 0.100 after one, 0.300 after 3",),
    ),
    "pruned_curves": (
        lambda: figures.pruned_curves([([0.1, 0.2], 1), ([0.1, 0.3], None)]),
        ("2 trials", "1 are stopped early, after epochs 1"),
    ),
    "search_points": (
        lambda: figures.search_points(
            {"grid": [(0.1, 1.0, 0.2), (0.1, 2.0, 0.4), (0.1, 3.0, None)]}, ("rate", "alpha")
        ),
        ("grid: 3 points with 1 values of rate and 3 of alpha", "best 0.400 at 0.1 and 2"),
    ),
    "scores_over_time": (
        lambda: figures.scores_over_time(
            {"first": [{"seconds": 9.0, "val_ssim": 0.3, "class_iou": 0.1}]},
            {"mean image": {"val_ssim": 0.2, "class_iou": 0.05}},
        ),
        ("first 0.300 and 0.100 after 9 s", "SSIM on val: mean image 0.200"),
    ),
}
NOT_DRAWN = {  # names of the public list that make no figure
    "COLORS", "GREY", "LINES", "MARKERS", "Figure", "mosaic", "non_dominated", "save",
    "save_picture", "street_strip",
}  # fmt: skip
ELSEWHERE = {"contact_sheet"}  # in test_sheets.py, where there are data


def test_no_figure_is_forgotten():
    assert set(figures.__all__) == set(DRAWN) | NOT_DRAWN | ELSEWHERE


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_says_what_it_was_given(name):
    draw, wanted = DRAWN[name]
    figure = draw()
    assert isinstance(figure, figures.Figure)
    for words in wanted:
        assert words in figure.alt
    assert figure.alt.endswith(".")
    assert "nan" not in figure.alt
    assert len(figure.alt) < 1500


def test_a_written_sentence_comes_before_the_details():
    figure = figures.value_bars(MEANS, "SSIM").described_as("Both are low.")
    assert figure.alt.startswith("Both are low. Bars, SSIM: first 0.410")


def test_a_plot_of_ones_own_has_the_words_that_are_in_it():
    figure = figures.Figure()
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], label="identity")
    axis.plot([0, 1], [0, 0])
    axis.set(title="two lines", xlabel="input", ylabel="output")
    assert figure.alt == "Plot. two lines: output by input: identity"


def test_of_many_values_only_the_ends_are_named():
    assert extremes({f"class {n}": n / 100 for n in range(20)}, ".2f") == (
        "highest class 19 0.19; class 18 0.18; class 17 0.17; lowest class 1 0.01; class 0 0.00"
    )


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8")])
def test_a_notebook_shows_the_picture_once_and_with_its_words(monkeypatch, kind, start):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    figure = figures.image_grid([[PICTURE]], ['"quoted" & <b>']).described_as("A black square.")
    if kind == "jpeg":
        figure.as_jpeg()
    figure._ipython_display_()
    ((html, plain),) = [tuple(data.values()) for data in shown]
    assert list(shown[0]) == ["text/html", "text/plain"]
    assert plain == figure.alt
    assert (
        'alt="A black square. Pictures in a row. Columns: &quot;quoted&quot; &amp; &lt;b&gt;."'
        in html
    )
    (encoded,) = re.findall(rf'src="data:image/{kind};base64,([^"]+)"', html)
    assert base64.b64decode(encoded).startswith(start)
