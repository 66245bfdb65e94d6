"""The learning rates: constant, then falling linearly to 0."""

from dataclasses import replace

import pytest
import torch

from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.session import train
from pix2pix_utils.training.step import Networks, learning_rates
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("decay_from", "done", "share"),
    [
        *((1.0, done, 1.0) for done in (0.0, 0.5, 0.99)),
        *((0.5, done, share) for done, share in ((0, 1), (0.5, 1), (0.75, 0.5), (1, 0))),
        *((0.0, done, share) for done, share in ((0, 1), (0.25, 0.75), (1, 0))),
    ],
)
def test_they_are_constant_and_then_fall_to_0(smoke_config, decay_from, done, share):
    config = replace(
        smoke_config,
        learning_rate=1e-3,
        discriminator_learning_rate=4e-3,
        decay_from=decay_from,
    )
    assert learning_rates(config, done) == pytest.approx((1e-3 * share, 4e-3 * share))


def test_every_step_has_the_rate_of_its_share_of_the_training(
    smoke_config, street_data, tmp_path, monkeypatch
):
    """Two epochs of three steps; the last step still learns."""
    step, seen = training.accumulated_step, []

    def look(networks, *arguments):
        optimizers = networks.generator_optimizer, networks.discriminator_optimizer
        seen.append([group["lr"] for o in optimizers for group in o.param_groups])
        return step(networks, *arguments)

    monkeypatch.setattr(training, "accumulated_step", look)
    config = replace(
        smoke_config,
        batch_size=4,
        learning_rate=1e-3,
        discriminator_learning_rate=2e-3,
        decay_from=1 / 3,
    )
    train(config, street_data, tmp_path, CPU, progress=False)
    shares = [1, 1, 1, 3 / 4, 2 / 4, 1 / 4]
    assert [rate for rate, _ in seen] == pytest.approx([1e-3 * share for share in shares])
    assert [rate for _, rate in seen] == pytest.approx([2e-3 * share for share in shares])


def test_without_decay_no_rate_is_ever_set(smoke_config, street_data, monkeypatch):
    monkeypatch.setattr(Networks, "set_learning_rates", None)  # fails if it is called
    trainer = Trainer(smoke_config, street_data, CPU)
    batches, count, _ = next(trainer.coming_steps())
    trainer.update(batches, count)
    assert smoke_config.decay_from == 1


def rates_of(networks: Networks) -> list:
    optimizers = networks.generator_optimizer, networks.discriminator_optimizer
    return [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]


def test_on_a_gpu_a_rate_is_changed_in_place(smoke_config, monkeypatch):
    """A CUDA graph goes on reading the tensor that it was captured with."""
    networks = Networks.build(smoke_config, CPU)
    # a device that only calls itself a GPU
    monkeypatch.setattr(Networks, "device", torch.device("cuda"))
    make = torch.tensor
    monkeypatch.setattr(torch, "tensor", lambda value, device: make(value))
    networks.set_learning_rates((0.1, 0.2))
    first = rates_of(networks)
    assert [rate.item() for rate in first] == pytest.approx([0.1, 0.2])
    networks.set_learning_rates((0.05, 0.1))
    assert all(new is old for new, old in zip(rates_of(networks), first, strict=True))
    assert [rate.item() for rate in first] == pytest.approx([0.05, 0.1])


def test_a_checkpoint_of_a_gpu_is_resumed_on_a_cpu(smoke_config, street_data):
    config = replace(smoke_config, decay_from=0.5)
    trainer = Trainer(config, street_data, CPU)
    batches, count, _ = next(trainer.coming_steps())
    trainer.update(batches, count)
    state = trainer.state()
    for name in ("generator_optimizer", "discriminator_optimizer"):
        for group in state[name]["param_groups"]:
            group |= {"lr": torch.tensor(group["lr"]), "capturable": True}
    resumed = Trainer(config, street_data, CPU)
    resumed.load_state(state)
    assert all(type(rate) is float for rate in rates_of(resumed.networks))
    resumed.update(*list(resumed.coming_steps())[1][:2])
    assert rates_of(resumed.networks) == [config.learning_rate] * 2
