"""The tables of grades: points for each hand-in, and a verdict for each of its exercises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_utils.classroom.sources import Exercise
from pix2pix_utils.course.exercises import RIGHT
from pix2pix_utils.files import as_csv, write_text

FORMULA = ("=", "+", "-", "@", "\t")  # how a cell begins that a spreadsheet would calculate


@dataclass(frozen=True)
class Mark:
    """The verdict on an exercise of a hand-in."""

    exercise: Exercise
    verdict: str  # of `course.exercises`: right, not yet, not answered yet
    hint: str = ""

    @property
    def points(self) -> int:
        return self.exercise.points if self.verdict == RIGHT else 0


def write_grades(
    output: Path,
    exercises: Sequence[Exercise],
    marks: Mapping[str, Sequence[Mark]],
    remarks: Mapping[str, Sequence[str]],
) -> list[Path]:
    """Write `grades.csv` and `grades-in-detail.csv`.

    `marks` and `remarks` are those of each hand-in, by its name. An exercise that was not handed in
    has 0 points; one that is still to be graded is left empty.
    """
    rows, details = [], []
    for name, said in remarks.items():
        of_hand_in = {mark.exercise.name: mark for mark in marks.get(name, ())}
        points = {
            exercise.name: of_hand_in[exercise.name].points if exercise.name in of_hand_in else 0
            for exercise in exercises
        }
        rows.append(
            {
                "hand-in": _text(name),
                **points,
                "points": sum(points.values()),
                "of": sum(exercise.points for exercise in exercises),
                "remarks": _text("; ".join(said)),
            }
        )
        details += [
            {
                "hand-in": _text(name),
                "exercise": mark.exercise.name,
                "points": mark.points,
                "of": mark.exercise.points,
                "verdict": mark.verdict,
                "hint": _text(mark.hint),
            }
            for mark in of_hand_in.values()
        ]
    tables = {"grades.csv": rows, "grades-in-detail.csv": details}
    for name, table in tables.items():
        write_text(output / name, as_csv(table))
    return [output / name for name in tables]


def _text(words: str) -> str:
    """Words of a hand-in as a harmless cell of a table: one line, and no formula."""
    line = "".join(letter if letter.isprintable() else " " for letter in words).strip()
    return f"'{line}" if line.startswith(FORMULA) else line
