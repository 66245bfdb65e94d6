"""Runs that start from drawn streets in the classes and colours of their data (weights=streets)."""

import os
import signal
from dataclasses import replace

import pytest
import torch

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.palette import CAMVID, VOC
from pix2pix_utils.errors import UserError
from pix2pix_utils.training import pretraining
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.experiments import EXPERIMENTS, configure
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.pretraining import pretrain_on_streets, train_experiment
from pix2pix_utils.training.weights import load_state, provenance

CPU = torch.device("cpu")


@pytest.fixture
def streets_config(monkeypatch):
    """An experiment whose row says that it starts from drawn streets, and its configuration."""
    row = EXPERIMENTS["baseline"].variant("on-streets", "On streets", weights="streets")
    monkeypatch.setitem(EXPERIMENTS, row.name, row)
    config = configure("baseline", "smoke", settings=["weights=streets", "average_decay=0.5"])
    return replace(config, experiment=row.name, label_input="one-hot+coordinates", epochs=1)


@pytest.fixture
def camvid(camvid_folder):
    return load_data(str(camvid_folder), image_size=32, progress=False)


def test_a_name_that_says_streets_is_held_to_it(streets_config, tmp_path, street_data):
    for change, sentence in [
        ({"weights": "none"}, "'on-streets' starts from weights learnt on drawn streets"),
        ({"experiment": "baseline"}, "'baseline' starts from random weights; .*-streets .*start"),
        ({"experiment": "pretrained-unet"}, "'pretrained-unet' starts from trained weights; "),
    ]:
        config = replace(streets_config, **change)
        with pytest.raises(UserError, match=sentence):
            train_experiment(config, street_data, tmp_path, CPU, progress=False)
    assert not (tmp_path / "runs").exists()


def test_both_networks_start_from_streets_in_the_colours_of_the_data(
    streets_config, camvid, tmp_path, started, capsys, monkeypatch
):
    labels, step = [], training.accumulated_step

    def note_and_step(networks, batches, *arguments):
        batches = list(batches)
        labels.extend(label for label, _ in batches)
        return step(networks, batches, *arguments)

    monkeypatch.setattr(training, "accumulated_step", note_and_step)
    run = train_experiment(streets_config, camvid, tmp_path, CPU, progress=False)
    assert capsys.readouterr().err.count("sidewalk = Pavement") == 1
    (path,) = (tmp_path / "weights").iterdir()
    file, networks = load_state(path), started["streets"]
    for key, value in file.items():
        name, _, rest = key.partition(".")
        assert torch.equal(networks[name][rest], value), key
    assert len(file) == len(networks["generator"]) + len(networks["discriminator"])
    assert all(torch.equal(v, networks["generator"][k]) for k, v in networks["average"].items())
    for name in ("generator", "discriminator"):  # the pretraining began with other weights
        before = started["none"][name]
        assert any(not torch.equal(value, before[key]) for key, value in networks[name].items())

    drawn = torch.cat(labels[: -len(camvid.train)]).movedim(1, -1).reshape(-1, 3)
    colors = {tuple(color) for color in ((drawn + 1) * 127.5).round().int().unique(dim=0).tolist()}
    assert len(colors) > 5 and colors <= {tuple(color) for color in CAMVID.colors.tolist()}

    expected = {"learnt on": "drawn streets", "scenes": 6, "epochs": 1, **provenance(path)}
    assert run.result()["started_from"] == {"generator": expected, "discriminator": expected}
    # nothing is learnt again, and another seed starts from the same file
    monkeypatch.setattr(pretraining, "load_data", None)
    assert pretrain_on_streets(replace(streets_config, seed=5), camvid, tmp_path, CPU) == path


@pytest.mark.parametrize("change", [{"generator": "deeplab-mobilenet", "label_input": "rgb"}, {}])
def test_any_generator_starts_whole_from_streets_and_without_an_adversary_alone(
    streets_config, change, street_data, tmp_path, started
):
    config = replace(streets_config, adversarial_loss="none", **change)
    run = train_experiment(config, street_data, tmp_path, CPU, progress=False)
    (path,) = (tmp_path / "weights").iterdir()
    file = load_state(path)
    generator, discriminator = (started["streets"][name] for name in run.result()["started_from"])
    assert all(torch.equal(file[f"generator.{key}"], value) for key, value in generator.items())
    fresh = started["none"]["discriminator"]  # of the pretraining, which has the same seed
    assert all(torch.equal(fresh[key], value) for key, value in discriminator.items())
    assert run.result()["started_from"]["discriminator"] == "random weights"


def test_classes_that_no_street_has_are_refused_before_anything_is_written(
    streets_config, street_data, tmp_path
):
    data = replace(street_data, reading=replace(street_data.reading, palette=VOC))
    with pytest.raises(UserError, match="cannot be given the classes of voc"):
        train_experiment(streets_config, data, tmp_path, CPU, progress=False)
    assert not (tmp_path / "runs").exists()


def test_other_classes_colours_or_amounts_are_another_file(
    streets_config, camvid, street_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(pretraining, "_pretrain", lambda *_: {"weight": torch.ones(2)})

    def file(data, **change):
        config = replace(streets_config, **change)
        return pretrain_on_streets(config, data, tmp_path, CPU, progress=False)

    def in_colors(colors):
        other = replace(camvid.palette, name="other", colors=colors)
        return replace(camvid, reading=replace(camvid.reading, palette=other))

    files = [
        file(camvid),
        file(street_data),
        file(in_colors(255 - camvid.palette.colors)),
        file(camvid, epochs=2),
        file(camvid, alpha=1.0),
        file(camvid, data_seed=1),
    ]
    assert len(set(files)) == len(files)
    assert file(in_colors(camvid.palette.colors)) == file(camvid, seed=3) == files[0]


@pytest.mark.parametrize(
    ("pairs", "epochs", "batch_size", "scenes", "passes"),
    [
        (12, 2, 1, 24, 1),  # every scene is new
        (12, 10, 1, 40, 3),  # at most four for each pair
        (10, 5, 4, 32, 2),  # 15 updates are 2 epochs of 8
        (2000, 3, 4, 2000, 3),  # as many as there are
        (3, 1, 8, 8, 1),
    ],
)
def test_pretraining_takes_at_least_as_many_updates_as_the_run(
    streets_config, street_data, pairs, epochs, batch_size, scenes, passes
):
    config = replace(streets_config, epochs=epochs, batch_size=batch_size)
    data = replace(street_data, train=street_data.train.every(1))
    data.train.photos = torch.zeros(pairs, 1)
    before = pretraining._streets_config(config, data)
    assert (before.train_pairs, before.epochs) == (scenes, passes)
    updates = before.epochs * -(-before.train_pairs // batch_size)
    assert updates >= epochs * -(-pairs // batch_size)
    assert (before.val_pairs, before.data_seed) == (len(data.val), config.data_seed + 1)


def test_a_pretraining_that_was_stopped_goes_on_and_gives_the_same_numbers(
    streets_config, camvid, tmp_path, monkeypatch
):
    whole = train_experiment(streets_config, camvid, tmp_path / "a", CPU, progress=False)
    step, steps = training.accumulated_step, []

    def step_and_stop(*arguments):
        losses = step(*arguments)
        steps.append(1)
        if len(steps) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return losses

    monkeypatch.setattr(training, "accumulated_step", step_and_stop)
    with pytest.raises(Interrupted):
        train_experiment(streets_config, camvid, tmp_path / "b", CPU, progress=False)
    assert not (tmp_path / "b" / "weights").exists()
    run = train_experiment(streets_config, camvid, tmp_path / "b", CPU, progress=False)
    assert len(steps) == 6 + 6  # none of them twice
    assert run.result()["started_from"] == whole.result()["started_from"]
    assert run.read_scores() == whole.read_scores()


def test_no_advice_about_runs_that_the_user_did_not_start(
    streets_config, street_data, tmp_path, capsys, edit_module
):
    first = pretrain_on_streets(streets_config, street_data, tmp_path, CPU, progress=False)
    edit_module("pix2pix_utils.models.unet", ("class UNet", "SLOPE = 1\n\n\nclass UNet"))
    assert pretrain_on_streets(streets_config, street_data, tmp_path, CPU, progress=False) != first
    assert capsys.readouterr().err == ""
