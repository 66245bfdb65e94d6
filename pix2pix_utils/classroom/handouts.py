"""Hand-outs made from the notebooks: for students, with solutions, for nbgrader, and the points."""

import re
import shutil
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
from pix2pix_utils.files import as_csv, atomic_write, write_text
from pix2pix_utils.report.formats import as_markdown

# What the notebooks say about solutions that are folded in them, and what is true of hand-outs.
SENTENCES = {
    r"\s+The\s+solutions\s+are\s+folded\.": "",
    r",\s+a\s+check,\s+and\s+a\s+folded\s+solution\.": " and a check.",
}
PICTURE = re.compile(r"(!\[[^\]]*\]\()([^):]+)\)")  # a link to a file, not to the web


def write_handouts(output: Path, notebooks: Path | None = None) -> list[Path]:
    """Write everything that a class needs into a folder; returns the files.

    - `students/`: the notebooks without outputs and solutions
    - `solutions/`: the notebooks without outputs, the solutions in the cells for the answers
    - `nbgrader/`: a course folder for nbgrader, one assignment per notebook
    - `exercises.csv`, `exercises.md`: the sheet of points

    Pictures that a notebook links to lie in `pictures/` beside it.

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
    pictures: dict[Path, Path] = {}
    for path, book in books.items():
        pictures |= _bring_pictures(book, path.parent, sources[0].path.parent)
    texts = {path: nbformat.writes(book) + "\n" for path, book in books.items()}
    rows = points_rows(sources)
    texts[output / "exercises.csv"] = as_csv(rows)
    texts[output / "exercises.md"] = as_markdown([*rows, _sum(sources)])
    texts[output / "nbgrader" / "nbgrader_config.py"] = nbgrader.CONFIG
    for path, text in texts.items():
        write_text(path, text)
    for path, original in pictures.items():
        with atomic_write(path) as temporary:
            shutil.copyfile(original, temporary)
    return [*texts, *pictures]


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


def _bring_pictures(book: NotebookNode, folder: Path, notebooks: Path) -> dict[Path, Path]:
    """Let a notebook show pictures in its new folder; returns where each goes and comes from."""
    pictures: dict[Path, Path] = {}

    def moved(link: re.Match) -> str:
        name = f"pictures/{Path(link[2]).name}"
        pictures[folder / name] = notebooks / link[2]
        return f"{link[1]}{name})"

    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = PICTURE.sub(moved, cell.source)
    return pictures


def _sum(sources: Sequence[Source]) -> dict[str, str]:
    points = total([exercise for source in sources for exercise in source.exercises])
    return {"exercise": "all", "notebook": "", "time": "", "points": str(points)}


def _explanation(folded: re.Match) -> str:
    """What a folded solution says besides its code; one without a check keeps that, too."""
    words = CODE_BLOCK.sub("", folded[1]).strip()
    return f"**Solution.** {words}\n\n" if words else ""
