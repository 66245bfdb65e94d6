"""Finds the notebooks that were handed in, and says what else was."""

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from pix2pix_utils.classroom.sources import Source
from pix2pix_utils.errors import UserError

LARGEST_NOTEBOOK = 50_000_000  # bytes
MOST_FILES = 200_000_000  # bytes that are copied beside a notebook
CHECK = re.compile(r"""\bcheck\(\s*["'](\d\d)\.\d""")


@dataclass
class HandIn:
    """What one student, or one group, has handed in."""

    name: str
    path: Path  # a file or a folder
    notebooks: dict[str, Path] = field(default_factory=dict)  # "02" -> file
    remarks: list[str] = field(default_factory=list)


def find_hand_ins(folder: Path, sources: Sequence[Source]) -> list[HandIn]:
    """Everything that lies in a folder, in the order of the names.

    A notebook belongs to the exercises that it checks; one without checks to what its name begins
    with. Hidden files and folders are left out, and links are not followed. Raises UserError if the
    folder does not exist or is empty.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder} with hand-ins")
    entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if not entries:
        raise UserError(f"{folder} is empty: put a notebook or a folder in it for each hand-in")
    known = {source.number for source in sources}
    return [_read(path, known) for path in entries]


def read_notebook(path: Path) -> NotebookNode:
    """A notebook that somebody else wrote; raises ValueError if it is none."""
    if path.stat().st_size > LARGEST_NOTEBOOK:
        raise ValueError(f"{path.name} is larger than {LARGEST_NOTEBOOK / 1e6:.0f} MB")
    try:
        book = nbformat.read(path, as_version=4)
        sources = [cell.source for cell in book.cells if cell.cell_type == "code"]
    except Exception:  # a damaged file fails in many ways
        raise ValueError(f"{path.name} is not a notebook") from None
    if not all(isinstance(source, str) for source in sources):
        raise ValueError(f"{path.name} is not a notebook")
    return book


def copy_files_beside(hand_in: HandIn, notebook: Path, into: Path) -> None:
    """Copy the files that lie beside a notebook in its hand-in's own folder, without links."""
    if hand_in.path.is_file():  # its neighbours are the hand-ins of others
        return
    copied = 0
    for path in sorted(notebook.parent.rglob("*")):
        inside = path.relative_to(notebook.parent)
        if path.is_symlink() or not path.is_file() or _is_hidden(inside):
            continue
        if any(parent.is_symlink() for parent in path.parents if parent != notebook.parent):
            continue
        copied += path.stat().st_size
        if copied > MOST_FILES:
            raise ValueError(f"{hand_in.name} has more than {MOST_FILES / 1e6:.0f} MB of files")
        (into / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, into / inside)


def _read(path: Path, known: set[str]) -> HandIn:
    hand_in = HandIn(path.name, path)
    if path.is_symlink():
        hand_in.remarks.append("it is a link, which is not followed")
        return hand_in
    candidates = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.suffix != ".ipynb" or candidate.is_symlink() or not candidate.is_file():
            hand_in.remarks.append(f"{candidate.name} is not a notebook")
            continue
        if path.is_dir() and _is_hidden(candidate.relative_to(path)):
            continue
        try:
            number = _number_of(candidate, read_notebook(candidate), known)
        except (OSError, ValueError) as error:
            hand_in.remarks.append(str(error))
            continue
        if number is None:
            hand_in.remarks.append(f"{candidate.name} is no notebook of the course")
        elif number in hand_in.notebooks:
            hand_in.remarks.append(f"{candidate.name} is left out: another one has its exercises")
        else:
            hand_in.notebooks[number] = candidate
    if not hand_in.notebooks and not hand_in.remarks:
        hand_in.remarks.append("there is no notebook in it")
    return hand_in


def _number_of(path: Path, book: NotebookNode, known: set[str]) -> str | None:
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    named = [number for number in CHECK.findall(code) if number in known]
    if named:
        return Counter(named).most_common(1)[0][0]
    return path.name[:2] if path.name[:2] in known else None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
