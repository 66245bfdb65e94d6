"""File locks between processes, which are done without where a disk has none.

Some network and cloud drives, as Google Drive in Colab may be, refuse every lock. A training must
not fail for that: there the lock holds nobody back, and one sentence says so.
"""

import errno
import sys
import tempfile
from pathlib import Path
from types import TracebackType

import filelock
from filelock import Timeout
from tqdm import tqdm

if sys.platform != "win32":
    import fcntl

__all__ = ["FileLock", "Timeout"]

_TAKEN = (errno.EAGAIN, errno.EACCES)  # what a lock that another process holds is refused with
_told: set[int] = set()  # disks (`st_dev`) of which the sentence was said


class FileLock:
    """An exclusive lock on a file, which the operating system frees when the process ends.

    Use it as a context manager. Entering it waits for `timeout` seconds, for ever if that is
    negative, and raises Timeout if another process still holds the lock, OSError if the file cannot
    be created. On a disk without locks it creates no file and waits for nobody.
    """

    def __init__(self, path: Path, timeout: float = -1):
        self._path = path
        self._lock = filelock.FileLock(path, timeout=timeout)

    def acquire(self) -> None:
        folder = self._path.parent
        if _has_locks(folder):
            self._lock.acquire()
        elif (disk := folder.stat().st_dev) not in _told:
            _told.add(disk)
            sentence = f"the disk of {folder} has no file locks: let only one notebook or command "
            tqdm.write(f"{sentence}at a time write there", file=sys.stderr)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _has_locks(folder: Path) -> bool:
    """Whether the disk of a folder locks files, tried on a temporary file of its own.

    It is asked beforehand since versions of filelock differ in what they do without locks: some
    raise, some wait for ever, some leave a file behind that a killed process never removes.
    """
    if sys.platform == "win32":  # all its disks have locks
        return True
    try:
        probe = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    except OSError:  # filelock gives the reason
        return True
    with probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _TAKEN
    return True
