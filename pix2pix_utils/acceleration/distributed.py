"""Training one pair of networks in several processes, started by `torchrun`.

In a single process every function here is a no-op. The batches of an update (`accumulation` of
them) are shared by the processes, and what they give is added up in the order of the batches. So a
run is the same with any number of processes (to the last bit in fp32 on CPUs, if each process has
equally many threads), and can be resumed with another number. Only process 0 writes files.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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
    # two backends: gradients are summed on GPUs, flags and scores are exchanged on CPUs
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
    if world_size() > 1:
        dist.all_reduce(torch.zeros(1))


def shard(items: Sequence) -> Sequence:
    """The items of this process: every `world_size()`-th, starting at its rank."""
    return items[rank() :: world_size()]


def even_shard(items: Sequence) -> Sequence:
    """`shard`, but equally many items in every process.

    A process that would have one less takes the last item too. What it computes from that is left
    out by `all_gather_batches` and `GradientSum`, and takes no extra time, as the others compute
    meanwhile.
    """
    mine = shard(items)
    return mine if len(mine) == -(-len(items) // world_size()) else [*mine, items[-1]]


def all_gather(items: Sequence) -> list:
    """The inverse of `shard`: the items of all processes, in their original order."""
    if world_size() == 1:
        return list(items)
    parts: list[Any] = [None] * world_size()
    dist.all_gather_object(parts, list(items))
    whole: list[Any] = [None] * sum(map(len, parts))
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


def all_gather_batches(values: Tensor, batches: int) -> Tensor:
    """Collect what each process computed from its `even_shard` of an update's batches, (R, ...).

    Returns the values of all batches in their order, (batches, ...).
    """
    if world_size() == 1:
        return values
    parts = [torch.empty_like(values) for _ in range(world_size())]
    dist.all_gather(parts, values)
    return torch.stack(parts, dim=1).flatten(0, 1)[:batches]


class GradientSum:
    """The sum of a network's gradients over an update's batches in all processes.

    A sum of floats depends on the order of its terms. This one is in the order of the batches, so
    it equals, to the last bit, what backward() accumulates in `.grad` in a single process. Each
    process adds up one part of the gradients for all processes. If each has one batch, as many
    numbers are sent as by an all-reduce.
    """

    def __init__(self, network: nn.Module, batches: int):
        self._parameters = list(network.parameters())
        self._batches = batches  # that are not added yet
        self._gradients: list[tuple[nn.Parameter, Tensor]] = []
        self._part: Tensor | None = None  # of the sum, the part of this process

    def add(self) -> None:
        """Add the gradients of one batch of each process; to be called after each backward()."""
        if world_size() == 1:
            return  # backward() has added them
        self._gradients = [(p, p.grad) for p in self._parameters if p.grad is not None]
        for parameter, _ in self._gradients:
            parameter.grad = None
        numbers = sum(gradient.numel() for _, gradient in self._gradients)
        padding = self._parameters[0].new_zeros(-numbers % world_size())
        flat = torch.cat([*(gradient.reshape(-1) for _, gradient in self._gradients), padding])
        received = torch.empty_like(flat)
        dist.all_to_all_single(received, flat)
        for part in received.view(world_size(), -1)[: self._batches]:
            self._part = part.clone() if self._part is None else self._part.add_(part)
        self._batches -= world_size()

    def finish(self) -> None:
        """Set the parameters' `.grad` to the sum, in every process."""
        if self._part is None:
            return
        parts = [torch.empty_like(self._part) for _ in range(world_size())]
        dist.all_gather(parts, self._part)
        sizes = [gradient.numel() for _, gradient in self._gradients]
        summed = torch.cat(parts)[: sum(sizes)].split(sizes)
        for (parameter, gradient), total in zip(self._gradients, summed, strict=True):
            parameter.grad = gradient.copy_(total.view_as(gradient))
