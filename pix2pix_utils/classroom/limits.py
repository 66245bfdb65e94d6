"""What a hand-in may do inside its process: reach, memory, file sizes, CPU time.

Two walls, set up inside the process before the first cell of the hand-in runs:

- The operating system limits memory, CPU time and the size of files (`resource`, where the platform
  has it), and writes no core dumps.
- An audit hook of Python (PEP 578) refuses to open, list, change or delete what lies out of reach,
  and to start programs, fork or use the network. What was refused is reported, so that whoever
  looked for the solutions is named in the grades.

**What this does not protect against.** The hook sees what Python does. Machine code that is called
through ctypes or a compiled extension passes it by, and Python code that knows of the hook can
search the interpreter's objects for it and empty it. Such a hand-in can read whatever the user who
grades can read, the solutions and the checks among it, use the network, start programs and stop
that user's other processes. Grade a class that may be hostile in a container or a virtual machine,
as a user with access to nothing else. What such a hand-in cannot do from its process is to award
itself points: the process that judges never executes or unpickles anything that comes from there.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CELL_SECONDS = 180.0  # for a cell, and for each call of an answer
NOTEBOOK_MINUTES = 15.0  # for a notebook, all restarts included
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
READS = {"os.listdir": 1, "os.scandir": 1, "os.chdir": 1}  # event -> number of paths
WRITES = {
    **{"os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.rename": 2, "os.truncate": 1},
    **{"os.chmod": 1, "os.chown": 1, "os.utime": 1, "shutil.rmtree": 1, "sqlite3.connect": 1},
}
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn")
REFUSED = {  # event -> what it does, in the words of the grades
    **dict.fromkeys(("os.symlink", "os.link"), "make a link"),
    **dict.fromkeys(PROGRAMS, "start a program"),
    **dict.fromkeys(("os.fork", "os.forkpty", "pty.spawn"), "fork"),
    **dict.fromkeys(("os.kill", "os.killpg"), "send a signal"),
    **dict.fromkeys(
        ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"), "use the network"
    ),
}
MOST_REPORTED = 5


@dataclass(frozen=True)
class Reach:
    """What a hand-in may read and write. Of nested folders the innermost decides.

    Folders that are not named may be read, since Python's own files lie in many places. All paths
    are absolute and without symbolic links.
    """

    readable: Mapping[str, bool]  # folder -> whether it may be read
    writable: Sequence[str]

    def may_read(self, path: str) -> bool:
        around = [folder for folder in self.readable if _is_inside(path, folder)]
        return not around or self.readable[max(around, key=len)]

    def may_write(self, path: str) -> bool:
        return path == os.devnull or any(_is_inside(path, folder) for folder in self.writable)

    def may_open_folder(self, path: str) -> bool:
        """Whether all inside may be read: names relative to an open folder are not resolved."""
        return all(may for folder, may in self.readable.items() if _is_inside(folder, path))


class Guard:
    """The audit hook. `refused` lists in words what it has refused so far."""

    def __init__(self, reach: Reach):
        self.reach = reach
        self.refused: list[str] = []
        self._judges: dict[str, Callable[[str, tuple], None]] = {
            "open": self._open,
            **dict.fromkeys(READS, self._read),
            **dict.fromkeys(WRITES, self._write),
            **dict.fromkeys(REFUSED, self._refuse),
        }

    def __call__(self, event: str, arguments: tuple) -> None:
        judge = self._judges.get(event)
        if judge is not None:
            judge(event, arguments)

    def _open(self, event: str, arguments: tuple) -> None:
        path, mode, flags = arguments
        writes = set(mode or "") & set("wax+") or (mode is None and (flags or 0) & WRITING)
        self._check(path, writes=bool(writes), opens=True)

    def _read(self, event: str, arguments: tuple) -> None:
        for path in arguments[: READS[event]]:
            self._check(path)

    def _write(self, event: str, arguments: tuple) -> None:
        for path in arguments[: WRITES[event]]:
            if path != ":memory:":
                self._check(path, writes=True)

    def _refuse(self, event: str, arguments: tuple) -> None:
        named = [str(one) for one in arguments[:1] if event in PROGRAMS and one is not None]
        self._say(": ".join([f"it tried to {REFUSED[event]}", *named]))

    def _check(self, path: Any, writes: bool = False, opens: bool = False) -> None:
        if path is None or isinstance(path, int):  # the current folder, or an open file
            return
        path = os.path.realpath(os.fsdecode(path))
        if not self.reach.may_read(path) or (opens and not self.reach.may_open_folder(path)):
            self._say(f"it tried to read {path}")
        if writes and not self.reach.may_write(path):
            self._say(f"it tried to write {path}")

    def _say(self, what: str) -> None:
        if len(self.refused) < MOST_REPORTED and what not in self.refused:
            self.refused.append(what)
        raise PermissionError(f"not allowed while a hand-in is graded: {what}")


def confine(reach: Reach) -> Guard:
    """Install the audit hook for the rest of this process."""
    guard = Guard(reach)
    sys.addaudithook(guard)
    return guard


def limit_resources(memory: int, file_size: int, cpu_seconds: int) -> None:
    """Limit this process: bytes of memory, bytes of a file, seconds of CPU time in all.

    Where the platform has no such limits, only the limits of time hold, which the grading process
    keeps.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        "RLIMIT_DATA": memory,  # Linux counts memory in use here, not addresses set aside
        "RLIMIT_FSIZE": file_size,
        "RLIMIT_CPU": cpu_seconds,
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, value))


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
