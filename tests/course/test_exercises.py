"""The check of an answer, and the record of the verdicts."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from messages import one_sentence

from pix2pix_utils.course import exercises
from pix2pix_utils.course.checks import notebook_00
from pix2pix_utils.course.checks.forms import WrongForm, array, function, number, numbers, word
from pix2pix_utils.course.exercises import check, record
from pix2pix_utils.paths import output_root


@pytest.fixture
def judged_by(monkeypatch):
    """Sets the function that judges exercise 00.1."""
    return lambda judge: monkeypatch.setitem(notebook_00.EXERCISES, "1", judge)


def said(capsys, answer, **context) -> str:
    assert check("00.1", answer, **context) is None
    return capsys.readouterr().out


def answers() -> dict:
    return json.loads((output_root() / "course" / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("answer", "judge", "line"),
    [
        (..., lambda answer: "No.", "exercise 00.1: not answered yet\n"),
        (7, lambda answer: None, "exercise 00.1: right\n"),
        (8, lambda answer: "Count them.", "exercise 00.1: not yet. Count them.\n"),
        ({}, lambda answer: answer["a"], "exercise 00.1: not yet (KeyError: 'a')\n"),
        (0, lambda answer: next(iter(())), "exercise 00.1: not yet (StopIteration)\n"),
    ],
)
def test_a_check_says_one_line(capsys, judged_by, answer, judge, line):
    judged_by(judge)
    assert said(capsys, answer) == line


def test_only_the_first_line_of_an_error_is_printed(capsys, judged_by):
    judged_by(lambda answer: exec("raise ValueError('one\\ntwo')"))
    assert said(capsys, 7) == "exercise 00.1: not yet (ValueError: one)\n"


def test_a_check_gets_the_context_that_the_notebook_passes(capsys, judged_by):
    judged_by(lambda answer, size: None if answer == size else f"It is not {answer}.")
    assert said(capsys, 32, size=32).endswith(": right\n")
    assert said(capsys, 33, size=32).endswith("It is not 33.\n")


def test_an_unanswered_exercise_is_not_judged(capsys, judged_by):
    def never(answer):
        raise AssertionError("called")

    judged_by(never)
    assert said(capsys, ...) == "exercise 00.1: not answered yet\n"


def test_an_interruption_of_a_check_is_not_swallowed(judged_by):
    def stopped(answer):
        raise KeyboardInterrupt

    judged_by(stopped)
    with pytest.raises(KeyboardInterrupt):
        check("00.1", 1)


@pytest.mark.parametrize("name", ["00.9", "77.1", "1", "forms.1", "00"])
def test_an_exercise_that_does_not_exist_is_named(name):
    assert f"there is no exercise '{name}'" in one_sentence(lambda: check(name, 1))


def test_verdicts_are_kept_with_the_number_of_attempts(capsys, judged_by):
    judged_by(lambda answer: None if answer == 7 else "No.")
    said(capsys, ...)
    assert answers()["00.1"]["verdict"] == "not answered yet"
    assert answers()["00.1"]["attempts"] == 0
    for answer, verdict, attempts in (
        (1, "not yet", 1),
        (..., "not yet", 1),
        (7, "right", 2),
        (..., "right", 2),  # the notebook is run again later
        (1, "right", 2),
    ):
        said(capsys, answer)
        entry = answers()["00.1"]
        assert (entry["verdict"], entry["attempts"]) == (verdict, attempts)
    assert entry["time"].startswith("20")


def test_notebooks_that_run_at_once_lose_no_verdict(tmp_path):
    path = tmp_path / "answers.json"
    names = [f"0{notebook}.{number}" for notebook in range(5) for number in range(1, 5)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: record(path, name, exercises.WRONG), names))
    assert sorted(json.loads(path.read_text())) == names


@pytest.mark.skipif(os.name != "posix", reason="a folder cannot be made of a file")
def test_where_nothing_can_be_written_one_sentence_says_so(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIX2PIX_OUTPUT", str(tmp_path / "file"))
    first, second = said(capsys, ...).splitlines()
    assert first == "exercise 00.1: not answered yet"
    assert second.startswith("This verdict was not recorded: cannot write")
    assert "PIX2PIX_OUTPUT" in second


def test_a_damaged_record_is_named_and_left_alone(capsys):
    path = output_root() / "course" / "answers.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert "answers.json is not a JSON file" in said(capsys, 7)
    assert path.read_text() == "{"


@pytest.mark.parametrize(
    "seven",
    [7, 7.0, np.float32(7), np.array(7), np.array([7]), torch.tensor(7), torch.tensor([7.0]), [7]],
)
def test_a_number_is_read_in_any_form(seven):
    assert number(seven) == 7.0


@pytest.mark.parametrize("other", [None, "7", True, [1, 2], {}, {7}, lambda: 7, np.array("7"), ...])
def test_what_is_not_one_number_is_refused_with_a_hint(other):
    with pytest.raises(WrongForm, match=r"^[A-Z].*\.$"):
        number(other)


def test_several_numbers_are_read_from_any_sequence():
    some = torch.tensor([1.0, 2.0], requires_grad=True)
    for pair in ((1, 2), [1, 2.0], np.array([1, 2]), some, (some[0], 2)):
        assert numbers(pair, 2) == [1, 2]
    for other in ((1, 2, 3), 1, None, "ab", (1, [2, 3])):
        with pytest.raises(WrongForm):
            numbers(other, 2)
    with pytest.raises(WrongForm, match=r"shape \(2, 2\)"):
        array([[1, 2, 3]], shape=(2, 2))


def test_words_are_read_in_any_case_and_functions_are_called_for():
    assert word(" Undecided ") == "undecided"
    with pytest.raises(WrongForm, match="None"):
        word(None)
    assert function(abs) is abs
    with pytest.raises(WrongForm, match="a function"):
        function(3)
