"""The device that the networks run on, its environment, and its out-of-memory errors."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import numpy
import torch
import torchvision

from pix2pix_utils import __version__
from pix2pix_utils.errors import UserError, check_choice

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is a GPU if there is one. Raises UserError if `cuda` is requested but unavailable."""
    check_choice("device", name, DEVICES)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("--device cuda: torch finds no CUDA GPU; use --device cpu or auto")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


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
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
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
