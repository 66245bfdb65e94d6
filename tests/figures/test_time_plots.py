"""Scores by training time."""

import pytest

from pix2pix_utils import figures

LEVELS = {
    "class colour": {"val_ssim": 0.45, "class_iou": 0.2},
    "real photo": {"val_ssim": 1.0, "class_iou": 0.7},
}


def points(*rows):
    return [{"seconds": seconds, "val_ssim": ssim, "class_iou": iou} for seconds, ssim, iou in rows]


@pytest.mark.parametrize("names", [["plain", "compiled", "ours"], ["plain", "ours"], ["ours"]])
def test_every_loop_that_trained_has_a_line_in_both_panels(names):
    figure = figures.scores_over_time(
        {name: points((1, 0.2, 0.1), (10, 0.4 + 0.01 * len(name), 0.15)) for name in names}, LEVELS
    )
    figure.draw_without_rendering()
    ssim, iou = figure.axes
    for axis, key in ((ssim, "val_ssim"), (iou, "class_iou")):
        drawn = {line.get_label(): line for line in axis.lines if line.get_label() in names}
        assert list(drawn) == names
        for name, line in drawn.items():
            assert list(line.get_xdata()) == [1, 10]
            expected = [0.2, 0.4 + 0.01 * len(name)] if key == "val_ssim" else [0.1, 0.15]
            assert list(line.get_ydata()) == expected
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == names


def test_each_reference_has_a_named_line_but_for_an_ssim_of_one():
    figure = figures.scores_over_time({"ours": points((1, 0.2, 0.1), (2, 0.3, 0.2))}, LEVELS)
    ssim, iou = figure.axes
    assert [text.get_text() for text in ssim.texts] == ["class colour"]
    assert [text.get_text() for text in iou.texts] == ["class colour", "real photo"]
    assert ssim.get_ylim()[1] < 0.6  # the real photo's 1 would flatten the curves
