"""The epoch scrubber: the right grid, the right mark, and what it does without a file."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from widget_helpers import control, history, make_run

from pix2pix_utils.errors import UserError
from pix2pix_utils.training.runs import Run
from pix2pix_utils.widgets import epoch_figure, epoch_scrubber
from pix2pix_utils.widgets.charts import line_chart
from pix2pix_utils.widgets.scrubber import describe_epoch, epoch_charts, epoch_picture


@pytest.fixture
def run(tmp_path, smoke_config, street_data):
    run = make_run(tmp_path, smoke_config, street_data)
    for epoch in (1, 2, 3):
        Image.new("RGB", (8, 6), (epoch, 0, 0)).save(run.samples / f"epoch-{epoch:04d}.png")
    return run


def test_the_picture_is_the_grid_of_that_epoch(run):
    np.testing.assert_array_equal(epoch_picture(run, 2), np.tile((2, 0, 0), (6, 8, 1)))


def test_the_mark_is_at_its_epoch():
    """Over three epochs the second is in the middle of the axis, at the height of its value."""
    charts = epoch_charts(history(), 2)
    middle = line_chart("x", {"x": [(1, 0), (2, 1), (3, 0)]}, 3, [(2, 1)], cursor=2)
    x = re.search(r'class="ring" cx="([\d.]+)"', middle)[1]
    assert re.findall(r'class="ring" cx="([\d.]+)"', charts) == [x, x]
    assert re.findall(r'class="cursor" x1="([\d.]+)"', charts) == [x, x]
    ssim = charts.split("<svg")[2]  # its second epoch is the best: no curve point is higher
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', ssim)]
    assert float(re.search(r'class="ring" cx="[\d.]+" cy="([\d.]+)"', ssim)[1]) == min(heights)


def test_the_words_name_the_epoch_and_the_best():
    assert describe_epoch(history(), 2) == (
        "Epoch 2 of 3: L1 distance 0.280, validation SSIM 0.450; the best of this run."
    )
    assert describe_epoch(history(), 3).endswith("best 0.450 after epoch 2.")


def test_the_slider_changes_everything(run):
    widget = epoch_scrubber(run)
    slider = control(widget, "epoch")
    assert (slider.min, slider.max, slider.value) == (1, 3, 3)
    before = [child.value for child in widget.children[2:5]]
    slider.value = 1
    after = [child.value for child in widget.children[2:5]]
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert "Epoch 1 of 3" in after[0]


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_grid_that_cannot_be_read_is_said(run, damage):
    path = run.samples / "epoch-0002.png"
    path.unlink() if damage == "missing" else path.write_bytes(b"no picture")
    widget = epoch_scrubber(run)
    control(widget, "epoch").value = 2
    assert "epoch-0002.png is missing or damaged" in widget.children[4].value
    assert "Epoch 2 of 3" in widget.children[2].value
    assert epoch_picture(run, 2) is None
    titles = [axis.get_title() for axis in epoch_figure(run, [2, 3]).axes]
    assert titles[-2:] == ["after epoch 2", "after epoch 3"]


def test_a_loss_that_some_epochs_lack_is_left_out():
    rows = history()
    rows[0]["l1"] = float("nan")
    assert "nan" not in epoch_charts(rows, 1)
    del rows[1]["l1"]
    assert "L1" not in describe_epoch(rows, 2)


def test_a_run_before_its_first_epoch_has_nothing_to_show(tmp_path, smoke_config, street_data):
    run = Run.create(tmp_path, smoke_config, street_data)
    for show in (epoch_scrubber, lambda run: epoch_figure(run, [1])):
        with pytest.raises(UserError, match="no epoch of the run"):
            show(run)


def test_a_hostile_name_is_text(run, smoke_config):
    hostile = Run(run.folder, replace(smoke_config, experiment="<script>alert(1)</script>"))
    assert "&lt;script&gt;" in epoch_scrubber(hostile).children[0].value
    assert "<script>" not in epoch_scrubber(hostile).children[0].value


def test_a_chart_survives_any_values():
    for values in ([], [0.0], [5.0, 5.0], [float("inf"), 1.0], [-1e9, 1e9], [1e-9, 2e-9]):
        points = list(enumerate(values, start=1))
        chart = line_chart("loss", {"one": points, "two": points}, len(values) or 1)
        assert chart.count("<svg") == chart.count("</svg>") == 1
        assert "nan" not in chart and "inf" not in chart


def test_a_chart_tells_its_values_to_screen_readers_and_its_curves_without_colour():
    chart = line_chart("loss", {"real": [(1, 0.5)], "<b>": [(1, 0.25)]}, 2)
    assert 'aria-label="loss: real 0.5 at epoch 1, &lt;b&gt; 0.25 at epoch 1"' in chart
    assert "<b>" not in chart
    assert chart.count('stroke-dasharray="5 3"') == 2  # the curve and its key
