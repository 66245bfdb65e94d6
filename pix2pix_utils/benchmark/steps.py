"""Times the variants of the training step.

Each variant runs in its own process, with memory of its own. The processes take turns step by step,
so that noise on the machine affects all alike.
"""

import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from pix2pix_utils.acceleration.memory import reuse_freed_memory
from pix2pix_utils.benchmark.machine import peak_of_this_process, seconds_of
from pix2pix_utils.benchmark.variants import REFERENCE_3, REFERENCE_4, make_step


@dataclass(frozen=True)
class Measurements:
    """The measurements of one variant."""

    seconds: list[float]  # of each step
    peak_memory: int | None  # bytes; see `peak_of_this_process`
    flops: int  # of one step
    bytes_moved: int  # read and written by the operations of one step


def time_steps(
    variants: list[str], image_size: int, width: int, repeats: int, device: torch.device
) -> dict[str, Measurements]:
    """Measure `repeats` steps of each variant, after two to warm up."""
    context = multiprocessing.get_context("spawn")
    ends, process_group = {}, []
    for name in variants:
        ends[name], end = context.Pipe()
        arguments = (end, name, image_size, width, str(device), torch.get_num_threads())
        process_group.append(context.Process(target=_step_on_call, args=arguments, daemon=True))
        process_group[-1].start()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in tqdm(range(repeats + 2), "steps", unit="round"):
        for name, end in ends.items():
            end.send("step")
            taken = end.recv()
            if round_ >= 2:
                seconds[name].append(taken)
    measured = {}
    for name, end in ends.items():
        end.send("end")
        measured[name] = Measurements(seconds[name], *end.recv())
    for process in process_group:
        process.join()
    return measured


def _step_on_call(
    end: Connection, variant: str, image_size: int, width: int, device_name: str, threads: int
) -> None:
    """Answer each "step" with its seconds, and "end" with the other measurements."""
    device = torch.device(device_name)
    torch.set_num_threads(threads)
    if variant not in (REFERENCE_3, REFERENCE_4):
        reuse_freed_memory()  # as `train` does
    step = make_step(variant, image_size, width, device)
    while end.recv() == "step":
        end.send(seconds_of(step, device))
    peak = peak_of_this_process(device)
    # a CUDA graph hides its operations, so they are counted in the eager step
    eager = make_step(f"{variant.removesuffix(' eager')} eager", image_size, width, device)
    with FlopCounterMode(display=False) as flops, ByteCounter() as traffic:
        eager()
    end.send((peak, flops.get_total_flops(), traffic.total))


class ByteCounter(TorchDispatchMode):
    """Counts the bytes that every operation reads and writes; views count as none."""

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        result = operation(*arguments, **(options or {}))
        if not operation.is_view:
            moved = tree_leaves((arguments, options, result))
            self.total += sum(part.nbytes for part in moved if isinstance(part, Tensor))
        return result


def step_rows(
    measured: Mapping[str, Measurements], rates: Mapping[str, float], bandwidth: float
) -> list[dict]:
    """One record per variant: time, speed-up over the references, share of the roofline, memory.

    The roofline is the time of the arithmetic at the rate of a matrix product, or of the memory
    traffic at the rate of a copy, whichever is longer.
    """
    medians = {name: float(np.median(found.seconds)) for name, found in measured.items()}
    rows = []
    for name, found in measured.items():
        median = medians[name]
        rate = rates["bf16" if name[:4] in ("bf16", "fp16") else "fp32"]
        roofline = max(found.flops / rate, found.bytes_moved / bandwidth)
        rows.append(
            {
                "step": name,
                "median_seconds": median,
                "fastest_seconds": min(found.seconds),
                "images_per_second": 1 / median,
                "times_as_fast_as_3": medians[REFERENCE_3] / median,
                "times_as_fast_as_4": medians[REFERENCE_4] / median,
                "flops": found.flops,
                "bytes_moved": found.bytes_moved,
                "share_of_matrix_product_rate": found.flops / median / rate,
                "share_of_roofline": roofline / median,
                "peak_memory_bytes": found.peak_memory,
            }
        )
    return rows
