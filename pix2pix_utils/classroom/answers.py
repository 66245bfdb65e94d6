"""What was handed in, as the checks see it: stand-ins that call the process of the hand-in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pix2pix_utils.classroom.encoding import Unreadable, decode
from pix2pix_utils.classroom.sandbox import Sandbox
from pix2pix_utils.losses import ADVERSARIAL_LOSSES, AdversarialLoss
from pix2pix_utils.models import EnhancedUNet
from pix2pix_utils.training.runs import Run


class AnswerReader:
    """Reads the values that come out of a sandbox."""

    def __init__(self, sandbox: Sandbox):
        self._sandbox = sandbox
        self._losses: dict[str, AdversarialLoss] = {}

    def read(self, encoded: Any) -> Any:
        """The value, with stand-ins for what stays inside.

        Raises Unreadable if it is none, and UserError for a run that is none.
        """
        try:
            return decode(encoded, self._stand_in)
        except (ArithmeticError, LookupError, TypeError, ValueError):  # forged in one of many ways
            raise Unreadable from None

    def call(self, number: int, method: str, *arguments: Any) -> Any:
        return self.read(self._sandbox.call(number, method, *arguments))

    @contextmanager
    def losses(self) -> Iterator[None]:
        """Within the block, the package knows the adversarial losses of the runs that were read.

        An exercise asks for a run with a loss of one's own, which exists only inside.
        """
        own = {name: loss for name, loss in self._losses.items() if name not in ADVERSARIAL_LOSSES}
        ADVERSARIAL_LOSSES.update(own)
        try:
            yield
        finally:
            for name in own:
                del ADVERSARIAL_LOSSES[name]

    def _stand_in(self, reference: dict[str, Any]) -> Any:
        if "run" in reference:
            return self._run(reference)
        if "function" in reference:
            return _Function(self, int(reference["function"]))
        if "network" in reference:
            kind = _EnhancedNetwork if reference.get("enhanced") is True else _Network
            return kind(self, int(reference["network"]), reference.get("training") is True)
        raise Unreadable

    def _run(self, reference: dict[str, Any]) -> Run:
        """A run in the sandbox's own folder, read as a run of any other folder is."""
        folder = Path(os.path.realpath(str(reference["run"])))
        if not folder.is_relative_to(os.path.realpath(self._sandbox.room)):
            raise Unreadable("its run is not in the output folder")
        run = Run.open(folder)
        loss = reference.get("loss")
        if loss is not None:
            number, threshold = loss
            function = _Function(self, int(number))
            self._losses[run.config.adversarial_loss] = AdversarialLoss(function, float(threshold))
        return run


class _Function:
    def __init__(self, reader: AnswerReader, number: int):
        self._reader, self._number = reader, number

    def __call__(self, *arguments: Any) -> Any:
        return self._reader.call(self._number, "__call__", *arguments)


class _Network(nn.Module):
    """The part of a module that checks use; its weights are inside."""

    def __init__(self, reader: AnswerReader, number: int, training: bool):
        nn.Module.__init__(self)
        self._reader, self._number, self.training = reader, number, training

    def forward(self, *inputs: Any) -> Any:
        return self._reader.call(self._number, "__call__", *inputs)

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        for values in self._reader.call(self._number, "parameters"):
            yield nn.Parameter(torch.as_tensor(values), requires_grad=False)

    def state_dict(self, *arguments: Any, **options: Any) -> Any:
        return self._reader.call(self._number, "state_dict")

    def load_state_dict(self, state_dict: Any, *arguments: Any, **options: Any) -> Any:
        self._reader.call(self._number, "load_state_dict", state_dict)

    def train(self, mode: bool = True) -> "_Network":
        self._reader.call(self._number, "train", mode)
        self.training = mode
        return self


class _EnhancedNetwork(_Network, EnhancedUNet):
    """One that is an EnhancedUNet inside."""
