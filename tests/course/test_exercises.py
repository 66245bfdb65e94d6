"""The check of an answer, and every notebook's exercises: stubs, checks and solutions."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

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


def test_an_answer_that_does_not_fit_is_told_why_in_one_line(capsys):
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


FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STUB = re.compile(r"^answer_(\d+) = \.\.\..*$", re.MULTILINE)
SOLUTION = re.compile(
    r"^<details><summary>Solution</summary>\n.*^```python\n(.*?)^```$.*^</details>$",
    re.MULTILINE | re.DOTALL,
)


def has_exercises(path) -> bool:
    return bool(tagged(nbformat.read(path, as_version=4), "exercise"))


def tagged(book, tag) -> list[int]:
    """Positions of the cells with a tag."""
    return [i for i, cell in enumerate(book.cells) if tag in cell.metadata.get("tags", [])]


def solution_of(cell) -> str:
    """The code of a folded solution: exactly one block."""
    found = SOLUTION.search(cell.source)
    assert found and cell.cell_type == "markdown", cell.source
    assert cell.source.count("```python") == 1, "one block of code a solution"
    return found[1]


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_exercises_are_a_question_a_stub_a_check_and_a_folded_solution(path):
    book = nbformat.read(path, as_version=4)
    stubs, checks = tagged(book, "exercise"), tagged(book, "check")
    assert checks == [index + 1 for index in stubs]
    for number, index in enumerate(stubs, start=1):
        question, stub, check_cell, answer = book.cells[index - 1 : index + 3]
        assert re.search(
            rf"^\*\*{number}\b.*\((\d+ minutes|.*an hour|.*an evening)", question.source, re.M
        )
        assert STUB.findall(stub.source) == [str(number)]
        assert re.search(rf"\bcheck\(\s*{number},\s*answer_{number},", check_cell.source)
        assert re.search(rf"^(def )?answer_{number}\b", solution_of(answer), re.M)
        # as it is committed: nobody has answered yet
        assert printed(check_cell) == f"exercise {number}: not answered yet\n"


@pytest.mark.parametrize("number", range(7))
def test_every_notebook_of_the_course_proper_has_exercises(number):
    (path,) = FOLDER.glob(f"{number:02}_*.ipynb")
    count = len(tagged(nbformat.read(path, as_version=4), "exercise"))
    assert count == 1 if number == 0 else 3 <= count <= 4


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if has_exercises(path)], ids=lambda path: path.stem
)
def test_the_solutions_are_right_and_a_wrong_answer_is_told_wrong(path, monkeypatch):
    """One execution a notebook: the solutions in place of the stubs, then wrong answers."""
    book = nbformat.read(path, as_version=4)
    stubs = tagged(book, "exercise")
    for index in stubs:
        solution = solution_of(book.cells[index + 2])
        book.cells[index].source = STUB.sub(lambda _, code=solution: code, book.cells[index].source)
    wrong = []
    for number, index in enumerate(stubs, start=1):
        for answer in ("None", "-7", "'nothing'"):
            source = f"answer_{number} = {answer}\n{book.cells[index + 1].source}"
            wrong.append(nbformat.v4.new_code_cell(source))
    book.cells += wrong
    monkeypatch.setenv("PIX2PIX_PROFILE", "smoke")
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    said = [printed(book.cells[index + 1]) for index in stubs]
    assert said == [f"exercise {number}: right\n" for number in range(1, len(stubs) + 1)]
    for cell in wrong:
        assert re.match(r"exercise \d: not yet", printed(cell)), cell.source
