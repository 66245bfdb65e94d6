"""Runs every notebook once at the smoke profile, as committed and with the exercises solved."""

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from pix2pix_utils.classroom import sources
from pix2pix_utils.classroom.sources import STUB, solution_of, tagged
from pix2pix_utils.paths import output_root

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def exercises(path) -> list[str]:
    """The names of a notebook's exercises, such as 02.1, as the package checks them."""
    notebook = path.stem[:2]
    module = import_module(f"pix2pix_utils.course.checks.notebook_{notebook}")
    return [f"{notebook}.{number}" for number in module.EXERCISES]


@each_notebook
def test_an_exercise_is_a_question_a_stub_a_check_and_a_folded_solution(path):
    book = nbformat.read(path, as_version=4)
    stubs, checks = tagged(book, "exercise"), tagged(book, "check")
    assert len(stubs) == 1 if path.stem.startswith("00") else 3 <= len(stubs) <= 5
    assert len(stubs) == len(exercises(path))
    assert checks == [index + 1 for index in stubs]
    for number, index in enumerate(stubs, start=1):
        question, stub, check_cell, answer = book.cells[index - 1 : index + 3]
        assert re.search(
            rf"^\*\*{number}\b.*\((\d+ minutes|.*an hour|.*an evening)", question.source, re.M
        )
        assert STUB.findall(stub.source) == [str(number)]
        assert re.search(rf"^(def )?answer_{number}\b", solution_of(answer), re.M)
        name = exercises(path)[number - 1]
        assert printed(check_cell) == f"exercise {name}: not answered yet\n"


@each_notebook
def test_a_check_shows_nothing_of_the_answer(path):
    """It is one call with the exercise's name, the answer, and names from the notebook."""
    book = nbformat.read(path, as_version=4)
    for name, index in zip(exercises(path), tagged(book, "check"), strict=True):
        (statement,) = ast.parse(book.cells[index].source).body
        call = statement.value
        assert ast.unparse(call.func) == "course.check"
        first, answer = map(ast.unparse, call.args)
        assert first == repr(name)
        assert answer == f"answer_{name[-1]}"
        for keyword in call.keywords:
            assert all(
                isinstance(node, (ast.Name, ast.Attribute, ast.Load, ast.Call, ast.Constant))
                for node in ast.walk(keyword.value)
            ), ast.unparse(keyword)


@each_notebook
def test_a_notebook_runs_unanswered_solved_and_with_wrong_answers(path, monkeypatch):
    """One kernel runs the committed cells, each solution after its check, then wrong answers."""
    book = nbformat.read(path, as_version=4)
    unanswered = [book.cells[index] for index in tagged(book, "check")]
    solved, wrong = [], []
    names = exercises(path)
    for number, index in reversed(list(enumerate(tagged(book, "exercise"), start=1))):
        stub, check_cell, answer = book.cells[index : index + 3]
        solution = new_code_cell(sources.solved(stub.source, solution_of(answer)))
        solved.insert(0, new_code_cell(check_cell.source))
        for value in ("None", "-7", "'nothing'"):
            source = f"answer_{number} = {value}\n{check_cell.source}"
            wrong.append((names[number - 1], new_code_cell(source)))
        book.cells[index + 2 : index + 2] = [solution, solved[0]]
    book.cells += [cell for _, cell in wrong]
    monkeypatch.setenv("PIX2PIX_PROFILE", "smoke")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    for name, before, after in zip(names, unanswered, solved, strict=True):
        assert printed(before) == f"exercise {name}: not answered yet\n"
        assert printed(after) == f"exercise {name}: right\n"
    for name, cell in wrong:
        assert printed(cell).startswith(f"exercise {name}: not yet"), cell.source
    answers = json.loads((output_root() / "course" / "answers.json").read_text(encoding="utf-8"))
    assert {name: answers[name]["verdict"] for name in names} == dict.fromkeys(names, "right")
