"""The moving average of the generator's weights: its formula, its statistics and its use."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.models import GENERATORS, build_generator
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training import validation
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.session import train
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.training.trainer import Trainer
from pix2pix_utils.training.validation import measure_statistics

CPU = torch.device("cpu")
DECAY = 0.75


@pytest.fixture
def config(smoke_config):
    return replace(smoke_config, average_decay=DECAY, epochs=1)


@pytest.fixture
def trainer(config, street_data):
    return Trainer(config, street_data, CPU)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def assert_same(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def do_steps(trainer: Trainer, number: int) -> None:
    for _, (batches, count, _) in zip(range(number), trainer.coming_steps(), strict=False):
        trainer.update(batches, count)


def test_it_equals_its_formula_after_every_step(trainer):
    networks = trainer.networks
    expected = weights(networks.generator)
    assert_same(weights(networks.average), expected)
    for batches, count, _ in list(trainer.coming_steps())[:4]:
        trainer.update(batches, count)
        for name, new in weights(networks.generator).items():
            expected[name] = DECAY * expected[name] + (1 - DECAY) * new
        torch.testing.assert_close(weights(networks.average), expected)
    assert not torch.equal(
        next(networks.average.parameters()), next(networks.generator.parameters())
    )


def test_it_is_not_trained_and_changes_nothing_that_is(trainer, config, street_data):
    """Its photos are seen by no loss, and the other networks are as without it."""
    do_steps(trainer, 2)
    averaged = list(trainer.networks.average.parameters())
    assert not any(weight.requires_grad or weight.grad is not None for weight in averaged)
    optimized = {
        id(weight)
        for optimizer in (
            trainer.networks.generator_optimizer,
            trainer.networks.discriminator_optimizer,
        )
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    assert not optimized & {id(weight) for weight in averaged}
    without = Trainer(replace(config, average_decay=0.0), street_data, CPU)
    do_steps(without, 2)
    for name in ("generator", "discriminator"):
        ours, theirs = (getattr(t.networks, name).state_dict() for t in (trainer, without))
        assert_same(ours, theirs)


def test_a_step_in_which_the_generator_does_not_learn_leaves_it(config, street_data):
    trainer = Trainer(replace(config, warmup_steps=2), street_data, CPU)
    for weight in trainer.networks.average.parameters():
        weight.zero_()
    do_steps(trainer, 2)
    assert not any(weight.any() for weight in trainer.networks.average.parameters())


def test_it_starts_from_weights_that_are_loaded(config, street_data, tmp_path, monkeypatch):
    """Running statistics included; the first step is interrupted before it does anything."""

    class Seen(Exception):
        pass

    def look(networks, *arguments):
        assert_same(networks.average.state_dict(), networks.generator.state_dict())
        assert (next(networks.average.parameters()) == 0.5).all()
        raise Seen

    def load(networks):
        with torch.no_grad():
            for tensor in networks.generator.state_dict().values():
                tensor.fill_(0.5)
        return {"generator": "halves", "discriminator": "random weights"}

    monkeypatch.setattr(training, "accumulated_step", look)
    with pytest.raises(Seen):
        train(config, street_data, tmp_path, CPU, progress=False, prepare=load)


def test_it_is_validated_kept_and_scored(config, street_data, tmp_path):
    run = train(config, street_data, tmp_path, CPU, progress=False)
    last, best = load_checkpoint(run.last_checkpoint), load_checkpoint(run.best_checkpoint)
    assert_same(best["generator"], last["average"])  # the only epoch is the best
    assert any(not torch.equal(last["generator"][k], v) for k, v in last["average"].items())
    generator, _, _ = load_generator(run.folder, CPU)
    assert_same(generator.state_dict(), last["average"])
    scores = ssim_scores(generator_predictor(generator), street_data.val)
    assert run.read_history()[0]["val_ssim"] == pytest.approx(scores.mean(), abs=1e-6)
    recorded = [
        float(row["ssim"])
        for row in run.read_scores()
        if (row["inference"], row["split"]) == ("eval", "val")
    ]
    assert recorded == pytest.approx(scores.tolist(), abs=1e-6)


# --- batch norm's statistics ---


def norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]


def statistics(network: nn.Module) -> list[torch.Tensor]:
    return [t.clone() for layer in norms(network) for t in (layer.running_mean, layer.running_var)]


def by_hand(network: nn.Module, batches: list[torch.Tensor]) -> list[torch.Tensor]:
    """Means over the batches of what enters each batch norm, which uses the batch's statistics."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    seen = {layer: [] for layer in norms(network)}
    hooks = [layer.register_forward_pre_hook(lambda n, x: seen[n].append(x[0])) for layer in seen]
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for hook in hooks:
        hook.remove()
    return [
        torch.stack(measured).mean(dim=0)
        for inputs in seen.values()
        for measured in (
            [x.mean(dim=(0, 2, 3)) for x in inputs],
            [x.var(dim=(0, 2, 3)) for x in inputs],  # unbiased, as batch norm keeps it
        )
    ]


@pytest.mark.parametrize("name", ["unet", "enhanced"])
def test_its_statistics_are_those_of_the_training_pairs(street_data, name):
    torch.manual_seed(0)
    network = build_generator(name, 32, 4)
    measure_statistics(network, street_data.train, batch_size=5)
    measured = statistics(network)
    labels = street_data.train.batch(range(12))["label"]
    torch.testing.assert_close(measured, by_hand(network, list(labels.split(5))))
    assert all(layer.momentum == 0.1 for layer in norms(network))


def test_many_pairs_are_measured_in_part(street_data, monkeypatch):
    monkeypatch.setattr(validation, "STATISTICS_PAIRS", 4)
    torch.manual_seed(0)
    network = build_generator("unet", 32, 4)
    measure_statistics(network, street_data.train, batch_size=2)
    labels = street_data.train.batch([0, 3, 6, 9])["label"]
    torch.testing.assert_close(statistics(network), by_hand(network, list(labels.split(2))))


def test_its_statistics_depend_on_no_random_number_and_on_no_earlier_ones(street_data):
    torch.manual_seed(0)
    network = build_generator("unet", 32, 4)
    assert any(isinstance(module, nn.Dropout) for module in network.modules())
    measured = []
    for seed in range(2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        measure_statistics(network, street_data.train, batch_size=4)
        assert torch.equal(torch.get_rng_state(), before)
        measured.append(statistics(network))
        assert not any(module.training for module in network.modules())
    torch.testing.assert_close(*measured, rtol=0, atol=0)


def test_a_frozen_backbone_keeps_its_statistics(street_data):
    """Its weights do not change either, and training uses these statistics."""
    config = configure(
        "frozen-torchvision", "smoke", settings=["average_decay=0.5", "weights=none"]
    )
    trainer = Trainer(config, street_data, CPU)
    average = trainer.networks.average
    backbone, decoder = (statistics(part) for part in (average.backbone, average.decoder))
    measure_statistics(average, street_data.train, batch_size=6)
    torch.testing.assert_close(statistics(average.backbone), backbone, rtol=0, atol=0)
    for after, before in zip(statistics(average.decoder), decoder, strict=True):
        assert not torch.equal(after, before)


@pytest.mark.parametrize("name", GENERATORS)
def test_nothing_but_statistics_is_left_out_of_the_average(name):
    """A buffer of another kind would keep its value from the start of the training."""
    with torch.device("meta"):
        network = build_generator(name, 32, 4)
    kinds = {key.rpartition(".")[2] for key, _ in network.named_buffers()}
    constants = {"mean", "std"}  # of ImageNet's photos
    assert kinds - constants <= {"running_mean", "running_var", "num_batches_tracked"}
