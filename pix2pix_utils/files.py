"""Atomic file writes, CSV and JSON."""

import csv
import errno
import io
import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pix2pix_utils.errors import UserError


class WriteError(OSError):
    """A file could not be written; the message names it, the reason and the remedy."""

    def __init__(self, path: Path, error: OSError):
        super().__init__(error.errno, error.strerror, str(path))

    def __str__(self) -> str:
        full = self.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space" if full else "make the folder writable"
        return (
            f"cannot write {self.filename}: {self.strerror}; {remedy} and run the same command "
            "again to continue, or choose another folder (--output)"
        )


@contextmanager
def explain_os_error(task: str, remedy: str = "") -> Iterator[None]:
    """Raise UserError if the block raises OSError: `cannot <task>: <reason><remedy>`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot {task}: {error.strerror or error}{remedy}") from None


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which replaces `path` if the block succeeds.

    A crash at any moment leaves either the old file or the new one, never a partial one. Raises
    WriteError if the disk is full or not writable.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:16]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:  # not from the disk: a failed download is an OSError too
            raise
        raise WriteError(path, error) from None


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of killed processes; no other process may write to the folder."""
    for path in folder.glob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


_TEMPORARY = re.compile(r"\.[0-9a-f]{16}(\.\w+)?")  # names given by `atomic_write`


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_csv(rows: Sequence[Mapping]) -> str:
    """Rows as comma-separated values; `nan` where a row lacks another row's key."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, restval="nan", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_json(path: Path, value: dict | list) -> None:
    """Write a JSON file atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict:
    """Read a JSON object. Raises UserError if the file is missing, unreadable or not an object."""
    try:
        with explain_os_error(f"read {path}"):
            value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON file: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} contains a JSON {type(value).__name__} instead of an object")
    return value
