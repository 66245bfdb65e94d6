"""Running statistics of batch norm in two processes, against one that sees all batches."""

import subprocess
import sys

import pytest

# Compares with itself: first alone, then as one of two processes that share the same batches.
SCRIPT = """
import copy, sys
import torch
import torch.distributed as dist
from torch import nn
from pix2pix_utils.acceleration.batch_norm import ordered_statistics
from pix2pix_utils.acceleration.distributed import even_shard

rank, count, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.twice = nn.BatchNorm2d(5, momentum=0.3), nn.BatchNorm2d(5)
        self.mean = nn.BatchNorm2d(5, momentum=None)  # the mean of all batches
        self.frozen = nn.BatchNorm2d(5).eval()

    def forward(self, features):
        return self.twice(self.mean(self.twice(self.frozen(self.first(features))) ** 2))


torch.set_num_threads(1)
torch.manual_seed(0)
alone = Network()
shared = copy.deepcopy(alone)
updates = [[torch.randn(2, 5, 3, 3) * 3 + number for number in range(count)] for _ in range(3)]
for batches in updates:  # each batch passes twice, as a real and a generated photo do
    for batch in batches:
        alone(batch), alone(-batch)
dist.init_process_group("gloo", f"file://{file}", rank=rank, world_size=2)
for batches in updates:
    with ordered_statistics(shared, count):
        out = [(shared(batch), shared(-batch)) for batch in even_shard(batches)]
    sum(part.sum() for pair in out for part in pair).backward()  # no saved tensor has changed
assert [layer.momentum for layer in shared.children()] == [0.3, 0.1, None, 0.1]
for name, value in alone.state_dict().items():
    torch.testing.assert_close(shared.state_dict()[name], value, rtol=1e-6, atol=1e-7, msg=name)
assert shared.twice.num_batches_tracked == 12 * count and shared.frozen.num_batches_tracked == 0
"""


@pytest.mark.parametrize("batches", [1, 3])
def test_two_processes_apply_the_statistics_of_all_batches_in_order(tmp_path, batches):
    """Any momentum, a layer that is called twice in a pass, and a process without a batch."""
    arguments = [str(batches), str(tmp_path / "meeting")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(rank), *arguments], stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
