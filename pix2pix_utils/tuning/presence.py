"""Which of the processes that share a study are alive.

A process holds the lock of a file with its token in its name; the operating system releases it when
the process ends, however that happens. So processes that share an output folder know at once when
one has died. For those of other machines, the one that trains a trial counts up a number in the
storage, its beat; it is taken for dead if the beat stands still for long enough. The same holds on
a disk without locks, where there is no such file. Only the observer's own clock is used, so the
clocks of the machines need not agree.
"""

import time
import uuid
from pathlib import Path

from pix2pix_utils.locks import FileLock, Timeout

BEAT_SECONDS = 5.0
PATIENCE_SECONDS = 60.0  # a busy machine may miss several beats


class Presence:
    """This process's sign of life, and what it has seen of the others'."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.token = uuid.uuid4().hex
        self._folder = folder
        self._lock = FileLock(self._file(self.token))
        self._lock.acquire()
        self._beats: dict[int, tuple[object, float]] = {}  # trial -> beat, and when it was new

    def end(self) -> None:
        """Leave; what this process still trains is then free."""
        self._lock.release()
        self._file(self.token).unlink(missing_ok=True)

    def is_gone(self, trial: int, owner: str | None, beat: int | None) -> bool:
        """Whether the process `owner`, which trains this trial, has ended."""
        if owner == self.token:
            return False
        if owner and self._file(owner).is_file():
            return self._is_free(owner)
        now = time.monotonic()
        last, since = self._beats.setdefault(trial, (beat, now))
        if beat != last:
            self._beats[trial] = (beat, now)
            return False
        return now - since > PATIENCE_SECONDS

    def _is_free(self, token: str) -> bool:
        """Whether the process of this token holds its lock no longer; removes the file then."""
        try:
            with FileLock(self._file(token), timeout=0):
                self._file(token).unlink(missing_ok=True)
                return True
        except Timeout:
            return False

    def _file(self, token: str) -> Path:
        return self._folder / f"{token}.lock"
