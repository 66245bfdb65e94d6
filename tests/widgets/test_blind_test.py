"""The blind test: what it shows, what it gives away, and what it makes of the answers."""

import base64
import io
import json
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from widget_helpers import control

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import choice_summary
from pix2pix_utils.paths import output_root
from pix2pix_utils.widgets import (
    BlindTest,
    a_or_b,
    blind_test_figure,
    describe_result,
    real_or_generated,
    two_choices,
)
from pix2pix_utils.widgets.blind_test import REAL, reveal

LEFT, RIGHT = "left", "right"


@pytest.fixture
def pairs(street_data):
    return street_data.train  # 12 scenes


@pytest.fixture
def generated(pairs):
    return 255 - pairs.photos  # no photo looks like its negative


@pytest.fixture
def blind(pairs, generated):
    return real_or_generated(pairs, "negative", generated, trials=10, seed=3)


def pictures_in(html):
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [np.array(Image.open(io.BytesIO(base64.b64decode(one)))) for one in sources]


def shown(widget):
    """The two pictures on the screen."""
    columns = widget.children[2].children[:2]
    return [pictures_in(column.children[0].value) for column in columns]


def words(widget):
    return widget.children[0].value


def press(widget, name):
    control(widget, name).click()


def test_each_trial_shows_both_pictures_of_another_scene(blind, pairs, generated):
    assert len({trial.scene for trial in blind.trials}) == 10
    for number, trial in enumerate(blind.trials):
        left, right = blind.shown(number)
        real = {REAL: pairs.photos[trial.scene], "negative": generated[trial.scene]}
        np.testing.assert_array_equal(left, real[trial.left])
        np.testing.assert_array_equal(right, real[trial.right])


def test_sides_and_scenes_follow_from_the_seed_and_the_sides_are_even(pairs, generated):
    tests = [real_or_generated(pairs, "negative", generated, 10, seed) for seed in (3, 3, 4)]
    assert tests[0].trials == tests[1].trials != tests[2].trials
    for one in tests:
        assert Counter(trial.left for trial in one.trials) == {REAL: 5, "negative": 5}
        for _ in one.trials:
            one.choose(LEFT)
        assert one.result()["share"] == 0.5  # a reader who always presses the same button
    first = [trial.left for trial in tests[0].trials]
    assert first != sorted(first) and first != sorted(first, reverse=True)


def test_a_split_with_fewer_scenes_has_fewer_trials(pairs, generated):
    assert len(real_or_generated(pairs, "negative", generated, trials=40).trials) == 12


def test_the_count_is_that_of_the_generated_pictures_taken_for_photos(blind):
    for trial in blind.trials[:4]:
        blind.choose(LEFT if trial.left == "negative" else RIGHT)
    for trial in blind.trials[4:]:
        blind.choose(LEFT if trial.left == REAL else RIGHT)
    result = blind.result()
    assert blind.is_done and result["chosen"] == 4 and result["seed"] == 3
    assert {key: result[key] for key in choice_summary(4, 10)} == choice_summary(4, 10)
    said = describe_result(result)
    assert said.startswith("You took the picture of negative for the photo in 4 of 10 trials (40%,")
    assert "could be chance" in said


def test_a_or_b_counts_the_first_model_and_says_on_which_side_of_chance(pairs, generated):
    blind = a_or_b(pairs, {"one": generated, "two": pairs.photos}, trials=12)
    for trial in blind.trials:
        blind.choose(LEFT if trial.left == "two" else RIGHT)
    said = describe_result(blind.result())
    assert said.startswith("You chose one over two in 0 of 12 trials (0%, 95 % interval 0% to ")
    assert said.endswith("the whole interval is below it.")


@pytest.mark.parametrize("count", [1, 3])
def test_two_pictures_of_each_scene_are_needed(pairs, generated, count):
    pictures = {str(number): generated for number in range(count)}
    with pytest.raises(UserError, match="two pictures of each of the 12 scenes"):
        BlindTest("?", pairs, pictures)
    with pytest.raises(UserError, match=r"not short: 5, real photo: 12$"):
        real_or_generated(pairs, "short", generated[:5])


def test_the_widget_waits_for_its_start(blind):
    widget = two_choices(blind)
    assert shown(widget) == [[], []]
    assert control(widget, LEFT).disabled and control(widget, RIGHT).disabled
    press(widget, "start")
    assert not control(widget, LEFT).disabled and not control(widget, RIGHT).disabled
    assert control(widget, "start").layout.display == "none"
    for (picture,), expected in zip(shown(widget), blind.shown(0), strict=True):
        np.testing.assert_array_equal(picture, expected)
    assert "Trial 1 of 10. Which of the two is the photo?" in words(widget)


def test_nothing_is_given_away_before_the_end(blind):
    widget = two_choices(blind)
    press(widget, "start")
    said = set()
    for number in range(10):
        assert not output_root().exists()
        columns = widget.children[2].children[:2]
        html = "".join(column.children[0].value for column in columns) + words(widget)
        without_pictures = re.sub(r'src="[^"]+"', "", html)
        assert "negative" not in without_pictures and REAL not in without_pictures
        assert widget.children[3].value == ""
        said.add(re.sub(r"Trial \d+", "Trial", without_pictures))
        press(widget, (LEFT, RIGHT)[number % 2])
    assert len(said) == 1  # right or wrong, it says the same


def test_the_last_answer_shows_the_result_and_records_it(blind):
    widget = two_choices(blind)
    press(widget, "start")
    for trial in blind.trials:
        press(widget, LEFT if trial.left == REAL else RIGHT)
    assert "in 0 of 10 trials" in words(widget)
    assert "Recorded in judgements.json" in words(widget)
    assert shown(widget) == [[], []] and control(widget, LEFT).disabled
    assert len(pictures_in(widget.children[3].value)) == 20
    assert f"1: {blind.trials[0].describe()}; you chose {REAL}" in widget.children[3].value
    path = output_root() / "course" / "judgements.json"
    (found,) = json.loads(path.read_text(encoding="utf-8"))["judgements"]
    assert found["pictures"] == ["negative", REAL] and found["chosen"] == 0
    assert found["trials"] == 10 and found["seconds"] is None and found["time"]


def test_results_are_added_to_those_before_and_a_damaged_file_is_left_alone(pairs, generated):
    path = output_root() / "course" / "judgements.json"
    for _ in range(2):
        widget = two_choices(real_or_generated(pairs, "negative", generated, trials=1))
        press(widget, "start")
        press(widget, LEFT)
    assert len(json.loads(path.read_text(encoding="utf-8"))["judgements"]) == 2
    path.write_text('{"judgem', encoding="utf-8")
    widget = two_choices(real_or_generated(pairs, "negative", generated, trials=1))
    press(widget, "start")
    press(widget, LEFT)
    assert "in 1 of 1 trials" in words(widget) or "in 0 of 1 trials" in words(widget)
    assert "Not recorded" in words(widget) and path.read_text(encoding="utf-8") == '{"judgem'


def test_pictures_stay_unless_an_exposure_time_is_set(blind):
    widget = two_choices(blind)
    press(widget, "start")
    column = widget.children[2].children[0]
    assert "animation" not in column.children[0].value
    timed = two_choices(blind, seconds=1)
    press(timed, "start")
    first = timed.children[2].children[0].children[0].value
    assert re.search(r"animation: (p2p-\w+) 1ms 1s forwards", first)
    press(timed, LEFT)  # the next picture is hidden by an animation of its own
    names = [
        re.search(r"animation: (p2p-\w+)", html)[1]
        for html in (first, timed.children[2].children[0].children[0].value)
    ]
    assert names[0] != names[1]


def test_every_picture_and_button_has_words_for_screen_readers(blind):
    widget = two_choices(blind)
    press(widget, "start")
    for side, column in zip((LEFT, RIGHT), widget.children[2].children[:2], strict=True):
        assert f'alt="the picture on the {side}"' in column.children[0].value
        assert control(column, side).tooltip == f"choose the picture on the {side}"


def test_hostile_names_are_text(pairs, generated):
    hostile = "<script>alert(1)</script>"
    blind = a_or_b(pairs, {hostile: generated, "b": pairs.photos}, trials=2)
    widget = two_choices(blind)
    press(widget, "start")
    press(widget, LEFT)
    press(widget, LEFT)
    assert "<script>" not in words(widget) + reveal(blind)
    assert "&lt;script&gt;" in words(widget)


def test_the_static_figure_has_the_first_trials_and_no_answers(blind):
    figure = blind_test_figure(blind, trials=3)
    assert len(figure.axes) == 6
    for number, (left, right) in enumerate(map(blind.shown, range(3))):
        above, below = figure.axes[number], figure.axes[3 + number]
        np.testing.assert_array_equal(above.images[0].get_array(), left)
        np.testing.assert_array_equal(below.images[0].get_array(), right)
        assert above.get_title() == f"trial {number + 1}"
    assert [figure.axes[k].get_ylabel() for k in (0, 3)] == [LEFT, RIGHT]
    assert len(blind_test_figure(blind, trials=99).axes) == 20
