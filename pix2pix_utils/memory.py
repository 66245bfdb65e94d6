"""Too little memory, told with the settings that need less of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pix2pix_utils.config import Config
from pix2pix_utils.errors import UserError

# how CPUs, and libraries beside torch's own allocator, say it: they have no exception for it
_MESSAGES = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED")


def is_out_of_memory(error: Exception) -> bool:
    """Whether a computation ended for want of memory, on a GPU or a CPU."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(message in str(error) for message in _MESSAGES)


@contextmanager
def out_of_memory_told(advice: str) -> Iterator[None]:
    """Raise UserError with `advice` where the block runs out of memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(advice) from None


def advice_for_training(config: Config, device: torch.device) -> str:
    """One sentence with the settings that take memory, and which of them to lower."""
    remedies = []
    if config.batch_size > 1:
        half, times = -(-config.batch_size // 2), 2 * config.accumulation
        smaller = f"--set batch_size={half} --set accumulation={times}"
        remedies.append(f"{smaller} (an update in smaller parts)")
    if device.type == "cuda" and config.precision == "fp32":
        remedies.append("--set precision=bf16")
    remedies += ["a smaller image_size or width", "ending what else takes memory"]
    return (
        f"the memory of the device '{device.type}' is too small to train with "
        f"batch_size={config.batch_size}, image_size={config.image_size}, "
        f"width={config.width} and precision={config.precision}: "
        f"try {', '.join(remedies[:-1])} or {remedies[-1]}"
    )
