"""The sections of a notebook that are folded when it is opened, and the core path between them."""

import re
from collections.abc import Collection

from nbformat import NotebookNode

FOLDED = "jp-MarkdownHeadingCollapsed"  # what JupyterLab writes when a heading is folded


def level(cell: NotebookNode) -> int:
    """The level of the highest heading in a cell, 1 to 6; 7 if it has none."""
    if cell.cell_type != "markdown":
        return 7
    text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
    return min((len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)), default=7)


def folds(book: NotebookNode) -> dict[str, list[str]]:
    """The ids of the cells that each folded heading hides, by the id of the heading's cell."""
    found: dict[str, list[str]] = {}
    heading = None
    for cell in book.cells:
        if heading is not None and level(cell) <= level(heading):
            heading = None
        if heading is not None:
            found[heading.id].append(cell.id)
        elif cell.metadata.get(FOLDED):
            heading = cell
            found[cell.id] = []
    return found


def core_path(book: NotebookNode, exercises: Collection[str] = ()) -> list[NotebookNode]:
    """The cells that are not folded, up to the exercises, and those of the named exercises.

    An exercise is named as in `course.check`, such as "02.1".
    """
    hidden = {name for names in folds(book).values() for name in names}
    path = []
    for cell in book.cells:
        if "exercise" in cell.metadata.get("tags", []):
            break
        if cell.id not in hidden:
            path.append(cell)
    for index, cell in enumerate(book.cells):
        if any(cell.source.startswith(f'course.check("{name}"') for name in exercises):
            path += book.cells[index - 1 : index + 1]
    return path


def words(cell: NotebookNode) -> int:
    """Words to read of a cell, without comments, solutions and sources; none if it is hidden."""
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        return 0
    source = re.sub(r"<!--.*?-->|<details>.*?</details>", "", cell.source, flags=re.DOTALL)
    return len(source.partition("\n## References")[0].split())
