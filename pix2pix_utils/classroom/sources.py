"""The notebooks as the one source of hand-outs and grading: their exercises and solutions."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import notebooks_folder

STUB = re.compile(r"^answer_(\d+) = \.\.\..*$", re.MULTILINE)
SOLUTION = re.compile(  # a folded solution with one block of code, which is the group
    r"^<details><summary>Solution</summary>\n.*?^```python\n(.*?)^```$.*?^</details>$",
    re.MULTILINE | re.DOTALL,
)
FOLDED = re.compile(  # any folded solution; the group is what it unfolds
    r"^<details><summary>Solution</summary>\n(.*?)^</details>$\n*", re.MULTILINE | re.DOTALL
)
CODE_BLOCK = re.compile(r"^```python\n.*?^```$\n*", re.MULTILINE | re.DOTALL)
# A question begins with its number and the time it takes, as in **2 (half an hour).**
TIME = r"^\*\*{number} \(([^)]*)\)\.\*\*"
# Points by the stated time: a quick question counts little, but an evening is not worth twenty of
# them, or nobody would need to answer the others.
POINTS = {"minutes": 1, "half an hour": 2, "an hour": 3, "an evening": 4}
QUICK = 10  # minutes up to which a question is worth one point; a longer one is worth two


@dataclass(frozen=True)
class Exercise:
    """An exercise of a notebook: a question, a cell for the answer, a check, a folded solution."""

    name: str  # "02.1"
    time: str  # as the question states it: "15 minutes", "an evening; ..."
    stub: int  # position of the cell for the answer; the check is the next cell
    solution: str  # code that ends with an answer
    context: dict[str, str]  # what the check takes from the notebook: keyword -> expression

    @property
    def answer(self) -> str:
        """The name that holds the answer."""
        return f"answer_{self.name.partition('.')[2]}"

    @property
    def points(self) -> int:
        return points_for(self.time)


@dataclass(frozen=True)
class Source:
    """A notebook of the course, as it is committed."""

    path: Path
    book: NotebookNode
    exercises: tuple[Exercise, ...]

    @property
    def number(self) -> str:
        """ "02" of 02_baseline_training."""
        return self.path.stem[:2]

    @property
    def title(self) -> str:
        """The first heading."""
        lines = "\n".join(cell.source for cell in self.book.cells).splitlines()
        return next((line[2:] for line in lines if line.startswith("# ")), self.path.stem)

    def copy(self) -> NotebookNode:
        """The notebook without outputs, to be changed."""
        book = nbformat.from_dict(self.book)
        for cell in book.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        return book


def read_sources(folder: Path | None = None) -> list[Source]:
    """All notebooks of a folder, by default the project's, in the order of their names.

    Raises UserError if there are none, and if one is not of the form that the course's notebooks
    have.
    """
    if folder is None:
        folder = notebooks_folder()
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise UserError(f"{folder} has no notebooks named like 02_baseline_training.ipynb")
    return [read_source(path) for path in paths]


def read_source(path: Path) -> Source:
    """A notebook with its exercises; raises UserError if its cells are not in their usual order."""
    book = nbformat.read(path, as_version=4)
    found = []
    for count, stub in enumerate(tagged(book, "exercise"), start=1):
        try:
            found.append(_exercise(book, stub, path.stem[:2], count))
        except (IndexError, ValueError, TypeError, SyntaxError):
            raise UserError(
                f"exercise {count} of {path.name} is not a question with its time, a cell with "
                f"`answer_{count} = ...`, a check and a folded solution, in this order"
            ) from None
    return Source(path, book, tuple(found))


def tagged(book: NotebookNode, tag: str) -> list[int]:
    """Positions of the cells with a tag."""
    return [i for i, cell in enumerate(book.cells) if tag in cell.metadata.get("tags", [])]


def solution_of(cell: NotebookNode) -> str:
    """The code of a cell's folded solution; raises ValueError unless it has exactly one block."""
    found = SOLUTION.search(cell.source)
    if cell.cell_type != "markdown" or not found or found[0].count("```python") != 1:
        raise ValueError("there is no folded solution with one block of code")
    return found[1]


def solved(stub: str, solution: str) -> str:
    """The source of a cell for an answer with the solution in place of the three dots."""
    before, _, after = STUB.split(stub)
    return (before + solution + after).rstrip()


def points_for(time: str) -> int:
    """The points for an exercise that takes so long: 1 for 10 minutes, 4 for an evening.

    >>> [points_for(time) for time in ("5 minutes", "20 minutes", "an hour", "an evening; it runs")]
    [1, 2, 3, 4]
    """
    stated = time.partition(";")[0]
    minutes = re.fullmatch(r"(\d+) minutes.*", stated)
    if minutes:
        return POINTS["minutes"] if int(minutes[1]) <= QUICK else POINTS["half an hour"]
    if stated not in POINTS:
        raise ValueError(f"no such time: {stated}")
    return POINTS[stated]


def _exercise(book: NotebookNode, stub: int, notebook: str, count: int) -> Exercise:
    question, cell, check, answer = book.cells[stub - 1 : stub + 3]
    times = re.findall(TIME.format(number=count), question.source, re.MULTILINE)
    if len(times) != 1 or STUB.findall(cell.source) != [str(count)]:
        raise ValueError("another question, or another cell for the answer")
    points_for(times[0])
    (statement,) = ast.parse(check.source).body
    call = statement.value
    name, asked = (ast.unparse(argument) for argument in call.args)
    if (name, asked) != (repr(f"{notebook}.{count}"), f"answer_{count}"):
        raise ValueError("a check of another exercise")
    context = {str(keyword.arg): ast.unparse(keyword.value) for keyword in call.keywords}
    return Exercise(f"{notebook}.{count}", times[0], stub, solution_of(answer), context)


def total(exercises: Sequence[Exercise]) -> int:
    return sum(exercise.points for exercise in exercises)
