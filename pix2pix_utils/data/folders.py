"""Folders and file names: listing images, ignoring litter, names that are safe to write."""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pix2pix_utils.data.images import SUFFIXES
from pix2pix_utils.files import explain_os_error

MAX_NAME_BYTES = 100  # of a data set's name, which becomes part of file names
IGNORED_FOLDERS = {"__MACOSX", "@eaDir"}  # thumbnails and the like

T = TypeVar("T")


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """`count` evenly spaced items, or all of them if there are fewer."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def list_images(folder: Path) -> list[Path]:
    """The files of a folder that are named like images, in natural order (1, 2, 10).

    Broken links are listed too: reading them gives the error. Raises UserError if the folder
    cannot be read.
    """
    names, _ = _names(folder)
    return _paths(folder, [name for name in names if name.lower().endswith(tuple(SUFFIXES))])


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in natural order; raises UserError if it cannot be read.

    A link to the folder itself or to one above it is left out, since it leads in circles.
    """
    _, names = _names(folder)
    return _paths(folder, names)


def _names(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the files in a folder and of the folders in it, without litter."""
    files, folders = [], []
    with explain_os_error(f"read the folder {folder}"), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            link = Path(entry) if entry.is_symlink() else None
            if not (link or entry).is_dir():  # a DirEntry raises for links that lead in circles
                files.append(entry.name)
            elif entry.name not in IGNORED_FOLDERS and not (
                link and folder.resolve().is_relative_to(link.resolve())
            ):
                folders.append(entry.name)
    return files, folders


def _paths(folder: Path, names: list[str]) -> list[Path]:
    return [folder / name for name in sorted(names, key=_natural)]


def _natural(name: str) -> tuple[list[int | str], str]:
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def file_stem(path: Path) -> str:
    """A file's stem, normalised (Unicode NFC) so that equal names compare equal, and printable.

    macOS stores an accent as a separate character, and a name may hold bytes that are not text.
    """
    return _printable(unicodedata.normalize("NFC", path.stem))


def summarize_problems(problems: Sequence[str], limit: int = 10) -> str:
    """The first `limit` problems, each on an indented line of its own, and how many more."""
    lines = [f"\n  {problem}" for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"\n  and {len(problems) - limit} more")
    return "".join(lines)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def file_name_for(name: str) -> str:
    """A data set's name, changed so that it can be part of a file name on any system."""
    name = re.sub(r'[<>:"/\\|?*]', "_", _printable(name))
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(". ") or "data"
