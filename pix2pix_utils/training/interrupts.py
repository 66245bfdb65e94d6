"""Stop signals, deferred during operations that must not be interrupted.

The signals are those of Ctrl-C, a notebook's stop button, and SIGTERM.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The training was stopped by the signal `signum`."""

    def __init__(self, signum: int):
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback (IPython calls this method)."""
        return ["Stopped. Run this cell again to resume at the same step."]


class InterruptGuard:
    """While entered, SIGINT and SIGTERM raise `Interrupted`, but never inside an `atomic` block.

    Outside the main thread, where Python cannot handle signals, it does nothing.
    """

    def __init__(self):
        self._depth = 0  # of nested atomic blocks
        self.pending: int | None = None  # the signal that arrived inside one
        self._previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> "InterruptGuard":
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._previous[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, *exception) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def _handle(self, signum: int, frame: object) -> None:
        if self._depth:
            self.pending = signum
        else:
            raise Interrupted(signum)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Run the block to its end; a signal that arrives meanwhile is raised after it.

        In nested blocks, it is raised when the outermost ends.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self.pending is not None and not self._depth:
            signum, self.pending = self.pending, None
            raise Interrupted(signum)
