"""Speed of this machine's arithmetic and memory, and the memory use of a process."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch


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
    """Bytes: of the GPU, or of main memory; None where the system does not report it (Windows)."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_reserved(device)
    if Path("/proc/self/status").is_file():  # getrusage would start at the parent's peak
        return _status("VmHWM")
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB


def memory_in_use(device: torch.device) -> int | None:
    """Bytes in use now, without mapped files: of the GPU, or of main memory (only on Linux)."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return _status("RssAnon") if Path("/proc/self/status").is_file() else None


def _status(name: str) -> int:
    """Bytes of an entry of Linux's /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def seconds_of(action: Callable, device: torch.device | None = None, *arguments) -> float:
    """Seconds that `action(*arguments)` takes, until the device has finished it."""
    wait = torch.cuda.synchronize if device and device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    action(*arguments)
    wait()
    return time.perf_counter() - start
