"""Checks answers to the notebooks' exercises and keeps a record of the verdicts."""

import re
from datetime import datetime, timezone
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from pix2pix_utils.course.checks.forms import WrongForm
from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.files import explain_os_error, read_json, write_json
from pix2pix_utils.locks import FileLock
from pix2pix_utils.paths import output_root

UNANSWERED, RIGHT, WRONG = "not answered yet", "right", "not yet"


def check(exercise: str, answer: Any, **context: Any) -> None:
    """Print one line: not answered yet, right, or not yet with a hint.

    `exercise` is the number of the notebook and of the exercise, such as "02.1"; `context` is what
    the check needs of the notebook, such as its `lesson`. An answer of `...` counts as not given.
    If the answer makes its check raise, it is wrong, and the first line of the error is printed, so
    that a notebook always runs to its end.

    The verdict is written to `course/answers.json` in the output folder. Raises UserError for an
    exercise that does not exist.

    >>> check("00.1", ...)
    exercise 00.1: not answered yet
    """
    verdict, hint = judge(exercise, answer, **context)
    print(f"exercise {exercise}: {verdict}{hint}")
    try:
        record(output_root() / "course" / "answers.json", exercise, verdict)
    except UserError as error:
        print(f"This verdict was not recorded: {error}.")


def judge(exercise: str, answer: Any, **context: Any) -> tuple[str, str]:
    """The verdict on an answer, and what to print behind it: a hint, empty unless it is wrong.

    The inputs that an answer is tried on are drawn anew at every call wherever they are drawn at
    all, so that a second verdict tests more than the first. Raises UserError for an exercise that
    does not exist.
    """
    check_of_exercise = _check_of(exercise)
    if answer is ...:
        return UNANSWERED, ""
    hint = _hint(check_of_exercise, answer, context)
    return (WRONG, hint) if hint else (RIGHT, "")


def require(exercise: str, answer: Any, **context: Any) -> None:
    """Raise AssertionError unless the answer is right: what automatic graders understand.

    Parameters as for `check`; nothing is printed or recorded.
    """
    verdict, hint = judge(exercise, answer, **context)
    if verdict != RIGHT:
        raise AssertionError(f"exercise {exercise}: {verdict}{hint}")


def record(path: Path, exercise: str, verdict: str) -> None:
    """Add a verdict to the file of answers, which several notebooks may write at once.

    The file has, for every exercise that was checked, the `verdict` ("right" once it has been
    right), the `time` of the last check, and the number of `attempts`: answers given up to the
    first right one. Raises UserError if the file cannot be read or written.
    """
    with explain_os_error(f"write {path}", "; set PIX2PIX_OUTPUT to a folder that is writable"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=10):
            answers = read_json(path) if path.exists() else {}
            before = answers.get(exercise, {"verdict": UNANSWERED, "attempts": 0})
            solved = before["verdict"] == RIGHT
            ignored = solved or verdict == UNANSWERED
            answers[exercise] = {
                "verdict": before["verdict"] if ignored else verdict,
                "attempts": before["attempts"] + (not ignored),
                "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }
            write_json(path, dict(sorted(answers.items())))


def _hint(check_of_exercise: Any, answer: Any, context: dict[str, Any]) -> str:
    """What to print behind "not yet"; empty for a right answer."""
    try:
        with torch.random.fork_rng(devices=[]):  # a check changes no later cell's random numbers
            hint = check_of_exercise(answer, **context)
    except WrongForm as error:
        hint = str(error)
    except Exception as error:  # a reader's function may raise anything
        return f" ({': '.join([type(error).__name__, *str(error).splitlines()[:1]])})"
    return f". {hint}" if hint else ""


def _check_of(exercise: str) -> Any:
    """The function that judges the answers to an exercise."""
    notebook, _, number = exercise.partition(".")
    module = f"pix2pix_utils.course.checks.notebook_{notebook}"
    if not re.fullmatch(r"\d\d", notebook) or find_spec(module) is None:
        raise UserError(f"there is no exercise '{exercise}': name one like '02.1'")
    exercises = import_module(module).EXERCISES
    check_choice("exercise", exercise, [f"{notebook}.{known}" for known in exercises])
    return exercises[number]
