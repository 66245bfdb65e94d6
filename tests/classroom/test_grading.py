"""Grading: right answers get their points, nothing else does, and no hand-in stops it.

All hand-ins are graded in one go, since every process must import torch.
"""

import csv
import os
from pathlib import Path

import nbformat
import pytest
from messages import one_sentence
from nbformat.v4 import new_code_cell, new_notebook
from tiny_course import write_course

from pix2pix_utils.__main__ import main
from pix2pix_utils.classroom.grading import grade
from pix2pix_utils.classroom.handouts import solution_edition, student_edition
from pix2pix_utils.classroom.sandbox import Limits
from pix2pix_utils.classroom.sources import read_sources, tagged

ROOT = Path(__file__).parents[2]
LIMITS = Limits(cell_seconds=60, notebook_seconds=1200)

TAMPERING = """
import pix2pix_utils.course.checks.notebook_02 as checks
import pix2pix_utils.course.exercises as exercises
from pix2pix_utils.classroom import inside

course.check = exercises.judge = lambda *a, **k: print("exercise 02.1: right")
checks.EXERCISES["1"] = lambda answer: None
math.log = lambda p: 0.0
inside.encode = lambda value, refer: {"verdict": "right", "points": 1}
answer_1 = lambda p: None
print("exercise 02.1: right")
"""
EXITING = "def answer_2(strides):\n    raise SystemExit(0)"
PEEKING = f"notebook = open({str(ROOT / 'notebooks' / '02_baseline_training.ipynb')!r}).read()"
COPYING = """
from pix2pix_utils.course.checks import notebook_02

moved = notebook_02._moved
answer_4 = lambda network, optimizer, loss, factor: moved(network, optimizer, None, factor)
"""
LOOPING = "import time\nwhile True:\n    time.sleep(1)"
CRASHING = "import ctypes\nctypes.string_at(0)"
ABORTING = "def answer_3(networks, label):\n    os.abort()"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    write_course(folder)
    return folder


@pytest.fixture(scope="module")
def source(course):
    (source,) = read_sources(course)
    return source


def with_answers(source, *codes: str | None):
    """The solved notebook with other code for some of its answers."""
    book = solution_edition(source)
    for index, code in zip(tagged(book, "exercise"), codes, strict=True):
        if code is not None:
            book.cells[index].source = code
    return book


def rows_of(path, *keys: str) -> dict[str, dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return {" ".join(row[key] for key in keys): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def grades(tmp_path_factory, course, source):
    """The folder with the grades of everything that is handed in below."""
    folder = tmp_path_factory.mktemp("hand-ins")
    mistake = solution_edition(source)
    cell = mistake.cells[tagged(mistake, "exercise")[1]]
    assert "3 * jump" in cell.source
    cell.source = cell.source.replace("3 * jump", "2 * jump")
    deleted = solution_edition(source)
    del deleted.cells[tagged(deleted, "exercise")[0]]
    deleted.cells.insert(3, new_code_cell("import subprocess\nsubprocess.run(['ls'])"))
    books = {
        "solved": solution_edition(source),
        "empty": student_edition(source),
        "mistake": mistake,
        "deleted": deleted,
        "cheats": with_answers(source, TAMPERING, EXITING, PEEKING, COPYING),
        "breaks": with_answers(source, LOOPING, CRASHING, ABORTING, None),
        "=HYPERLINK()": new_notebook(),
    }
    for name, book in books.items():
        nbformat.write(book, folder / f"{name}.ipynb")
    (folder / "essay.txt").write_text("I could not do it.")
    (folder / "broken.ipynb").write_text("{")
    (folder / "list.ipynb").write_text("[]")
    (folder / "nothing").mkdir()
    group = folder / "group" / "week 1"
    group.mkdir(parents=True)
    kept = with_answers(source, None, None, None, None)
    kept.cells = [cell for cell in kept.cells if "course.check" not in cell.source]
    kept.cells.insert(3, new_code_cell("import helper"))
    kept.cells[2].source = 'PROFILE = "full"\nraise ValueError("the parameters are replaced")'
    nbformat.write(kept, group / "02_networks (copy).ipynb")
    (group / "helper.py").write_text("")
    output = tmp_path_factory.mktemp("grades")
    lines: list[str] = []
    written = grade(folder, output, LIMITS, course, lines.append)
    assert written == [output / "grades.csv", output / "grades-in-detail.csv"]
    assert len(lines) == 7 and any(
        line.startswith("solved.ipynb: 02_networks, 10 of 10 (") for line in lines
    )
    return output


@pytest.fixture
def rows(grades):
    return rows_of(grades / "grades.csv", "hand-in")


@pytest.fixture
def details(grades):
    return rows_of(grades / "grades-in-detail.csv", "hand-in", "exercise")


def points_of(row) -> list[int]:
    return [int(row[f"02.{number}"]) for number in (1, 2, 3, 4)]


def test_solved_gets_all_points_empty_none_and_a_mistake_costs_its_own(rows, details):
    assert points_of(rows["solved.ipynb"]) == [1, 2, 3, 4]
    assert points_of(rows["empty.ipynb"]) == [0, 0, 0, 0]
    assert points_of(rows["mistake.ipynb"]) == [1, 0, 3, 4]
    assert rows["mistake.ipynb"]["points"] == "8" and rows["mistake.ipynb"]["of"] == "10"
    assert details["solved.ipynb 02.3"]["verdict"] == "right"
    assert details["empty.ipynb 02.3"]["verdict"] == "not answered yet"
    assert details["mistake.ipynb 02.2"]["verdict"] == "not yet"
    assert "pixels wide" in details["mistake.ipynb 02.2"]["hint"]
    for name in ("solved", "empty", "mistake"):
        assert rows[f"{name}.ipynb"]["remarks"] == ""


def test_who_tampers_prints_exits_or_looks_for_solutions_gets_no_points(rows, details):
    assert points_of(rows["cheats.ipynb"]) == [0, 0, 0, 0]
    remarks = rows["cheats.ipynb"]["remarks"]
    assert "it tried to read" in remarks and "02_baseline_training.ipynb" in remarks
    assert "has no attribute '_moved'" in remarks
    assert "SystemExit" in details["cheats.ipynb 02.2"]["hint"]


def test_endless_cells_and_crashes_cost_their_own_exercises_only(rows, details):
    assert points_of(rows["breaks.ipynb"]) == [0, 0, 0, 4]
    remarks = rows["breaks.ipynb"]["remarks"]
    assert "code cell 4 is left out: it took longer than 60 s" in remarks
    if os.name == "posix":
        assert "code cell 6 is left out: its process was ended by the signal SIGSEGV" in remarks
        assert "SIGABRT" in details["breaks.ipynb 02.3"]["hint"]


def test_a_deleted_cell_and_a_program_that_may_not_start_are_flagged(rows):
    assert points_of(rows["deleted.ipynb"]) == [0, 2, 3, 4]
    assert "NameError: name 'answer_1'" in rows["deleted.ipynb"]["remarks"]
    assert "it tried to start a program" in rows["deleted.ipynb"]["remarks"]


def test_a_renamed_notebook_without_checks_in_a_folder_with_a_module_is_graded(rows):
    assert points_of(rows["group"]) == [1, 2, 3, 4] and rows["group"]["remarks"] == ""


def test_whatever_else_is_handed_in_is_flagged(rows):
    assert rows["nothing"]["remarks"] == "there is no notebook in it"
    for name in ("essay.txt", "broken.ipynb", "list.ipynb"):
        assert rows[name]["remarks"] == f"{name} is not a notebook"
        assert rows[name]["points"] == "0"
    # quoted, or a spreadsheet would take the name for a formula
    assert "is no notebook of the course" in rows["'=HYPERLINK().ipynb"]["remarks"]


def test_there_must_be_something_to_grade(tmp_path, capsys):
    arguments = ["classroom", "--grade", str(tmp_path / "nowhere"), "--output", str(tmp_path)]
    assert main(arguments) == 2
    assert "there is no folder" in capsys.readouterr().err
    (tmp_path / "nowhere").mkdir()
    assert main(arguments) == 2
    assert "is empty: put a notebook or a folder in it" in capsys.readouterr().err
    assert main([*arguments, "--cell-seconds", "0"]) == 2
    assert "--cell-seconds is 0.0, but it must be above 0" in capsys.readouterr().err


def test_a_course_that_does_not_run_is_not_graded_by(tmp_path, source):
    book = nbformat.read(source.path, as_version=4)
    book.cells[1].source = "raise ValueError('no torch')"
    nbformat.write(book, tmp_path / source.path.name)
    (tmp_path / "hand-ins").mkdir()
    nbformat.write(student_edition(source), tmp_path / "hand-ins" / "one.ipynb")
    message = one_sentence(lambda: grade(tmp_path / "hand-ins", tmp_path, LIMITS, tmp_path))
    assert "itself does not run here" in message and "ValueError: no torch" in message
