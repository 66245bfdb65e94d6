"""The comparison of two models: the wiped picture, the gallery of photos, and the widget."""

import re
from dataclasses import replace

import numpy as np
import pytest
from widget_helpers import control, make_run

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.widgets import comparison_figure, finished_runs, run_comparison
from pix2pix_utils.widgets.compare import REAL, Gallery, border_style, wipe, wiped_photos


@pytest.fixture
def runs(tmp_path, smoke_config, street_data):
    return [make_run(tmp_path, replace(smoke_config, seed=seed), street_data) for seed in (0, 1)]


@pytest.mark.parametrize(("position", "border"), [(0, 0), (0.25, 2), (0.5, 4), (1, 8)])
def test_left_of_the_border_is_the_left_picture(position, border):
    left = np.full((6, 8, 3), 10, np.uint8)
    right = np.full((6, 8, 3), 200, np.uint8)
    picture = wipe(left, right, position)
    assert picture.shape == left.shape
    assert (picture[:, :border] == 10).all() and (picture[:, border:] == 200).all()


def test_the_widget_cuts_where_the_picture_does():
    """`right` is on top and loses its left part, so that `left` shows up to the border."""
    tag = wiped_photos("own", [("a", np.zeros((2, 2, 3), np.uint8))] * 2, "words")
    below, above = re.findall(r"<img[^>]*>", tag)
    assert 'class="upper"' in above and "upper" not in below
    assert ".own .upper { clip-path: inset(0 0 0 25%) }" in border_style("own", 0.25)
    assert ".own .border { left: 25% }" in border_style("own", 0.25)


def test_the_gallery_has_the_photos_and_scores_of_the_runs(runs, street_data):
    gallery = Gallery(runs, street_data)
    assert gallery.names == ["baseline, seed 0", "baseline, seed 1", REAL]
    predict = generator_predictor(load_generator(runs[1].folder, "cpu")[0])
    expected = ssim_scores(predict, street_data.test)
    for scene in (0, 4):
        assert gallery.photo("baseline, seed 1", scene)[1] == pytest.approx(expected[scene], 1e-4)
    photo, score = gallery.photo(REAL, 4)
    np.testing.assert_array_equal(photo, street_data.test.photos[4])
    assert score == pytest.approx(1)


def test_runs_that_differ_in_more_than_the_seed_keep_apart(
    runs, tmp_path, smoke_config, street_data
):
    longer = make_run(tmp_path, replace(smoke_config, epochs=3), street_data)
    assert len(Gallery([*runs, longer], street_data).names) == 4


def test_no_more_generators_are_kept_than_fit(tmp_path, smoke_config, street_data):
    runs = [make_run(tmp_path, replace(smoke_config, seed=s), street_data) for s in range(6)]
    gallery = Gallery(runs, street_data)
    for name in gallery.names:
        gallery.photo(name, 0)
    assert gallery._predictor.cache_info().currsize == 4


def test_finished_runs_are_those_on_the_same_data(tmp_path, runs, smoke_config, street_data):
    make_run(tmp_path, replace(smoke_config, seed=2), street_data, finished=False)
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "config.json").write_text("{")
    other = replace(street_data, fingerprint="of other pairs")
    make_run(tmp_path, smoke_config, other)
    assert finished_runs(tmp_path, street_data) == sorted(runs, key=lambda run: run.folder)


def test_without_runs_there_is_nothing_to_compare(street_data):
    with pytest.raises(UserError, match="no finished run"):
        run_comparison([], street_data)


def test_one_run_is_compared_with_the_real_photos(runs, street_data):
    widget = run_comparison(runs[:1], street_data)
    assert control(widget, "left").value == "baseline"
    assert control(widget, "right").value == REAL


def html(widget) -> str:
    inside = "".join(html(child) for child in getattr(widget, "children", ()))
    return inside + (widget.value if type(widget).__name__ == "HTML" else "")


def test_moving_the_border_sends_no_picture(runs, street_data):
    widget = run_comparison(runs, street_data)
    picture = widget.children[1].value
    control(widget, "border").value = 0.2
    assert "inset(0 0 0 20%)" in widget.children[0].value
    assert widget.children[1].value is picture


@pytest.mark.parametrize(("description", "value"), [("scene", 3), ("left", REAL), ("right", REAL)])
def test_every_other_control_changes_the_picture(runs, street_data, description, value):
    widget = run_comparison(runs, street_data)
    before = widget.children[1].value
    control(widget, description).value = value
    assert widget.children[1].value != before


def test_the_scores_stand_below_and_in_the_text_for_screen_readers(runs, street_data):
    widget = run_comparison(runs, street_data)
    control(widget, "scene").value = 2
    score = Gallery(runs, street_data).photo("baseline, seed 0", 2)[1]
    assert f"left baseline, seed 0, SSIM {score:.3f}" in widget.children[2].children[4].value
    assert f'aria-label="Scene {street_data.test.names[2]}: left' in widget.children[1].value


def test_a_hostile_name_is_text(tmp_path, smoke_config, street_data):
    hostile = replace(smoke_config, experiment='<img src=x onerror="alert(1)">')
    run = make_run(tmp_path, replace(hostile, experiment="x"), street_data)
    widget = run_comparison([Run(run.folder, hostile)], street_data)
    assert "<img src=x" not in html(widget) and "&lt;img src=x" in html(widget)
    assert 'onerror="' not in html(widget)


def test_the_figure_shows_both_and_their_scores(runs, street_data):
    axes = comparison_figure(runs, street_data, [0, 3]).axes
    assert len(axes) == 10
    score = Gallery(runs, street_data).photo("baseline, seed 1", 3)[1]
    assert axes[7].get_xlabel() == f"SSIM {score:.3f}"
