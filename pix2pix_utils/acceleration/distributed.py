"""Training one pair of networks in several processes, started by `torchrun`.

In a single process every function here is a no-op. The batches of an update (`accumulation` of
them) are sharded over the processes and the gradients summed, so the update is that of one process
with the same configuration, up to rounding, and a run can be resumed by another number of
processes. Only process 0 writes files.
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
    """The index of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this process, of rank 0, writes and prints."""
    return rank() == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started, if any; yields the device of this process.

    Each process takes the GPU of its local rank. Raises UserError if this machine has fewer GPUs
    than processes.
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
    # two backends: gradients are reduced on GPUs, flags and scores on CPUs
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


@contextmanager
def rank_zero_first() -> Iterator[None]:
    """Run the block in process 0 first, then in the others, which find its files."""
    if not is_main():
        barrier()
    try:
        yield
    finally:
        if is_main():
            barrier()


def barrier() -> None:
    """Wait until all processes get here."""
    all_reduce_sum(torch.zeros(1))


def shard(items: Sequence) -> Sequence:
    """The items of this process: every `world_size()`-th, starting at its rank."""
    return items[rank() :: world_size()]


def all_gather(values: np.ndarray) -> np.ndarray:
    """The inverse of `shard`: collect each process's (n,) values into one array.

    The values are in the original order.
    """
    if world_size() == 1:
        return values
    parts: list[Any] = [None] * world_size()
    dist.all_gather_object(parts, values)
    whole = np.empty(sum(map(len, parts)), dtype=values.dtype)
    for start, part in enumerate(parts):
        whole[start :: len(parts)] = part
    return whole


def any_rank(*flags: bool) -> list[bool]:
    """For each flag, whether it is set in any process."""
    if world_size() == 1:
        return list(flags)
    reduced = torch.tensor(flags, dtype=torch.uint8)
    dist.all_reduce(reduced, dist.ReduceOp.MAX)
    return [bool(flag) for flag in reduced]


def all_reduce_sum(values: Tensor) -> Tensor:
    """Sum a tensor over the processes, in place."""
    if world_size() > 1:
        dist.all_reduce(values)
    return values


def all_reduce_gradients(network: nn.Module) -> None:
    """Sum every gradient over the processes; those of a process without a batch count as zero."""
    if world_size() == 1:
        return
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    _all_reduce_together([p.grad for p in network.parameters() if p.grad is not None])


def average_statistics(network: nn.Module) -> None:
    """Replace batch norm's running statistics by their mean over the processes."""
    if world_size() > 1:
        buffers = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        _all_reduce_together(buffers, divisor=world_size())


def _all_reduce_together(tensors: Sequence[Tensor], divisor: int = 1) -> None:
    """Sum many tensors over the processes, as one tensor: far fewer messages."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat.div_(divisor))
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))
