"""Assignments for nbgrader, in its own format, which needs no nbgrader to be written.

Of the two automatic graders for notebooks, nbgrader fits this course better than otter-grader: its
tests are the notebook's own check cells, so they can use what the notebook has computed, while
otter-grader exports tests to files of their own. Format: nbgrader's metadata of schema version 3
(https://nbgrader.readthedocs.io, "Creating and grading assignments"). `### BEGIN SOLUTION` and
`### BEGIN HIDDEN TESTS` mark what `nbgrader generate_assignment` removes for students.

Like every test in nbgrader these run in the kernel of the hand-in, which could tamper with them.
`classroom.grading` judges from another process.
"""

from nbformat import NotebookNode

from pix2pix_utils.classroom.sources import Source, tagged

CONFIG = '''"""Settings of nbgrader for this course: run it in this folder.

    nbgrader generate_assignment 02_baseline_training   # source/ -> release/
    nbgrader autograde 02_baseline_training             # submitted/ -> autograded/

The kernel must have pix2pix_utils installed: `python -m pip install -e PROJECT`.
"""

import os

os.environ.setdefault("PIX2PIX_PROFILE", "smoke")  # seconds for what takes minutes in class

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "pix2pix"
c.ClearSolutions.code_stub = {"python": "# your answer"}  # instead of raising an error
c.ExecutePreprocessor.timeout = 600  # seconds for a cell
'''

VISIBLE_AND_HIDDEN = """{check}
### BEGIN HIDDEN TESTS
{required}  # draws other inputs than the line above
### END HIDDEN TESTS"""


def assignment(book: NotebookNode, source: Source) -> NotebookNode:
    """A student edition of a notebook, made into the source of an assignment.

    The cells for the answers get their solutions back, for nbgrader to remove; the check cells
    become its tests, with a hidden part that raises unless the answer is right.
    """
    pairs = zip(source.exercises, tagged(book, "exercise"), tagged(book, "check"), strict=True)
    for exercise, stub, check in pairs:
        cell, test = book.cells[stub], book.cells[check]
        cell.source += f"\n### BEGIN SOLUTION\n{exercise.solution.rstrip()}\n### END SOLUTION"
        cell.metadata["nbgrader"] = _metadata(f"answer-{exercise.name}", solution=True)
        required = test.source.replace("course.check(", "course.require(")
        test.source = VISIBLE_AND_HIDDEN.format(check=test.source, required=required)
        test.metadata["nbgrader"] = _metadata(
            f"check-{exercise.name}", grade=True, locked=True, points=exercise.points
        )
    return book


def _metadata(grade_id: str, points: int | None = None, **kinds: bool) -> dict:
    return {
        "grade": False,
        "locked": False,
        "solution": False,
        "task": False,
        "schema_version": 3,
        "grade_id": grade_id.replace(".", "-"),
        **kinds,
        **({} if points is None else {"points": points}),
    }
