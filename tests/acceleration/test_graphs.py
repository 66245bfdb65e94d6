"""What a CUDA graph needs and a CPU can check; the rest runs where there is a GPU."""

import pytest
import torch

from pix2pix_utils.acceleration.graphs import GraphedStep, _Snapshot
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.losses import build_objective
from pix2pix_utils.training.step import Networks, training_step

OBJECTIVE = build_objective("bce", "l1", 100.0)


def networks_on(device: str, precision: str = "fp32") -> Networks:
    torch.manual_seed(0)
    config = configure("baseline", "smoke", settings=[f"precision={precision}"])
    return Networks.build(config, torch.device(device))


def pair_on(device: str, number: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    return (torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1).to(device)


def everything(networks: Networks) -> list[torch.Tensor]:
    modules = (networks.generator, networks.discriminator)
    tensors = [t for module in modules for t in module.state_dict().values()]
    for optimizer in (networks.generator_optimizer, networks.discriminator_optimizer):
        for state in optimizer.state.values():
            tensors += list(state.values())
    return [tensor.detach().clone() for tensor in tensors]


@pytest.mark.parametrize("steps_before", [0, 2])
def test_a_snapshot_is_put_back_into_the_same_tensors(steps_before):
    """A capture warms up with real steps, which must leave no trace, nor move any tensor."""
    networks = networks_on("cpu")
    for number in range(steps_before):
        training_step(networks, *pair_on("cpu", number), OBJECTIVE)
    before, snapshot = everything(networks), _Snapshot(networks)
    for number in range(3):
        training_step(networks, *pair_on("cpu", number), OBJECTIVE)
    addresses = [p.data_ptr() for p in networks.generator.parameters()]
    moments = next(iter(networks.generator_optimizer.state.values()))["exp_avg"]
    assert moments.abs().sum() > 0
    snapshot.put_back()
    assert [p.data_ptr() for p in networks.generator.parameters()] == addresses
    after = everything(networks)
    if steps_before:
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    else:  # the optimisers had no state, which is the same as zeros
        assert moments.abs().sum() == 0
        states = networks.discriminator_optimizer.state.values()
        assert all(value.abs().sum() == 0 for state in states for value in state.values())
    torch.manual_seed(5)
    going_on = training_step(networks, *pair_on("cpu", 9), OBJECTIVE)
    untouched = networks_on("cpu")
    for number in range(steps_before):
        training_step(untouched, *pair_on("cpu", number), OBJECTIVE)
    torch.manual_seed(5)
    expected = training_step(untouched, *pair_on("cpu", 9), OBJECTIVE)
    if not steps_before:  # dropout drew other numbers in the steps before
        torch.testing.assert_close(going_on, expected)


def test_where_a_capture_fails_the_step_runs_eagerly_and_says_so(capsys, monkeypatch):
    networks = networks_on("cpu")
    step = GraphedStep(networks, OBJECTIVE)

    def fails(label, photo):
        step._eager_only = True
        print("the step runs eagerly")

    monkeypatch.setattr(step, "_capture", fails)
    torch.manual_seed(1)
    losses = [step(*pair_on("cpu", number)) for number in range(2)]
    assert capsys.readouterr().out.count("eagerly") == 1
    plain = networks_on("cpu")
    torch.manual_seed(1)
    expected = [training_step(plain, *pair_on("cpu", number), OBJECTIVE) for number in range(2)]
    torch.testing.assert_close(losses, expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_graph_gives_the_numbers_of_the_eager_step(precision):
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        losses = {kind: losses_on_a_gpu(kind, precision) for kind in ("eager", "graph")}
    torch.testing.assert_close(losses["graph"], losses["eager"], rtol=1e-4, atol=1e-4)


def losses_on_a_gpu(kind: str, precision: str) -> list[dict[str, torch.Tensor]]:
    networks = networks_on("cuda", precision)
    graphed = GraphedStep(networks, OBJECTIVE)
    losses = []
    for number in range(6):
        torch.cuda.manual_seed(number)
        pair = pair_on("cuda", number)
        measured = graphed(*pair) if kind == "graph" else training_step(networks, *pair, OBJECTIVE)
        losses.append({name: value.clone() for name, value in measured.items()})
    assert (graphed._graph is not None) == (kind == "graph")
    return losses
