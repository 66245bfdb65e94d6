"""The process of a hand-in: executes its cells, and then the calls that the checks make.

It is started by `sandbox` with `python -m`, and speaks with it through the two pipes that were its
standard input and output. Requests arrive as pickles, since they come from the process that is
trusted; replies go back as JSON (`encoding`).
"""

import io
import json
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config as Settings

from pix2pix_utils.classroom.encoding import encode
from pix2pix_utils.classroom.limits import Reach, confine, limit_resources
from pix2pix_utils.losses import ADVERSARIAL_LOSSES
from pix2pix_utils.models import EnhancedUNet
from pix2pix_utils.training.runs import Run

HEADER = 8  # bytes of a message's length, before the message
LONGEST_ERROR = 200  # characters
OF_THE_PACKAGE = frozenset(ADVERSARIAL_LOSSES)


class _Shell(InteractiveShell):
    """IPython without a terminal and without windows."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: `%matplotlib inline` asks for no window, but asks."""


class Session:
    """A notebook's kernel, in this process, and the objects that were handed out by reference."""

    def __init__(self) -> None:
        settings = Settings()
        settings.HistoryManager.enabled = False
        settings.InteractiveShell.colors = "nocolor"
        self.shell = _Shell.instance(config=settings)
        self._referred: list[Any] = []

    def cell(self, source: str) -> dict[str, Any]:
        """Execute a cell; the reply says what it raised."""
        result = self.shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return {"raised": _described(error)} if error else {}

    def answer(self, name: str) -> dict[str, Any]:
        """The value of a name; a reply without `value` if there is none, or only three dots."""
        value = self.shell.user_ns.get(name, ...)
        return {} if value is ... else {"value": encode(value, self._refer)}

    def call(
        self, number: int, method: str, arguments: tuple, random: torch.Tensor, gradients: bool
    ) -> dict[str, Any]:
        """Call a method of an object that was handed out.

        torch's random numbers, `random`, and whether it keeps `gradients` are as at the caller.
        """
        torch.set_rng_state(random)
        with torch.set_grad_enabled(gradients):
            value = getattr(self._referred[number], method)(*arguments)
        if method == "parameters":
            value = list(value)  # torch gives a generator, which cannot travel
        return {"value": encode(value, self._refer)}

    def context(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Values of expressions, pickled: read only from a session that runs the course's own."""
        values = {key: self.shell.ev(source) for key, source in expressions.items()}
        return {"pickle": pickle.dumps(values).hex()}

    def _refer(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, Run):
            loss = ADVERSARIAL_LOSSES.get(value.config.adversarial_loss)
            own = loss is not None and value.config.adversarial_loss not in OF_THE_PACKAGE
            return {
                "run": str(value.folder.absolute()),
                "loss": [self._number(loss.discriminator), float(loss.threshold)] if own else None,
            }
        if isinstance(value, torch.nn.Module):
            return {
                "network": self._number(value),
                "enhanced": isinstance(value, EnhancedUNet),
                "training": bool(value.training),
            }
        return {"function": self._number(value)} if callable(value) else None

    def _number(self, value: Any) -> int:
        self._referred.append(value)
        return len(self._referred) - 1


def serve(inbox: BinaryIO, outbox: BinaryIO) -> None:
    """Answer requests until the other side closes the pipe."""
    setup = receive(inbox)
    limit_resources(setup["memory"], setup["file_size"], setup["cpu_seconds"])
    session = Session()
    guard = confine(Reach(setup["readable"], setup["writable"]))
    os.chdir(setup["folder"])
    sys.path[:] = [*(place for place in sys.path if guard.reach.may_read(place)), ""]
    _send(outbox, {})
    while request := receive(inbox):
        handle: Callable[..., dict[str, Any]] = getattr(session, request[0])
        try:
            reply = handle(*request[1:])
        except BaseException as error:  # sys.exit in a function of the hand-in, too
            reply = {"raised": _described(error)}
        _send(outbox, {**reply, "refused": guard.refused})


def receive(inbox: BinaryIO) -> Any:
    """The next request; None at the end."""
    header = inbox.read(HEADER)
    return pickle.loads(inbox.read(int.from_bytes(header, "big"))) if header else None


def _send(outbox: BinaryIO, reply: dict[str, Any]) -> None:
    data = json.dumps(reply).encode()
    outbox.write(len(data).to_bytes(HEADER, "big") + data)
    outbox.flush()


def _described(error: Any) -> list[str]:
    """Type and first line of an error; of a class that IPython gives for a syntax error, too."""
    kind = type(error) if isinstance(error, BaseException) else error
    try:
        line = "".join(str(error).splitlines()[:1])
    except Exception:
        line = ""
    return [kind.__name__, line[:LONGEST_ERROR]]


def main() -> None:
    """Take the pipes away from standard input and output, which then belong to the cells."""
    inbox = os.fdopen(os.dup(0), "rb")
    outbox = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdin = io.StringIO()
    serve(inbox, outbox)


if __name__ == "__main__":
    main()
