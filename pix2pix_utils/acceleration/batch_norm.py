"""Batch norm's running statistics, which are the same in several processes as in one.

A running mean is moved towards the mean of each batch in turn, so it depends on their number and
order. A process sees only its own batches; here the processes exchange the statistics of each batch
and all apply all of them, as a single process does.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pix2pix_utils.acceleration.distributed import all_gather_batches, world_size

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@contextmanager
def ordered_statistics(network: nn.Module, batches: int) -> Iterator[None]:
    """Give `network` the running statistics of a single process that runs all `batches` in order.

    Inside, the network runs equally often for each batch of this process's `even_shard`. Its batch
    norms may have any momentum; those in evaluation mode are left alone. A no-op in one process.
    """
    if world_size() == 1:
        yield
        return
    layers = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.training]
    layers = [layer for layer in layers if layer.track_running_stats]
    calls: dict[_BatchNorm, list[Tensor]] = {layer: [] for layer in layers}

    def record(layer: _BatchNorm, _input: tuple, _output: Tensor) -> None:
        calls[layer].append(torch.stack(_statistics(layer)[:2]))

    hooks = [layer.register_forward_hook(record) for layer in layers]
    before = [(layer.momentum, _statistics(layer)) for layer in layers]
    for layer in layers:
        # with a momentum of 1, the running statistics are exactly those of the last call
        layer.momentum = 1.0
        for name in _STATISTICS:
            setattr(layer, name, torch.zeros_like(getattr(layer, name)))
    try:
        yield
    finally:
        for hook, layer, (momentum, statistics) in zip(hooks, layers, before, strict=True):
            hook.remove()
            layer.momentum = momentum
            for name, value in zip(_STATISTICS, statistics, strict=True):
                setattr(layer, name, value)
    for count in sorted({len(recorded) for recorded in calls.values()} - {0}):
        alike = [layer for layer in layers if len(calls[layer]) == count]  # usually all of them
        recorded = torch.stack([torch.cat([calls[n][i] for n in alike], 1) for i in range(count)])
        by_batch = recorded.unflatten(0, (-(-batches // world_size()), -1))  # (R, calls, 2, C)
        _update(alike, all_gather_batches(by_batch, batches).flatten(0, 1))


def _update(layers: Sequence[_BatchNorm], statistics: Tensor) -> None:
    """Apply the mean and the unbiased variance of each call in turn, (calls, 2, channels).

    Rounds as torch does in fp32 on CPUs, where only the variance is summed in double precision.
    """
    channels = [layer.num_features for layer in layers]
    mean, variance = (torch.cat([_statistics(layer)[i] for layer in layers]) for i in (0, 1))
    calls = range(1, len(statistics) + 1)
    momenta = torch.tensor([[_momentum(layer, call) for layer in layers] for call in calls])
    momenta = momenta.repeat_interleave(torch.tensor(channels), dim=1).to(mean)
    for (new_mean, new_variance), new in zip(statistics, momenta, strict=True):
        old = 1 - new
        mean = new * new_mean + old * mean
        variance = (new.double() * new_variance.double() + (old * variance).double()).to(mean)
    updated = zip(layers, mean.split(channels), variance.split(channels), strict=True)
    for layer, layer_mean, layer_variance in updated:
        running_mean, running_var, tracked = _statistics(layer)
        running_mean.copy_(layer_mean)
        running_var.copy_(layer_variance)
        tracked += len(statistics)


def _statistics(layer: _BatchNorm) -> list[Tensor]:
    return [getattr(layer, name) for name in _STATISTICS]


def _momentum(layer: _BatchNorm, call: int) -> float:
    """The share of the `call`-th call from now; without a momentum, all calls count alike."""
    if layer.momentum is None:
        return 1 / (int(_statistics(layer)[2]) + call)
    return layer.momentum
