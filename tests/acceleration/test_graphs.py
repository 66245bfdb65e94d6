"""The training step as a CUDA graph; what needs a GPU is skipped without one."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from whole_runs import EVERY_SETTING

from pix2pix_utils.acceleration.graphs import _Snapshot
from pix2pix_utils.losses.adversarial import ADVERSARIAL_LOSSES
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.training.discriminator_augmentation import build_discriminator_augmentation
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.step import Networks, graphed_step, training_step

OBJECTIVE = build_objective("bce", "l1", 100.0)
EVERY_TERM = build_objective(
    "bce", "l1", 100.0, ssim_weight=5.0, ms_ssim_weight=5.0, feature_weight=2.0
)
EVERY_CHANGE = build_discriminator_augmentation("color+translation+cutout")
COLORS = torch.rand(7, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def networks_on(device: str, *settings: str, precision: str = "fp32") -> Networks:
    torch.manual_seed(0)
    config = configure("baseline", "smoke", settings=[f"precision={precision}", *settings])
    return Networks.build(config, torch.device(device), COLORS.to(device))


def pair_on(device: str, number: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    return (torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1).to(device)


def snapshot_of(networks: Networks) -> _Snapshot:
    """What a capture takes before it warms up."""
    step = graphed_step(networks, OBJECTIVE)
    return _Snapshot(step._modules, step._optimizers)


def everything(networks: Networks) -> list[torch.Tensor]:
    modules = [networks.generator, networks.discriminator]
    if networks.average is not None:
        modules.append(networks.average)
    tensors = [t for module in modules for t in module.state_dict().values()]
    for optimizer in (networks.generator_optimizer, networks.discriminator_optimizer):
        for state in optimizer.state.values():
            tensors += list(state.values())
    return [tensor.detach().clone() for tensor in tensors]


@pytest.mark.parametrize("steps_before", [0, 2])
@pytest.mark.parametrize("settings", [(), EVERY_SETTING], ids=["baseline", "every setting"])
def test_a_snapshot_is_restored_into_the_same_tensors(steps_before, settings):
    """A capture warms up with real steps, which must leave no trace, nor move any tensor."""
    networks = networks_on("cpu", *settings)
    for number in range(steps_before):
        training_step(networks, *pair_on("cpu", number), OBJECTIVE)
    before, snapshot = everything(networks), snapshot_of(networks)
    for number in range(3):
        training_step(networks, *pair_on("cpu", number), OBJECTIVE)
    addresses = [p.data_ptr() for p in networks.generator.parameters()]
    moments = next(iter(networks.generator_optimizer.state.values()))["exp_avg"]
    assert moments.abs().sum() > 0
    snapshot.restore()
    assert [p.data_ptr() for p in networks.generator.parameters()] == addresses
    if steps_before:
        after = everything(networks)
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        return
    # the optimizers had no state, which is the same as zeros: the next step is a first one
    assert moments.abs().sum() == 0
    torch.manual_seed(5)
    resumed = training_step(networks, *pair_on("cpu", 9), OBJECTIVE)
    untouched = networks_on("cpu", *settings)
    torch.manual_seed(5)
    torch.testing.assert_close(resumed, training_step(untouched, *pair_on("cpu", 9), OBJECTIVE))


def test_on_a_cpu_every_step_is_the_eager_one():
    networks, plain = networks_on("cpu"), networks_on("cpu")
    step = graphed_step(networks, OBJECTIVE)
    for number in range(2):
        torch.manual_seed(number)
        losses = step(*pair_on("cpu", number))
        torch.manual_seed(number)
        assert losses == training_step(plain, *pair_on("cpu", number), OBJECTIVE)
    ours, expected = everything(networks), everything(plain)
    assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))


def test_a_loaded_state_drops_the_graph():
    """It would go on writing into the optimizer states of before."""

    class Replayed(Exception):
        pass

    class Graph:
        def replay(self):
            raise Replayed

    networks = networks_on("cpu")
    step, pair = graphed_step(networks, OBJECTIVE), pair_on("cpu", 0)
    step._graph, (step._label, step._photo) = Graph(), pair.clone()
    with pytest.raises(Replayed):
        step(*pair)
    networks.load_state_dict(networks_on("cpu").state_dict())
    assert step(*pair)["l1"].isfinite()


def imagined(network: nn.Module) -> nn.Module:
    """The network with fake tensors, which have a shape and no values."""
    for module in network.modules():
        for name, weight in module.named_parameters(recurse=False):
            fake = torch.empty(weight.shape)
            setattr(module, name, nn.Parameter(fake, requires_grad=weight.requires_grad))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, torch.empty(buffer.shape, dtype=buffer.dtype))
    return network


@pytest.mark.parametrize("discriminator", ["patchgan", "segmentation"])
def test_a_step_with_everything_on_never_looks_at_a_number(discriminator):
    """A look would wait for the GPU, which a graph cannot hold; fake tensors refuse it."""
    adversarial = "classes" if discriminator == "segmentation" else "bce"
    settings = (*EVERY_SETTING, f"discriminator={discriminator}")
    networks = networks_on("cpu", *settings, precision="bf16")
    with FakeTensorMode(allow_non_fake_inputs=True):  # constants
        for network in (networks.generator, networks.discriminator, networks.average):
            imagined(network)
        networks = replace(
            networks,
            generator_optimizer=torch.optim.SGD(networks.generator.parameters()),
            discriminator_optimizer=torch.optim.SGD(networks.discriminator.parameters()),
        )
        objective = replace(EVERY_TERM, adversarial=ADVERSARIAL_LOSSES[adversarial])
        pair = torch.empty(2, 3, 32, 32), torch.empty(2, 3, 32, 32)
        losses = training_step(networks, *pair, objective, augment=EVERY_CHANGE)
        assert losses["generator_loss"].shape == ()
        with pytest.raises(RuntimeError):
            losses["generator_loss"].item()


@needs_cuda
def test_where_a_capture_fails_the_step_runs_eagerly_and_says_so(capsys):
    networks, plain = networks_on("cuda"), networks_on("cuda")
    step = graphed_step(networks, OBJECTIVE)
    captured = step._step

    def waits_for_the_gpu(label, photo):
        losses = captured(label, photo)
        losses["l1"].item()  # no graph can hold this
        return losses

    step._step = waits_for_the_gpu
    for number in range(2):
        torch.cuda.manual_seed(number)
        losses = step(*pair_on("cuda", number))
        torch.cuda.manual_seed(number)
        expected = training_step(plain, *pair_on("cuda", number), OBJECTIVE)
        torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-4)
    assert capsys.readouterr().out.count("the step runs eagerly") == 1


@needs_cuda
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("settings", [(), EVERY_SETTING], ids=["baseline", "every setting"])
def test_a_graph_gives_the_numbers_of_the_eager_step(precision, settings):
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        eager, graph = (numbers_on_a_gpu(kind, precision, settings) for kind in ("eager", "graph"))
    torch.testing.assert_close(graph, eager, rtol=1e-4, atol=1e-4)


def numbers_on_a_gpu(kind: str, precision: str, settings: tuple[str, ...]) -> list:
    """The losses of six steps whose learning rates fall, and the average's last convolution."""
    networks = networks_on("cuda", *settings, precision=precision)
    objective, augment = (EVERY_TERM, EVERY_CHANGE) if settings else (OBJECTIVE, None)
    graphed = graphed_step(networks, objective, augment)
    found: list = []
    for number in range(6):
        torch.cuda.manual_seed(number)
        label, photo = pair_on("cuda", number)
        if settings:
            networks.set_learning_rates((2e-4 * (1 - number / 6), 1e-4 * (1 - number / 6)))
        if kind == "graph":
            measured = graphed(label, photo)
        else:
            measured = training_step(networks, label, photo, objective, augment=augment)
        found.append({name: value.clone() for name, value in measured.items()})
    assert (graphed._graph is not None) == (kind == "graph")
    return [*found, list(networks.final_generator.parameters())[-1].detach().clone()]
