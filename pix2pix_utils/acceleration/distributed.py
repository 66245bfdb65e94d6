"""Several processes that train one pair of networks together, as `torchrun` starts them.

Without torchrun every function here does what one process alone needs: nothing. The batches of an
update (`accumulation` of them) are dealt to the processes in turn and the gradients added up, so
the update is that of one process with the same configuration, up to rounding; a run can be gone on
with by another number of processes. Process 0 alone writes.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from pix2pix_utils.errors import UserError


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started, if it did; yields the device of this one.

    On GPUs each process takes the one of its local rank. Raises UserError if there are fewer GPUs
    than processes on this machine.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda":
        local, available = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= available:
            raise UserError(
                f"process {local} has no GPU, since this machine has {available}: "
                f"torchrun --nproc-per-node {available}"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    # two backends: gradients travel between GPUs, flags and scores between CPUs
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


@contextmanager
def rank_zero_first() -> Iterator[None]:
    """Process 0 runs the block before all others: for files that the others then find."""
    if not is_main():
        barrier()
    try:
        yield
    finally:
        if is_main():
            barrier()


def barrier() -> None:
    """Wait until all processes are here."""
    all_reduce_sum(torch.zeros(1))


def shard(items: Sequence) -> Sequence:
    """The items of this process: every `world_size()`-th, from its rank on."""
    return items[rank() :: world_size()]


def all_gather(values: np.ndarray) -> np.ndarray:
    """The inverse of `dealt` for a value each, (n,): all of them, in the original order."""
    if world_size() == 1:
        return values
    parts: list[Any] = [None] * world_size()
    dist.all_gather_object(parts, values)
    whole = np.empty(sum(map(len, parts)), dtype=values.dtype)
    for start, part in enumerate(parts):
        whole[start :: len(parts)] = part
    return whole


def any_rank(*flags: bool) -> list[bool]:
    """For each flag: is it set in any process? All of them get the same answer."""
    if world_size() == 1:
        return list(flags)
    asked = torch.tensor(flags, dtype=torch.uint8)
    dist.all_reduce(asked, dist.ReduceOp.MAX)
    return [bool(flag) for flag in asked]


def all_reduce_sum(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes, in place."""
    if world_size() > 1:
        dist.all_reduce(values)
    return values


def all_reduce_gradients(network: nn.Module) -> None:
    """The sum of every gradient over the processes; one that had no batch counts as zero."""
    if world_size() == 1:
        return
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    learning = [p.grad for p in network.parameters() if p.grad is not None]
    _in_one_piece(learning, lambda flat: dist.all_reduce(flat))


def average_statistics(network: nn.Module) -> None:
    """Batch norm's running statistics as their mean over the processes."""
    if world_size() == 1:
        return
    buffers = [b for b in network.buffers() if b.is_floating_point()]
    if buffers:
        _in_one_piece(buffers, lambda flat: dist.all_reduce(flat.div_(world_size())))


def _in_one_piece(tensors: Sequence[Tensor], collective) -> None:
    """Send many tensors as one: far fewer messages."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    collective(flat)
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))
