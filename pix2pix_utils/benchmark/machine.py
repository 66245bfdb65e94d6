"""Speed of this machine's arithmetic and memory, and the memory use of a process."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

PROCESS_STATUS = Path("/proc/self/status")  # only on Linux


def matrix_product_rate(device: torch.device, precision: str, size: int) -> float:
    """Floating-point operations per second of a square matrix product, the best of five.

    On a GPU, fp32 is measured in TF32, which torch's convolutions use there.
    """
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    matrix = torch.rand(size, size, device=device).to(dtype)
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    fastest = min(seconds_of(lambda: matrix @ matrix, device) for _ in range(5))
    torch.set_float32_matmul_precision(before)
    return 2 * size**3 / fastest


def memory_bandwidth(device: torch.device) -> float:
    """Bytes per second that a copy of 256 MB reads and writes, the best of five."""
    source = torch.zeros(1 << 26, device=device)
    target = torch.empty_like(source)
    fastest = min(seconds_of(lambda: target.copy_(source), device) for _ in range(5))
    return 2 * source.nbytes / fastest


def peak_of_this_process(device: torch.device) -> int | None:
    """Bytes: of the GPU, or of main memory; None on Windows."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if PROCESS_STATUS.is_file():  # getrusage would start at the parent's peak
        return _status("VmHWM")
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def memory_in_use(device: torch.device) -> int | None:
    """Bytes in use now, without mapped files: of the GPU, or of main memory (only on Linux)."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return _status("RssAnon") if PROCESS_STATUS.is_file() else None


def _status(name: str) -> int:
    """Bytes of an entry of Linux's /proc/self/status."""
    entries = dict(line.split(":", 1) for line in PROCESS_STATUS.read_text().splitlines())
    return int(entries[name].split()[0]) * 1024


def seconds_of(action: Callable[[], object], device: torch.device | None = None) -> float:
    """Seconds that `action()` takes, until the device has finished it."""
    wait_for(device)
    start = time.perf_counter()
    action()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: torch.device | None) -> None:
    """Return when the device has finished all its work; a CPU has none pending."""
    kind = device.type if device else "cpu"
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()
