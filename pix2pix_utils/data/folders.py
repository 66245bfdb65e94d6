"""TODO."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from pix2pix_utils.data.images import SUFFIXES
from pix2pix_utils.errors import UserError

MAX_NAME_BYTES = 100  # of a data set's name, which becomes a part of file names


NO_DATA = {"__MACOSX", "@eaDir"}  # folders of thumbnails and the like


# --- Files ----------------------------------------------------------------------------------------


def evenly_spaced(items: Sequence, count: int) -> list:
    """`count` of the items at equal distances, or all of them if there are fewer."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def list_images(folder: Path) -> list[Path]:
    """What is named like an image in a folder, in natural order; folders are passed over.

    It may turn out to be a link to nothing: reading it will say so. Raises UserError if the folder
    itself is unreadable.
    """
    return [
        path
        for path in _entries(folder)
        if path.suffix.lower() in SUFFIXES and not _is_folder(path)
    ]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in natural order; raises UserError if it is unreadable."""
    try:
        return [path for path in _entries(folder) if path.is_dir() and path.name not in NO_DATA]
    except OSError as error:
        raise UserError(f"cannot read what is in {folder}: {error.strerror}") from None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the folder around it may be listed, but nothing in it looked at
        return False


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, in natural order (1, 2, 10), without hidden files."""
    try:
        return sorted(
            (path for path in folder.iterdir() if not path.name.startswith(".")), key=_natural
        )
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from None


def _natural(path: Path) -> tuple:
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


def file_stem(path: Path) -> str:
    """A file's stem as text that matches other files' stems and can be written anywhere.

    Macs write an accent as a letter of its own, and a name may hold bytes that are no text.
    """
    return _printable(unicodedata.normalize("NFC", path.stem))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def file_name_for(name: str) -> str:
    """A data set's name as a part of file names on any system."""
    name = re.sub(r'[<>:"/\\|?*]', "_", _printable(name))
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(". ") or "data"
