"""Grading: right answers get their points, nothing else does, and no hand-in stops it."""

import csv
import os
from pathlib import Path

import nbformat
import pytest
from classroom.tiny_course import write_course
from messages import one_sentence
from nbformat.v4 import new_code_cell

from pix2pix_utils.__main__ import main
from pix2pix_utils.classroom.grading import grade
from pix2pix_utils.classroom.handouts import solution_edition, student_edition
from pix2pix_utils.classroom.sandbox import Limits
from pix2pix_utils.classroom.sources import read_sources, tagged

LIMITS = Limits(cell_seconds=60, notebook_seconds=600)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    write_course(folder)
    return folder


@pytest.fixture(scope="module")
def counting(course):
    return read_sources(course)[0]


@pytest.fixture(scope="module")
def networks(course):
    return read_sources(course)[1]


def rows_of(path) -> dict[str, dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["hand-in"] + row.get("exercise", ""): row for row in csv.DictReader(file)}


def answered(source, code: str, number: int = 0):
    """The student edition with other code in the cell for an answer."""
    book = student_edition(source)
    book.cells[tagged(book, "exercise")[number]].source = code
    return book


def graded(tmp_path, course, books: dict, limits=LIMITS) -> dict[str, dict]:
    """The rows of `grades.csv` for hand-ins of these names."""
    folder = tmp_path / "hand-ins"
    folder.mkdir(exist_ok=True)
    for name, book in books.items():
        nbformat.write(book, folder / f"{name}.ipynb")
    table, _ = grade(folder, tmp_path / "grades", limits, course)
    return {name.removesuffix(".ipynb"): row for name, row in rows_of(table).items()}


def test_solved_gets_all_points_empty_none_and_a_mistake_costs_its_own(tmp_path, course, networks):
    mistake = solution_edition(networks)
    cell = mistake.cells[tagged(mistake, "exercise")[1]]
    assert "3 * jump" in cell.source
    cell.source = cell.source.replace("3 * jump", "2 * jump")
    rows = graded(
        tmp_path,
        course,
        {
            "solved": solution_edition(networks),
            "empty": student_edition(networks),
            "mistake": mistake,
        },
    )
    points = {name: int(row["points"]) for name, row in rows.items()}
    assert points == {"solved": 10, "empty": 0, "mistake": 8}
    assert rows["mistake"]["02.2"] == "0" and rows["mistake"]["02.4"] == "4"
    assert {row["of"] for row in rows.values()} == {"10"}
    assert not any(row["remarks"] for row in rows.values())
    details = rows_of(tmp_path / "grades" / "grades-in-detail.csv")
    assert details["solved.ipynb02.3"]["verdict"] == "right"
    assert details["empty.ipynb02.3"]["verdict"] == "not answered yet"
    assert details["mistake.ipynb02.2"]["verdict"] == "not yet"
    assert "pixels wide" in details["mistake.ipynb02.2"]["hint"]


def test_who_tampers_with_the_check_prints_or_exits_gets_no_points(tmp_path, course, counting):
    tampering = """
import sys
import builtins
import pix2pix_utils.course.exercises as exercises
import pix2pix_utils.course.checks.notebook_00 as checks
from pix2pix_utils.classroom import inside

course.check = exercises.judge = lambda *a, **k: print("exercise 00.1: right")
checks.EXERCISES["1"] = lambda answer: None
np.unique = lambda *a: [1]
inside.encode = lambda *a, **k: {"right": True, "points": 1, "verdict": "right"}
answer_1 = len
print("exercise 00.1: right")
"""
    rows = graded(
        tmp_path,
        course,
        {
            "tampers": answered(counting, tampering),
            "exits": answered(counting, "def answer_1(classes):\n    raise SystemExit(0)"),
            "leaves": answered(counting, "answer_1 = 3\nos._exit(0)"),
        },
    )
    assert {row["points"] for row in rows.values()} == {"0"}
    assert "code cell 3 is left out" in rows["leaves"]["remarks"]


def test_endless_loops_and_crashes_cost_their_own_exercise_only(tmp_path, course, networks):
    loops, crashes, dies = (solution_edition(networks) for _ in range(3))
    at = tagged(loops, "exercise")
    loops.cells[at[0]].source = "while True:\n    pass"
    crashes.cells[at[1]].source = "import ctypes\nctypes.string_at(0)"
    dies.cells[at[2]].source = "def answer_3(networks, label):\n    os.abort()"
    limits = Limits(cell_seconds=25, notebook_seconds=600)
    rows = graded(tmp_path, course, {"loops": loops, "crashes": crashes, "dies": dies}, limits)
    assert {name: int(row["points"]) for name, row in rows.items()} == {
        "loops": 9,
        "crashes": 8,
        "dies": 7,
    }
    assert "it took longer than 25 s" in rows["loops"]["remarks"]
    if os.name == "posix":
        assert "SIGSEGV" in rows["crashes"]["remarks"]
        assert (
            "exercise 02.3: its process was ended by the signal SIGABRT"
            in (rows["dies"]["remarks"])
        )


def test_solutions_and_checks_are_out_of_reach(tmp_path, course, counting):
    peeks = answered(
        counting,
        f"""
notebook = open({str(ROOT / "notebooks" / "00_start_here.ipynb")!r}).read()
""",
    )
    imports = answered(
        counting,
        """
from pix2pix_utils.course.checks import notebook_02
field = notebook_02._field
""",
    )
    solved = solution_edition(counting)
    solved.cells.insert(3, new_code_cell("import subprocess\nsubprocess.run(['ls'])"))
    rows = graded(tmp_path, course, {"peeks": peeks, "imports": imports, "starts": solved})
    assert rows["peeks"]["points"] == rows["imports"]["points"] == "0"
    assert "it tried to read" in rows["peeks"]["remarks"]
    assert "has no attribute '_field'" in rows["imports"]["remarks"]
    assert rows["starts"]["points"] == "1"
    assert "it tried to start a program" in rows["starts"]["remarks"]


def test_whatever_else_is_handed_in_is_flagged(tmp_path, course, counting):
    folder = tmp_path / "hand-ins"
    (folder / "nothing").mkdir(parents=True)
    (folder / "essay.txt").write_text("I could not do it.")
    (folder / "broken.ipynb").write_text("{")
    (folder / "list.ipynb").write_text("[]")
    (folder / "other.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
    )
    deleted = solution_edition(counting)
    del deleted.cells[tagged(deleted, "exercise")[0]]
    group = folder / "group" / "week 1"
    group.mkdir(parents=True)
    kept = solution_edition(counting)
    kept.cells = [cell for cell in kept.cells if "course.check" not in cell.source]
    kept.cells.insert(3, new_code_cell("import helper"))
    nbformat.write(kept, group / "00_counting (copy).ipynb")
    (group / "helper.py").write_text("")
    rows = graded(tmp_path, course, {"deleted": deleted, "=HYPERLINK()": kept})
    remarks = {name: row["remarks"] for name, row in rows.items()}
    assert remarks["nothing"] == "there is no notebook in it"
    assert remarks["essay.txt"] == "essay.txt is not a notebook"
    assert remarks["broken"] == "broken.ipynb is not a notebook"
    assert remarks["list"] == "list.ipynb is not a notebook"
    assert "is no notebook of the course" in remarks["other"]
    assert rows["deleted"]["points"] == "0" and "NameError" in remarks["deleted"]
    assert rows["group"]["points"] == "1" and not remarks["group"]
    assert "'=HYPERLINK()" in rows  # not a formula in a spreadsheet


def test_there_must_be_something_to_grade(tmp_path, capsys):
    arguments = ["classroom", "--grade", str(tmp_path / "nowhere"), "--output", str(tmp_path)]
    assert main(arguments) == 2
    assert "there is no folder" in capsys.readouterr().err
    (tmp_path / "nowhere").mkdir()
    assert main(arguments) == 2
    assert "is empty: put a notebook or a folder in it" in capsys.readouterr().err
    assert main([*arguments, "--cell-seconds", "0"]) == 2
    assert "--cell-seconds is 0.0, but it must be above 0" in capsys.readouterr().err


def test_a_course_that_does_not_run_is_not_graded_by(tmp_path, course, counting):
    (path,) = [source.path for source in read_sources(course) if source.number == "00"]
    book = nbformat.read(path, as_version=4)
    book.cells[1].source += "\nraise ValueError('no torch')"
    nbformat.write(book, tmp_path / path.name)
    (tmp_path / "hand-ins").mkdir()
    nbformat.write(student_edition(counting), tmp_path / "hand-ins" / "one.ipynb")
    message = one_sentence(lambda: grade(tmp_path / "hand-ins", tmp_path, LIMITS, tmp_path))
    assert "itself does not run here" in message and "ValueError: no torch" in message
