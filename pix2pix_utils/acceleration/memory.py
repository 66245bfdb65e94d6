"""Memory that a training step frees is kept for the next one."""

import ctypes
import platform
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's names of the parameters, from malloc.h
_KEPT = 1 << 30  # bytes; a step's largest tensor is far smaller


@cache
def reuse_freed_memory() -> None:
    """Let glibc keep freed memory in the process instead of handing it back to the system.

    A step allocates its activations and gradients anew, and the system clears every page that it
    hands out: at 256x256 a twelfth of the step on a CPU. The peak of memory stays as it is.
    Does nothing where the C library is another one.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_TRIM_THRESHOLD, _KEPT)
