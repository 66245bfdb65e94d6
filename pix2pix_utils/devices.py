"""The device that the networks run on, its environment, and its out-of-memory errors."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import numpy
import torch
import torchvision

from pix2pix_utils import DEVICES, __version__
from pix2pix_utils.errors import UserError, check_choice

VARIABLE = "PIX2PIX_DEVICE"


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name from `DEVICES`.

    `auto` is what the environment variable PIX2PIX_DEVICE names, or else a CUDA GPU if there is
    one, or else the CPU. It is never an Apple GPU, torch's device `mps`: gradients there have been
    wrong without a warning (https://github.com/pytorch/pytorch/issues/175189), and small networks
    slower than on the CPU. Raises UserError if the device is unknown or unavailable.
    """
    kind, requested = "device", f"--device {name}"
    if name == "auto" and os.environ.get(VARIABLE):
        name = os.environ[VARIABLE]
        kind, requested = f"{VARIABLE} device", f"{VARIABLE}={name}"
    check_choice(kind, name, DEVICES)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(f"{requested}: torch finds no CUDA GPU; use cpu or auto")
    if name == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"{requested}: torch finds no Apple GPU; use cpu or auto")
    if name == "mps" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError(f"{requested}: several processes cannot share an Apple GPU; use cpu")
    return torch.device(name)


def choose_and_explain(name: str = "auto") -> torch.device:
    """`choose_device`; for `auto`, one line on stderr says what was found and why it was chosen."""
    device = choose_device(name)
    if name == "auto" and os.environ.get("RANK", "0") == "0":  # of several processes, one says it
        print(f"device: {_reason(device)}", file=sys.stderr)
    return device


def _reason(device: torch.device) -> str:
    """Why `auto` is this device."""
    if os.environ.get(VARIABLE) not in (None, "", "auto"):
        return f"{device.type}, as {VARIABLE} says"
    if device.type == "cuda":
        return f"cuda, since torch finds a GPU ({gpu_name(device)})"
    if torch.backends.mps.is_available():
        return (
            "cpu, not the Apple GPU that torch finds too: it can be slower, and some torch "
            "versions compute wrongly there; --device mps uses it"
        )
    return "cpu, since torch finds no GPU"


def gpu_name(device: torch.device) -> str | None:
    """The name of the device's GPU; None for a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else None


def describe_environment(device: torch.device) -> dict:
    """Versions and hardware that can influence the numbers."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "pix2pix_utils": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cpu_threads": torch.get_num_threads(),
        "device": device.type,
        "gpu": gpu_name(device),
    }


# messages of the CPU allocator and of CUDA libraries, which raise a plain RuntimeError
_MESSAGES = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED")


def is_out_of_memory(error: Exception) -> bool:
    """Whether a computation ran out of memory, on a GPU or a CPU."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(message in str(error) for message in _MESSAGES)


@contextmanager
def explain_out_of_memory(advice: str) -> Iterator[None]:
    """Raise UserError with `advice` if the block runs out of memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(advice) from None
