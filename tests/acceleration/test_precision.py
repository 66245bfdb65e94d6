"""Reduced precision in the convolutions, float32 everywhere else."""

import pytest
import torch

from pix2pix_utils.acceleration.precision import choose_precision
from pix2pix_utils.errors import UserError
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.step import Networks, training_step

CPU = torch.device("cpu")


def test_a_cpu_computes_in_fp32_by_default():
    assert choose_precision("auto", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"


@pytest.mark.parametrize(
    "name, message",
    [
        ("fp8", r"no precision 'fp8'; choose one of: auto, fp32"),
        ("fp16", r"fp16 needs a CUDA GPU, not cpu"),
    ],
)
def test_an_unusable_precision_is_refused(name, message):
    with pytest.raises(UserError, match=message):
        choose_precision(name, CPU)


def test_bf16_learns_much_the_same_and_keeps_its_weights_in_float32():
    outcomes = {}
    for precision in ("fp32", "bf16"):
        config = configure("baseline", "smoke", settings=[f"precision={precision}"])
        torch.manual_seed(0)
        networks = Networks.build(config, CPU)
        pair = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
        torch.manual_seed(0)
        for _ in range(5):
            losses = training_step(networks, *pair, build_objective("bce", "l1", 100.0))
        outcomes[precision] = losses
        assert all(p.dtype == torch.float32 for p in networks.generator.parameters())
        assert all(value.dtype == torch.float32 for value in losses.values())
    full, short = outcomes["fp32"]["l1"], outcomes["bf16"]["l1"]
    assert short == pytest.approx(full.item(), rel=0.02)
    assert not torch.equal(full, short)
