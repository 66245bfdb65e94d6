"""Hand-outs made from the notebooks: for students, with solutions, for nbgrader, and the points."""

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from pix2pix_utils.classroom import nbgrader
from pix2pix_utils.classroom.sources import (
    CODE_BLOCK,
    FOLDED,
    Source,
    read_sources,
    solved,
    total,
)
from pix2pix_utils.files import as_csv, write_text
from pix2pix_utils.report.formats import as_markdown

# What the notebooks say about solutions that are folded in them, and what is true of hand-outs.
SENTENCES = {
    r"\s+The\s+solutions\s+are\s+folded\.": "",
    r",\s+a\s+check,\s+and\s+a\s+folded\s+solution\.": " and a check.",
}


def write_handouts(output: Path, notebooks: Path | None = None) -> list[Path]:
    """Write everything that a class needs into a folder; returns the files.

    - `students/`: the notebooks without outputs and solutions
    - `solutions/`: the notebooks without outputs, the solutions in the cells for the answers
    - `nbgrader/`: a course folder for nbgrader, one assignment per notebook
    - `exercises.csv`, `exercises.md`: the sheet of points

    They are made from the `notebooks` folder, by default the project's, and replace what an earlier
    call wrote there. Raises UserError if there are no notebooks.
    """
    sources = read_sources(notebooks)
    books = {}
    for source in sources:
        name = source.path.name
        books[output / "students" / name] = student_edition(source)
        books[output / "solutions" / name] = solution_edition(source)
        books[output / "nbgrader" / "source" / source.path.stem / name] = nbgrader.assignment(
            student_edition(source), source
        )
    texts = {path: nbformat.writes(book) + "\n" for path, book in books.items()}
    rows = points_rows(sources)
    texts[output / "exercises.csv"] = as_csv(rows)
    texts[output / "exercises.md"] = as_markdown([*rows, _sum(sources)])
    texts[output / "nbgrader" / "nbgrader_config.py"] = nbgrader.CONFIG
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)


def student_edition(source: Source) -> NotebookNode:
    """The notebook without outputs and without a trace of its solutions."""
    book = source.copy()
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = FOLDED.sub("", cell.source).strip()
            for pattern, instead in SENTENCES.items():
                cell.source = re.sub(pattern, instead, cell.source)
    book.cells = [cell for cell in book.cells if cell.cell_type == "code" or cell.source]
    return book


def solution_edition(source: Source) -> NotebookNode:
    """The notebook without outputs, with every answer given and its explanation below it."""
    book = source.copy()
    for exercise in source.exercises:
        cell = book.cells[exercise.stub]
        cell.source = solved(cell.source, exercise.solution)
        explained = book.cells[exercise.stub + 2]
        explained.source = FOLDED.sub(_explanation, explained.source).strip()
    book.cells = [cell for cell in book.cells if cell.cell_type == "code" or cell.source]
    return book


def points_rows(sources: Sequence[Source]) -> list[dict[str, str]]:
    """The sheet of points, one row an exercise."""
    return [
        {
            "exercise": exercise.name,
            "notebook": source.path.stem,
            "time": exercise.time.partition(";")[0],
            "points": str(exercise.points),
        }
        for source in sources
        for exercise in source.exercises
    ]


def _sum(sources: Sequence[Source]) -> dict[str, str]:
    points = total([exercise for source in sources for exercise in source.exercises])
    return {"exercise": "all", "notebook": "", "time": "", "points": str(points)}


def _explanation(folded: re.Match) -> str:
    """What a folded solution says besides its code; one without a check keeps that, too."""
    words = CODE_BLOCK.sub("", folded[1]).strip()
    return f"**Solution.** {words}\n\n" if words else ""
