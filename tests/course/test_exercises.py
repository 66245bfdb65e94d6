"""The check of an answer."""

import numpy as np
import pytest

from pix2pix_utils.course.exercises import check


def said(capsys, answer, right) -> str:
    assert check(3, answer, right, hint="Count them.") is None
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "right", "line"),
    [
        (..., lambda answer: True, "exercise 3: not answered yet\n"),
        (7, lambda answer: answer == 7, "exercise 3: right\n"),
        (8, lambda answer: answer == 7, "exercise 3: not yet. Count them.\n"),
        (None, lambda answer: answer == 7, "exercise 3: not yet. Count them.\n"),
        ({}, lambda answer: answer["a"], "exercise 3: not yet (KeyError: 'a'). Count them.\n"),
        (0, lambda answer: next(iter(())), "exercise 3: not yet (StopIteration). Count them.\n"),
    ],
)
def test_a_check_says_one_line(capsys, answer, right, line):
    assert said(capsys, answer, right) == line


def test_an_answer_of_the_wrong_type_gets_the_reason_in_one_line(capsys):
    said_of_text = said(capsys, "7", lambda answer: answer > 5)
    assert said_of_text.startswith("exercise 3: not yet (TypeError: '>' not supported")
    said_of_lines = said(capsys, 7, lambda answer: exec("raise ValueError('one\\ntwo')"))
    assert said_of_lines == "exercise 3: not yet (ValueError: one). Count them.\n"
    assert "truth value" in said(capsys, np.ones(2), lambda answer: answer == 1)


def test_an_unanswered_exercise_is_not_checked(capsys):
    def never(answer):
        raise AssertionError("called")

    assert said(capsys, ..., never) == "exercise 3: not answered yet\n"


def test_an_interruption_of_a_check_is_not_swallowed(capsys):
    def stopped(answer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(3, 1, stopped, hint="")
