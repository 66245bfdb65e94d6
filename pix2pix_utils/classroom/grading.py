"""Grades hand-ins: runs each in a sandbox and judges its answers from outside.

Nothing that a hand-in prints, records or defines decides its points. Its cells run in a process of
their own, in a copy of the package that has no checks. Whenever the last cell that mentions an
answer has run, this process calls the check, with what the course's own notebook passes to it, and
the check calls the answer through a pipe, with inputs that were drawn just now.

A cell that does not end, or that ends its process, is left out, and the notebook runs again without
it, as long as its time lasts.

Two things are taken on trust. An exercise that asks for a finished run is judged by the files of
the run, which could be written by hand. And whoever has this project has its checks and solutions:
a right answer need not be one's own.
"""

import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pix2pix_utils.classroom.answers import AnswerReader
from pix2pix_utils.classroom.encoding import Unreadable
from pix2pix_utils.classroom.grades import Mark, write_grades
from pix2pix_utils.classroom.handins import (
    HandIn,
    copy_files_beside,
    find_hand_ins,
    read_notebook,
)
from pix2pix_utils.classroom.sandbox import Died, Limits, Sandbox, make_room
from pix2pix_utils.classroom.sources import Exercise, Source, read_sources, tagged
from pix2pix_utils.course.exercises import UNANSWERED, WRONG, judge
from pix2pix_utils.errors import UserError

MOST_REMARKS = 5  # about the cells of a notebook


def grade(
    hand_ins: Path,
    output: Path,
    limits: Limits | None = None,
    notebooks: Path | None = None,
    on_graded: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Grade every hand-in of a folder; returns the files, which are written after each notebook.

    A hand-in is a notebook in the folder, or a folder with notebooks, at any depth. `grades.csv`
    has one row for each, with the points of every exercise of the notebooks that anybody handed in;
    `grades-in-detail.csv` has a row for each exercise, with the verdict and the hint. Whatever is
    wrong with a hand-in is said in the column `remarks` and costs the others nothing.

    `notebooks` is the folder of the course's notebooks, by default the project's. Each is first run
    once as it is committed. `on_graded` receives one line for each notebook that was graded.

    Raises UserError if there is nothing to grade, or if a notebook of the course does not run.
    """
    limits = limits or Limits()
    sources = read_sources(notebooks)
    found = find_hand_ins(hand_ins, sources)
    used = [source for source in sources if any(source.number in one.notebooks for one in found)]
    exercises = [exercise for source in used for exercise in source.exercises]
    marks: dict[str, list[Mark]] = {one.name: [] for one in found}
    remarks = {one.name: one.remarks for one in found}
    written = write_grades(output, exercises, marks, remarks)
    with TemporaryDirectory(prefix="pix2pix-grading-") as folder:
        template, room = Path(folder) / "template", Path(folder) / "room"
        make_room(template)
        for source in used:
            reference = Reference(source, template, Path(folder) / source.path.stem, limits)
            for one in found:
                if source.number not in one.notebooks:
                    continue
                began = time.monotonic()
                graded = _grade_one(reference, one, room, (hand_ins, output))
                marks[one.name] += graded
                written = write_grades(output, exercises, marks, remarks)
                points, of = (sum(values) for values in zip(*map(_points, graded), strict=True))
                seconds = time.monotonic() - began
                on_graded(f"{one.name}: {source.path.stem}, {points} of {of} ({seconds:.0f} s)")
            shutil.rmtree(reference.room, ignore_errors=True)
    return written


class Reference:
    """A notebook of the course that has run: what its checks get, and the room it has run in."""

    def __init__(self, source: Source, template: Path, room: Path, limits: Limits):
        """Run the notebook as it is committed, in a copy of a room in which nothing has run.

        A cell that is refused something, such as to start a program, does not count as an error:
        it is refused in every hand-in, too. Raises UserError if a cell raises any other error.
        """
        self.source, self.room, self.limits = source, room, limits
        self.contexts: dict[str, dict[str, Any]] = {}  # exercise -> keyword -> value
        self.refused: list[str] = []  # what the course's own cells may not do either
        shutil.copytree(template, room)
        exercises = {exercise.stub: exercise for exercise in source.exercises}
        try:
            with Sandbox(room, limits, time.monotonic() + limits.notebook_seconds) as sandbox:
                for index, cell in enumerate(source.book.cells):
                    error = sandbox.cell(cell.source) if cell.cell_type == "code" else ""
                    if error and not sandbox.has_refused(error):
                        raise Died(f"cell {index + 1} raised {error}")
                    if index in exercises:
                        exercise = exercises[index]
                        self.contexts[exercise.name] = sandbox.context(exercise.context)
                self.refused = sandbox.refused
        except (Died, Unreadable) as error:
            raise UserError(
                f"{source.path.name} itself does not run here, so nothing can be graded by it: "
                f"{error}; run it in Jupyter at the profile `smoke` to see more"
            ) from None

    @property
    def parameters(self) -> str:
        """The cell that sets profile, data set and seed, which hand-ins may have changed."""
        (index,) = tagged(self.source.book, "parameters")
        return self.source.book.cells[index].source


@dataclass
class _Script:
    """The code of a hand-in's notebook, and after which cell each answer is judged."""

    cells: list[str]
    due: dict[int, list[Exercise]]

    @classmethod
    def read(cls, path: Path, reference: Reference) -> "_Script":
        book = read_notebook(path)
        cells = [
            reference.parameters if index in tagged(book, "parameters") else cell.source
            for index, cell in enumerate(book.cells)
            if cell.cell_type == "code"
        ]
        due: dict[int, list[Exercise]] = {}
        for exercise in reference.source.exercises:
            name = re.compile(rf"\b{exercise.answer}\b")
            named = [index for index, cell in enumerate(cells) if name.search(cell)]
            if named:
                due.setdefault(named[-1], []).append(exercise)
        return cls(cells, due)


class _Grading:
    """The grading of one notebook of one hand-in."""

    def __init__(self, reference: Reference, script: _Script, closed: tuple[Path, ...]):
        self._reference, self._script, self._closed = reference, script, closed
        self._deadline = time.monotonic() + reference.limits.notebook_seconds
        self._left_out: set[int] = set()
        self._marks: dict[str, Mark] = {}
        self.remarks: list[str] = []

    def run(self, prepare: Callable[[], Path]) -> list[Mark]:
        """The marks of all exercises; `prepare` makes a fresh room for each attempt."""
        while not self._is_judged() and time.monotonic() < self._deadline:
            self._attempt(prepare())
        if not self._is_judged():
            self._remark("the time for the notebook was over")
        return [
            self._marks.get(exercise.name, Mark(exercise, UNANSWERED))
            for exercise in self._reference.source.exercises
        ]

    def _is_judged(self) -> bool:
        due = [exercise.name for some in self._script.due.values() for exercise in some]
        return all(name in self._marks for name in due)

    def _attempt(self, room: Path) -> None:
        """Run the cells until all is judged or the process dies."""
        index = -1
        try:
            with Sandbox(room, self._reference.limits, self._deadline, self._closed) as sandbox:
                for index, cell in enumerate(self._script.cells):
                    if index not in self._left_out:
                        error = sandbox.cell(cell)
                        self._remark(*sandbox.refused)
                        if error and not sandbox.has_refused(error):
                            self._remark(f"code cell {index + 1} raised {error}")
                    for exercise in self._script.due.get(index, ()):
                        if exercise.name not in self._marks:
                            self._marks[exercise.name] = self._judge(sandbox, exercise)
                            self._remark(*sandbox.refused)
                    if self._is_judged() or not sandbox.is_alive:
                        return
        except Died as reason:
            if index < 0:
                raise  # the process did not even start
            self._left_out.add(index)
            self._remark(f"code cell {index + 1} is left out: {reason}")

    def _judge(self, sandbox: Sandbox, exercise: Exercise) -> Mark:
        reader = AnswerReader(sandbox)
        try:
            reply = sandbox.answer(exercise.answer)
            if "raised" in reply:
                raise Unreadable
            answer = reader.read(reply["value"]) if "value" in reply else ...
            with reader.losses():
                context = self._reference.contexts[exercise.name]
                verdict, hint = judge(exercise.name, answer, **context)
        except (Died, Unreadable, UserError) as error:
            verdict, hint = WRONG, str(error)
        if not sandbox.is_alive:  # whatever the check made of it
            verdict, hint = WRONG, sandbox.reason
            self._remark(f"exercise {exercise.name}: {hint}")
        return Mark(exercise, verdict, hint.lstrip(". "))

    def _remark(self, *remarks: str) -> None:
        known = [*self._reference.refused, *self.remarks]
        for remark in remarks:
            if remark not in known and len(self.remarks) < MOST_REMARKS:
                self.remarks.append(remark)


def _grade_one(
    reference: Reference, hand_in: HandIn, room: Path, closed: tuple[Path, ...]
) -> list[Mark]:
    """Grade one notebook; whatever goes wrong becomes a remark."""
    path = hand_in.notebooks[reference.source.number]

    def prepare() -> Path:
        shutil.rmtree(room, ignore_errors=True)
        shutil.copytree(reference.room, room)
        copy_files_beside(hand_in, path, room / "hand-in")
        return room

    remarks: Sequence[str] = ()
    try:
        grading = _Grading(reference, _Script.read(path, reference), closed)
        marks = grading.run(prepare)
        remarks = grading.remarks
    except Exception as error:  # the others must be graded, whatever this one has found
        marks = [Mark(exercise, UNANSWERED) for exercise in reference.source.exercises]
        remarks = [f"it could not be graded: {error}"]
    finally:
        shutil.rmtree(room, ignore_errors=True)
    hand_in.remarks += [f"{reference.source.number}: {remark}" for remark in remarks]
    return marks


def _points(mark: Mark) -> tuple[int, int]:
    return mark.points, mark.exercise.points
