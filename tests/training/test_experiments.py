"""Every line of the table of experiments can be trained."""

from dataclasses import replace

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.models import build_discriminator, build_generator
from pix2pix_utils.training.experiments import (
    AUGMENTED,
    BEYOND,
    EXPERIMENTS,
    PROFILES,
    TABLE_1,
    Experiment,
    configure,
    find_experiment,
)
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.step import Networks, training_step
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")


def one_of_each(names) -> list[str]:
    """The first of the experiments that train the same networks."""
    found: dict = {}
    for name in names:
        config = configure(name, "full")
        found.setdefault((config.generator, config.discriminator, config.label_input), name)
    return list(found.values())


def weights(network):
    return torch.cat([p.detach().flatten().clone() for p in network.parameters()])


@pytest.mark.parametrize("name", [*EXPERIMENTS, "baseline+flip", "enhanced+flip+jitter"])
def test_one_step_of_every_experiment_moves_what_it_should(name, street_data):
    config = replace(configure(name, "smoke"), warmup_steps=0, batch_size=1)
    trainer = Trainer(config, street_data, CPU)
    networks = trainer.networks
    before = [weights(n) for n in (networks.generator, networks.discriminator)]
    averaged = weights(networks.final_generator)
    batches, count, _ = next(trainer.coming_steps())
    losses = trainer.update(batches, count)
    after = [weights(n) for n in (networks.generator, networks.discriminator)]
    assert not torch.equal(before[0], after[0])
    assert not torch.equal(averaged, weights(networks.final_generator))
    plays = config.adversarial_loss != "none"
    assert torch.equal(before[1], after[1]) != plays
    assert ("discriminator_loss" in losses) == plays
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize("name", one_of_each(n for n in EXPERIMENTS if n not in BEYOND))
def test_one_step_at_the_shapes_of_the_full_profile(name):
    config = configure(name, "full")
    assert (config.image_size, config.width, config.batch_size) == (256, 64, 1)
    assert config.generator == EXPERIMENTS[name].generator
    networks = Networks.build(config, CPU)
    pair = torch.rand(2, 1, 3, 256, 256) * 2 - 1
    objective = build_objective(config.adversarial_loss, config.distance, config.alpha)
    losses = training_step(networks, *pair, objective)
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize("name", one_of_each(BEYOND))
def test_the_networks_beyond_the_report_take_the_photos_of_the_full_profile(name):
    """Shapes alone, on the device `meta`: their steps take seconds."""
    config = configure(name, "full")
    with torch.device("meta"):
        label, colors = torch.empty(1, 3, 256, 256), torch.empty(20, 3)
        settings = config.width, config.label_input, colors
        photo = build_generator(config.generator, config.image_size, *settings)(label)
        scores = build_discriminator(config.discriminator, *settings)(label, photo)
    assert photo.shape == label.shape
    assert scores.shape[0] == 1 and scores.shape[2:] in ((30, 30), (256, 256))


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


def test_a_row_beyond_the_report_has_its_settings_at_every_profile():
    rows = {name: EXPERIMENTS[name] for name in BEYOND}
    assert {"best-ssim", "best-look"} <= rows.keys() and not {*TABLE_1} & rows.keys()
    for profile in PROFILES:
        for name, row in rows.items():
            config = configure(name, profile)
            assert {key: getattr(config, key) for key in row.settings} == row.settings
            assert config.adversarial_loss == row.adversarial_loss
    changed = configure("best-ssim", "smoke", settings=["average_decay=0", "label_input=rgb"])
    assert (changed.average_decay, changed.label_input) == (0, "rgb")


def test_every_row_is_another_configuration():
    """Two rows that train the same would be one ablation under two names."""
    configs = [replace(configure(name, "full"), experiment="any") for name in EXPERIMENTS]
    assert len(set(configs)) == len(configs)


def test_a_variant_changes_fields_of_the_row_and_settings():
    row = Experiment("row", "Row", "enhanced", "patchgan", "mse", 20.0, settings={"epochs": 9})
    other = row.variant("mine", "Mine", generator="unet", augmentation="paste", epochs=3)
    assert (other.name, other.title, other.generator, other.alpha) == ("mine", "Mine", "unet", 20)
    assert other.settings == {"augmentation": "paste", "epochs": 3}
    assert (row.name, row.generator, row.settings) == ("row", "enhanced", {"epochs": 9})


def test_the_augmentation_of_a_name_takes_the_place_of_the_rows(monkeypatch):
    mine = EXPERIMENTS["baseline"].variant("mine", "Mine", augmentation="paste")
    monkeypatch.setitem(EXPERIMENTS, "mine", mine)
    assert configure("mine", "smoke").augmentation == "paste"
    assert configure("mine+flip+light", "smoke").augmentation == "flip+light"


@pytest.mark.parametrize("name", ["baseline+blur", "baseline+flip+flip", "baseline+none"])
def test_an_unknown_augmentation_in_a_name_is_refused(name):
    message = one_sentence(lambda: configure(name, "smoke"))
    assert message.startswith(f"there is no experiment '{name}'; ")


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
        pretrained = row.pretrained or "weights" in row.settings
        assert (starts != "none") == pretrained
        assert pretrained or not name.startswith("pretrained")
