"""Hand-outs: nothing of the solutions for students, everything for lecturers, points for both."""

import csv
import re
from pathlib import Path

import nbformat
import pytest
from messages import one_sentence

from pix2pix_utils.__main__ import main
from pix2pix_utils.classroom.handouts import solution_edition, student_edition, write_handouts
from pix2pix_utils.classroom.sources import points_for, read_source, read_sources, tagged

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(book) -> list[str]:
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def text_of(book) -> str:
    return "\n".join(cell.source for cell in book.cells)


@pytest.fixture(scope="module")
def handouts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handouts")
    assert main(["classroom", "--output", str(folder)]) == 0
    return folder


@each_notebook
def test_students_get_the_notebook_without_its_outputs_and_solutions(handouts, path):
    source = read_source(path)
    book = nbformat.read(handouts / "students" / path.name, as_version=4)
    assert code_of(book) == code_of(source.book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    text = text_of(book)
    assert "<details><summary>Solution" not in text
    assert not re.search(r"solutions?\s+(are|is)\s+folded|folded\s+solution", text)
    for exercise in source.exercises:
        longest = max(exercise.solution.splitlines(), key=len)
        assert longest not in text


@each_notebook
def test_students_keep_every_question_and_every_word_outside_of_solutions(handouts, path):
    def words(book, without) -> list[str]:
        markdown = [cell.source for cell in book.cells if cell.cell_type == "markdown"]
        text = re.sub(without, "", "\n".join(markdown), flags=re.S)
        return re.sub(r"\]\(\.\./data/\w+/(?=[\w-]+\.png\))", "](pictures/", text).split()

    of_source = words(
        nbformat.read(path, as_version=4),
        r"<details><summary>Solution.*?</details>|The\s+solutions\s+are\s+folded\."
        r"|,\s+a\s+check,\s+and\s+a\s+folded\s+solution\.",
    )
    student = nbformat.read(handouts / "students" / path.name, as_version=4)
    assert words(student, r" and a check\.(?= Most)") == of_source


@each_notebook
def test_solutions_stand_in_the_cells_for_the_answers_with_their_explanations(handouts, path):
    source = read_source(path)
    book = nbformat.read(handouts / "solutions" / path.name, as_version=4)
    for exercise, index in zip(source.exercises, tagged(book, "exercise"), strict=True):
        cell = book.cells[index].source
        assert exercise.solution.strip() in cell
        assert f"{exercise.answer} = ..." not in cell
        compile(cell, exercise.name, "exec")
    assert "<details><summary>Solution" not in text_of(book)


@each_notebook
def test_an_assignment_has_nbgraders_metadata_and_marks_what_it_hides(handouts, path):
    source = read_source(path)
    book = nbformat.read(handouts / "nbgrader" / "source" / path.stem / path.name, as_version=4)
    graded = [cell for cell in book.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in graded]
    assert len(ids) == len(set(ids)) == 2 * len(source.exercises)
    for exercise, answer, test in zip(source.exercises, graded[::2], graded[1::2], strict=True):
        settings = answer.metadata["nbgrader"]
        assert settings["solution"] and not settings["grade"] and settings["schema_version"] == 3
        visible, hidden = answer.source.split("### BEGIN SOLUTION\n")
        assert f"{exercise.answer} = ..." in visible
        assert hidden == f"{exercise.solution.rstrip()}\n### END SOLUTION"
        settings = test.metadata["nbgrader"]
        assert settings["grade"] and settings["locked"] and settings["points"] == exercise.points
        visible, hidden = test.source.split("### BEGIN HIDDEN TESTS\n")
        assert visible.startswith(f'course.check("{exercise.name}"')
        assert hidden.startswith(f'course.require("{exercise.name}"')
        assert hidden.endswith("### END HIDDEN TESTS")


def test_the_hand_outs_bring_the_pictures_that_they_show(handouts):
    editions = [path for path in handouts.rglob("*.ipynb") if path.stem == "00_start_here"]
    assert len(editions) == 3
    for path in editions:
        links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text_of(nbformat.read(path, as_version=4)))
        assert links and all((path.parent / link).is_file() for link in links)


def test_the_sheet_of_points_lists_every_exercise_once(handouts):
    with (handouts / "exercises.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    exercises = [one for source in read_sources() for one in source.exercises]
    assert [row["exercise"] for row in rows] == [one.name for one in exercises]
    assert [int(row["points"]) for row in rows] == [one.points for one in exercises]
    table = (handouts / "exercises.md").read_text(encoding="utf-8")
    assert f"| all |  |  | {sum(one.points for one in exercises)} |" in table


@pytest.mark.parametrize(
    ("time", "points"),
    [
        ("3 minutes", 1),
        ("10 minutes", 1),
        ("15 minutes", 2),
        ("30 minutes; about a minute of it trains", 2),
        ("half an hour", 2),
        ("an hour", 3),
        ("an evening", 4),
        ("an evening; on a laptop it trains for some minutes", 4),
    ],
)
def test_points_follow_from_the_stated_time(time, points):
    assert points_for(time) == points


def test_the_hand_outs_can_be_written_again(tmp_path):
    first = write_handouts(tmp_path, NOTEBOOKS[0].parent)
    contents = [path.read_bytes() for path in first]
    assert write_handouts(tmp_path, NOTEBOOKS[0].parent) == first
    assert [path.read_bytes() for path in first] == contents
    assert sorted(first) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_a_folder_without_notebooks_is_named(tmp_path):
    assert "has no notebooks named like" in one_sentence(lambda: read_sources(tmp_path))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(3 minutes)", "(soon)"),
        ("answer_1 = ...", "answer = ..."),
        ('course.check("00.1"', 'course.check("00.2"'),
        ("```python", "```"),
    ],
)
def test_an_exercise_that_is_not_in_form_is_named(tmp_path, before, after):
    path = tmp_path / NOTEBOOKS[0].name
    book = nbformat.read(NOTEBOOKS[0], as_version=4)
    assert before in text_of(book)
    for cell in book.cells:
        cell.source = cell.source.replace(before, after)
    nbformat.write(book, path)
    assert "exercise 1 of 00_start_here.ipynb is not" in one_sentence(lambda: read_source(path))


def test_the_editions_leave_the_source_as_it_is():
    source = read_source(NOTEBOOKS[0])
    before = nbformat.writes(source.book)
    student_edition(source)
    solution_edition(source)
    assert nbformat.writes(source.book) == before
