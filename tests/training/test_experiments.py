"""Every line of the table of experiments can be trained."""

from dataclasses import replace

import pytest
import torch

from pix2pix_utils.training.experiments import (
    AUGMENTED,
    EXPERIMENTS,
    PROFILES,
    TABLE_1,
    configure,
    find_experiment,
)
from pix2pix_utils.training.losses import build_objective
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.step import Networks, training_step
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")


def networks_of(name: str) -> tuple[str, str]:
    return EXPERIMENTS[name].generator, EXPERIMENTS[name].discriminator


ONE_OF_EACH_PAIR = list({networks_of(name): name for name in reversed(EXPERIMENTS)}.values())


def weights(network):
    return torch.cat([p.detach().flatten().clone() for p in network.parameters()])


@pytest.mark.parametrize("name", [*EXPERIMENTS, "baseline+flip", "enhanced+flip+jitter"])
def test_one_step_of_every_experiment_moves_what_it_should(name, street_data):
    config = replace(configure(name, "smoke"), warmup_steps=0, batch_size=1)
    trainer = Trainer(config, street_data, CPU)
    before = [weights(n) for n in (trainer.networks.generator, trainer.networks.discriminator)]
    batch = street_data.train.batch([0])
    label, photo = trainer.augment(batch["label"], batch["photo"])
    losses = training_step(trainer.networks, label, photo, trainer.objective)
    after = [weights(n) for n in (trainer.networks.generator, trainer.networks.discriminator)]
    assert not torch.equal(before[0], after[0])
    plays = config.adversarial_loss != "none"
    assert torch.equal(before[1], after[1]) != plays
    assert ("discriminator_loss" in losses) == plays
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize("name", ONE_OF_EACH_PAIR)
def test_one_step_at_the_shapes_of_the_full_profile(name):
    config = configure(name, "full")
    assert (config.image_size, config.width, config.batch_size) == (256, 64, 1)
    assert config.generator == EXPERIMENTS[name].generator
    networks = Networks.build(config, CPU)
    pair = torch.rand(2, 1, 3, 256, 256) * 2 - 1
    objective = build_objective(config.adversarial_loss, config.distance, config.alpha)
    losses = training_step(networks, *pair, objective)
    assert all(value.isfinite() for value in losses.values())


def test_a_warm_up_moves_the_discriminator_alone(street_data):
    config = configure("baseline", "smoke", settings=["warmup_steps=3"])
    trainer = Trainer(config, street_data, CPU)
    batch = street_data.train.batch([0])
    before = weights(trainer.networks.generator), weights(trainer.networks.discriminator)
    training_step(
        trainer.networks, batch["label"], batch["photo"], trainer.objective, generator_learns=False
    )
    assert torch.equal(weights(trainer.networks.generator), before[0])
    assert not torch.equal(weights(trainer.networks.discriminator), before[1])


def test_an_augmented_run_is_a_run_of_its_own(street_data, tmp_path):
    plain = train_experiment(configure("baseline", "smoke"), street_data, tmp_path, CPU, False)
    flipped = train_experiment(
        configure("baseline+flip", "smoke"), street_data, tmp_path, CPU, False
    )
    assert plain.folder != flipped.folder
    assert flipped.config.augmentation == "flip"
    assert plain.result()["ssim"] != flipped.result()["ssim"]


def test_table_1_is_the_reports():
    assert [EXPERIMENTS[name].report_ssim[2] for name in TABLE_1] == [
        0.301,
        0.499,
        0.505,
        0.511,
        0.535,
        0.462,
    ]
    assert len(AUGMENTED) == 18
    assert all(find_experiment(name)[1] != "none" for name in AUGMENTED)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_row_called_pretrained_starts_from_random_weights(profile):
    for name, row in EXPERIMENTS.items():
        starts = configure(name, profile).weights
        assert (starts != "none") == row.pretrained
        assert row.pretrained or not name.startswith("pretrained")
