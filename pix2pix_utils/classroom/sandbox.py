"""Starts the process of a hand-in, sends it requests, and ends it when its time is over."""

import compileall
import contextlib
import json
import os
import pickle
import shutil
import signal
import site
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import torch

import pix2pix_utils
from pix2pix_utils.classroom.encoding import Unreadable, name_from
from pix2pix_utils.classroom.limits import CELL_SECONDS, NOTEBOOK_MINUTES
from pix2pix_utils.paths import data_root, project_root

HEADER = 8  # bytes of a message's length, before the message, as in `inside`
LONGEST_MESSAGE = 200  # characters
START_SECONDS = 300  # for Python to import torch on a busy machine
# what a process of a hand-in keeps of this one's environment, which may hold passwords
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "OMP_NUM_THREADS")
NO_CHECK = '''"""In the place of a check, which would show the answer."""

EXERCISES = dict.fromkeys({numbers!r}, lambda answer, **context: "It is graded elsewhere.")
'''


@dataclass(frozen=True)
class Limits:
    """What the process of a hand-in may use."""

    cell_seconds: float = CELL_SECONDS  # for a cell, and for each call of an answer
    notebook_seconds: float = 60 * NOTEBOOK_MINUTES  # all restarts included
    memory: int = 4 * 2**30  # bytes
    file_size: int = 2**29  # bytes of each file
    reply_size: int = 2**26  # bytes of what a call gives back


class Died(Exception):
    """The process of a hand-in ended; the message says why, in words that fit into a table."""


class Sandbox:
    """A process for a hand-in, in a folder of its own that `make_room` has prepared.

    `limits` says what it may do, and what this does not protect against.
    """

    def __init__(self, room: Path, limits: Limits, deadline: float, closed: tuple[Path, ...] = ()):
        """Start the process; `closed` folders are out of its reach, whatever else may be read.

        `deadline` is the time on the monotonic clock at which it ends at the latest. Raises Died if
        it does not start.
        """
        self.room, self.limits, self.deadline = room, limits, deadline
        self.refused: list[str] = []
        self.is_alive = True
        self.reason = ""  # why it is not alive any more
        process = subprocess.Popen(
            [sys.executable, "-m", "pix2pix_utils.classroom.inside"],
            cwd=room / "package",
            env=_environment(room),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        self._process, self._inbox, self._outbox = process, process.stdin, process.stdout
        setup = {
            "readable": _readable(room, closed),
            "writable": [os.path.realpath(room / name) for name in ("hand-in", "work")],
            "folder": str(room / "hand-in"),
            "memory": limits.memory,
            "file_size": limits.file_size,
            "cpu_seconds": int(limits.notebook_seconds) + START_SECONDS,
        }
        self._exchange(setup, START_SECONDS)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def cell(self, source: str) -> str:
        """Execute a cell; returns what it raised, empty if nothing."""
        return ": ".join(filter(None, _error(self._request("cell", source)) or ()))

    def has_refused(self, error: str) -> bool:
        """Whether a cell raised this error because it tried what is not allowed."""
        return any(what in error for what in self.refused)

    def answer(self, name: str) -> dict[str, Any]:
        """The encoded value of a name, as `value`, if it has one."""
        return self._request("answer", name)

    def call(self, number: int, method: str, *arguments: Any) -> Any:
        """Call a method of an object inside; returns its encoded value.

        An exception that is raised inside is raised here, as a type with the same name.
        """
        state = torch.get_rng_state(), torch.is_grad_enabled()
        reply = self._request("call", number, method, arguments, *state)
        if error := _error(reply):
            raise type(error[0], (RaisedInside,), {})(error[1])
        return reply.get("value")

    def context(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Values of expressions. Only for the course's own cells: the reply is unpickled."""
        reply = self._request("context", expressions)
        if error := _error(reply):
            raise Unreadable(": ".join(error))
        return pickle.loads(bytes.fromhex(reply["pickle"]))

    def _request(self, *request: Any) -> dict[str, Any]:
        reply = self._exchange(request, self.limits.cell_seconds)
        refused = reply.get("refused")
        if isinstance(refused, list):
            self.refused = [str(what)[:LONGEST_MESSAGE] for what in refused[:5]]
        return reply

    def _exchange(self, request: Any, seconds: float) -> dict[str, Any]:
        """Send a request and wait for the reply; raises Died, and the process has ended then."""
        seconds = min(seconds, self.deadline - time.monotonic())
        if not self.is_alive or seconds <= 0:
            self._end()
            raise Died(self.reason or "the time for the notebook was over")
        clock = threading.Timer(seconds, self._expire, [f"it took longer than {seconds:.0f} s"])
        clock.start()
        try:
            _write(self._inbox, pickle.dumps(request))
            return _read(self._outbox, self.limits.reply_size)
        except (OSError, EOFError):
            self._end()
            self.reason = self.reason or _ending(self._process.returncode)
            raise Died(self.reason) from None
        except Unreadable as error:
            self._end()
            self.reason = str(error)
            raise Died(self.reason) from None
        finally:
            clock.cancel()

    def _expire(self, reason: str) -> None:
        """Runs beside a request, which then finds its pipe closed."""
        self.reason = reason
        _kill(self._process)

    def _end(self) -> None:
        self.is_alive = False
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            self._inbox.close()  # what ends a process that is still well
            self._process.wait(timeout=2)
        _kill(self._process)  # it, and whatever it has started
        self._process.wait()
        self._outbox.close()


class RaisedInside(Exception):
    """An answer raised an exception, whose type's name and first line this one has."""


def make_room(room: Path) -> None:
    """Prepare an empty folder for sandboxes: the package without what the checks know.

    `package/` is on the path of Python, `work/` is for runs, caches and temporary files, `hand-in/`
    is the working folder. A room in which a notebook of the course has run serves as a template:
    its copies need not train again what every hand-in trains.
    """
    package = room / "package" / "pix2pix_utils"
    source = Path(pix2pix_utils.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (package / "course" / "checks").glob("notebook_*.py"):
        module = import_module(f"pix2pix_utils.course.checks.{path.stem}")
        path.write_text(NO_CHECK.format(numbers=list(module.EXERCISES)), encoding="utf-8")
    compileall.compile_dir(package, quiet=2)  # once, since the sandboxes cannot write there
    (room / "package" / "data").mkdir()  # by which the package knows its project's folder
    project = project_root()
    for name in ("paper", "results"):
        if project is not None and (project / "data" / name).is_dir():
            shutil.copytree(project / "data" / name, room / "package" / "data" / name)
    for name in ("hand-in", "work/temporary", "work/home"):
        (room / name).mkdir(parents=True)


def _environment(room: Path) -> dict[str, str]:
    work = Path(os.path.realpath(room)) / "work"
    return {
        **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        "PYTHONUSERBASE": site.getuserbase(),  # which would follow HOME
        "TORCH_HOME": str(Path(torch.hub.get_dir()).parent),
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIX2PIX_PROFILE": "smoke",
        "PIX2PIX_DEVICE": "cpu",
        "PIX2PIX_DATA": str(data_root()),
        "PIX2PIX_CACHE": str(work / "cache"),
        "PIX2PIX_OUTPUT": str(work / "output"),
        **dict.fromkeys(("HOME", "USERPROFILE"), str(work / "home")),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work / "temporary")),
        **{
            name: str(work / "home" / name.lower())
            for name in ("MPLCONFIGDIR", "IPYTHONDIR", "XDG_CACHE_HOME")
        },
    }


def _readable(room: Path, closed: tuple[Path, ...]) -> dict[str, bool]:
    """Which folders may be read: Python, the data and the room, but nothing else of the project."""
    project = project_root()
    package = Path(pix2pix_utils.__file__).parent
    of_project = [project, project / "notebooks", project / "tests"] if project else []
    python = [sys.prefix, sys.base_prefix, *site.getsitepackages()]
    readable = {
        **dict.fromkeys([*closed, room.parent, *of_project[:1]], False),
        **dict.fromkeys([room, data_root(), *map(Path, python)], True),
        **dict.fromkeys([package, *of_project[1:]], False),
    }
    return {os.path.realpath(folder): may for folder, may in readable.items()}


def _error(reply: dict[str, Any]) -> tuple[str, str] | None:
    """Type and message of what was raised inside."""
    raised = reply.get("raised")
    if not isinstance(raised, list) or len(raised) != 2:
        return None
    return name_from(raised[0]), str(raised[1])[:LONGEST_MESSAGE]


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(HEADER, "big") + data)
    stream.flush()


def _read(stream: IO[bytes], limit: int) -> dict[str, Any]:
    size = int.from_bytes(_exactly(stream, HEADER), "big")
    if size > limit:
        raise Unreadable(f"its answer is larger than {limit / 2**20:.0f} MB")
    try:
        reply = json.loads(_exactly(stream, size))
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        raise Unreadable("it wrote into the pipe of the grading process")
    return reply


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):  # it is gone
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _ending(status: int) -> str:
    """How a process ended, from its exit status."""
    if status >= 0:
        return f"its process ended with the exit status {status}"
    return f"its process was ended by the signal {signal.Signals(-status).name}"
