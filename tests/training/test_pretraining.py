"""Runs called pretrained start from trained weights, say from which, or do not start."""

import os
import signal
import urllib.error
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F
from torchvision.models import resnet18

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.files import read_json
from pix2pix_utils.models import build_generator
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet
from pix2pix_utils.training import pretraining, weights
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.pretraining import (
    learn_segmentation,
    pretrain_generator,
    train_experiment,
    weight_initializer,
)
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.weights import load_state, provenance

CPU = torch.device("cpu")


@pytest.fixture
def unet_config():
    return configure("pretrained-unet", "smoke")


@pytest.fixture
def deeplab_config():
    """The DeepLab generator beside a small judge: ResNet18 has tests of its own."""
    return configure("pretrained-torchvision", "smoke", settings=["discriminator=patchgan"])


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A data folder without weights, and nothing to download them from."""
    monkeypatch.setenv("PIX2PIX_DATA", str(tmp_path / "data"))

    def refuse(*arguments):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(weights, "download", refuse)
    return tmp_path / "data" / "weights"


def released_unet(monkeypatch, folder):
    """A file of the pix2pix U-Net where the released one belongs, small as the smoke profile."""

    def small():
        return Pix2PixUNet(32, 8)

    monkeypatch.setattr(weights, "Pix2PixUNet", small)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(small().state_dict(), folder / "facades_label2photo.pth")
    return folder / "facades_label2photo.pth"


@pytest.mark.parametrize("name", ["unet_config", "deeplab_config"])
def test_weights_are_made_once_and_every_run_starts_from_them(
    name, request, tmp_path, monkeypatch, street_data
):
    config = request.getfixturevalue(name)
    path = pretrain_generator(config, tmp_path, CPU, progress=False)
    assert [path] == list((tmp_path / "weights").iterdir())

    monkeypatch.setattr(pretraining, "load_data", None)  # fails if anything is learnt again
    other_seed = replace(config, seed=3, freeze_backbone=False, warmup_steps=1)
    assert pretrain_generator(other_seed, tmp_path, CPU, progress=False) == path

    networks = Networks.build(config, CPU)
    judge = {key: v.clone() for key, v in networks.discriminator.state_dict().items()}
    origin = weight_initializer(config, street_data, tmp_path, CPU, progress=False)(networks)
    file = load_state(path)
    started = networks.generator.state_dict()
    assert len(file) >= 30 and all(torch.equal(started[key], file[key]) for key in file)
    untouched = started.keys() - file.keys()
    added = {"output", "decoder"} if "deeplab" in path.name else set()
    assert {key.partition(".")[0] for key in untouched} == added
    after = networks.discriminator.state_dict()
    assert all(torch.equal(judge[key], after[key]) for key in judge)
    assert origin["discriminator"] == "random weights"
    assert origin["generator"] == {"learnt on": "drawn streets", **provenance(path)}


def test_another_pretraining_is_another_file(unet_config, deeplab_config, tmp_path, monkeypatch):
    """A file learnt on other streets may have seen the test scenes of this data set."""
    monkeypatch.setattr(pretraining, "learn_segmentation", lambda *_: {"a": torch.zeros(1)})
    configs = [
        deeplab_config,
        replace(deeplab_config, data_seed=1),
        replace(deeplab_config, epochs=4),
        replace(deeplab_config, batch_size=2),
        replace(deeplab_config, train_pairs=6),
        replace(deeplab_config, image_size=64),
    ]
    files = {pretrain_generator(config, tmp_path, CPU, progress=False) for config in configs}
    assert len(files) == len(configs)
    # segmentation knows no opponent: the rows that differ in it share one
    rows = [replace(deeplab_config, discriminator="resnet18-patch", adversarial_loss="mse")]
    rows += [configure("frozen-torchvision", "smoke")]
    for row in rows:
        assert pretrain_generator(row, tmp_path, CPU, progress=False) in files


def test_pretraining_uses_streets_of_another_seed_than_the_data(
    unet_config, tmp_path, monkeypatch, street_data
):
    seen = []

    def load_and_note(*arguments, **settings):
        seen.append(load_data(*arguments, **settings))
        return seen[0]

    monkeypatch.setattr(pretraining, "load_data", load_and_note)
    pretrain_generator(unet_config, tmp_path, CPU, progress=False)
    assert seen[0].fingerprint != street_data.fingerprint
    learnt_from = {photo.tobytes() for split in ("train", "val") for photo in seen[0][split].photos}
    assert not learnt_from & {photo.tobytes() for photo in street_data.test.photos}


def test_weights_of_older_code_are_not_used(unet_config, tmp_path, monkeypatch, edit_module):
    monkeypatch.setattr(pretraining, "_pretrain", lambda *arguments: {"weight": torch.ones(2)})
    path = pretrain_generator(unet_config, tmp_path, CPU)
    assert pretrain_generator(unet_config, tmp_path, CPU) == path
    edit_module(
        "pix2pix_utils.models.pix2pix_unet",
        ("class Pix2PixUNet", "SLOPE = 1\n\n\nclass Pix2PixUNet"),
    )
    assert pretrain_generator(unet_config, tmp_path, CPU) != path


def test_a_run_starts_from_the_file_and_names_it(unet_config, tmp_path, street_data, started):
    # the whole run is warm-up: the generator must score as its file does
    config = replace(unet_config, warmup_steps=1000)
    run = train_experiment(config, street_data, tmp_path, CPU, progress=False)
    (path,) = (tmp_path / "weights").iterdir()
    file = load_state(path)
    before_any_step = started["synthetic"]["generator"]
    assert before_any_step.keys() == file.keys()
    assert all(torch.equal(before_any_step[key], file[key]) for key in file)
    origin = run.result()["started_from"]
    assert origin["generator"]["file"] == path.name
    assert origin["generator"]["sha256"] == provenance(path)["sha256"]
    assert origin["discriminator"] == "random weights"

    scratch = configure("scratch-unet", "smoke", settings=["epochs=1"])
    run = train_experiment(scratch, street_data, tmp_path, CPU, progress=False)
    assert run.result()["started_from"] == dict.fromkeys(
        ("generator", "discriminator"), "random weights"
    )


def test_the_file_holds_what_was_learnt(unet_config, tmp_path, street_data):
    config = replace(unet_config, epochs=16, learning_rate=2e-3)  # 8 of them before the run

    def ssim_of(generator):
        return ssim_scores(generator_predictor(generator), street_data.val).mean()

    networks = Networks.build(config, CPU)
    random = ssim_of(networks.generator)
    weight_initializer(config, street_data, tmp_path, CPU, progress=False)(networks)
    assert ssim_of(networks.generator) > random + 0.02


@pytest.mark.parametrize("stop_after", [1, 14])
def test_a_resumed_run_still_knows_what_it_started_from(
    unet_config, tmp_path, street_data, monkeypatch, stop_after
):
    path = pretrain_generator(unet_config, tmp_path, CPU, progress=False)
    step, steps = training.accumulated_step, []

    def step_and_stop(*arguments):
        losses = step(*arguments)
        steps.append(1)
        if len(steps) == stop_after:
            os.kill(os.getpid(), signal.SIGINT)
        return losses

    monkeypatch.setattr(training, "accumulated_step", step_and_stop)
    with pytest.raises(Interrupted):
        train_experiment(unet_config, street_data, tmp_path, CPU, progress=False)
    monkeypatch.setattr(training, "accumulated_step", step)
    expected = {"learnt on": "drawn streets", **provenance(path)}
    path.unlink()  # not needed any more: the checkpoint has the weights
    monkeypatch.setattr(pretraining, "load_data", None)
    run = train_experiment(unet_config, street_data, tmp_path, CPU, progress=False)
    assert run.result()["started_from"]["generator"] == expected


def test_without_network_released_weights_give_a_sentence_and_no_result(
    unet_config, tmp_path, street_data, no_network, monkeypatch
):
    config = replace(unet_config, weights="released")
    with pytest.raises(UserError) as raised:
        train_experiment(config, street_data, tmp_path, CPU, progress=False)
    for part in ("facades_label2photo", "put it at", str(no_network), "weights=synthetic"):
        assert part in str(raised.value)
    run = Run.create(tmp_path, config, street_data)
    assert not run.is_finished and not run.read_history() and not list(run.checkpoints.iterdir())

    file = released_unet(monkeypatch, no_network)
    run = train_experiment(config, street_data, tmp_path, CPU, progress=False)
    origin = run.result()["started_from"]
    assert origin["generator"] == {"released as": "facades_label2photo", **provenance(file)}
    assert origin["discriminator"] == "random weights"
    assert read_json(run.folder / "config.json")["weights"] == "released"


def test_released_weights_reach_both_torchvision_networks(tmp_path, monkeypatch, street_data):
    config = configure("pretrained-torchvision", "smoke", settings=["weights=released"])
    torch.manual_seed(1)
    backbone = build_generator(config.generator, 32).backbone.state_dict()
    states = {
        "deeplabv3_mobilenet_v3_large": {f"backbone.{key}": v for key, v in backbone.items()},
        "resnet18": resnet18().state_dict(),
    }
    for name, state in states.items():
        torch.save(state, tmp_path / f"{name}.pth")
    monkeypatch.setattr(pretraining, "fetch", lambda name, progress: tmp_path / f"{name}.pth")
    networks = Networks.build(config, CPU)
    origin = weight_initializer(config, street_data, tmp_path, CPU, progress=False)(networks)
    assert torch.equal(
        networks.generator.state_dict()["backbone.0.0.weight"], backbone["0.0.weight"]
    )
    filters = networks.discriminator.backbone.conv1.weight
    assert torch.equal(filters[:, 3:], states["resnet18"]["conv1.weight"])
    for player, name in zip(("generator", "discriminator"), states, strict=True):
        assert origin[player] == {"released as": name, **provenance(tmp_path / f"{name}.pth")}


@pytest.mark.parametrize("source", ["synthetic", "released"])
def test_weights_for_a_generator_that_has_none_are_refused(source, tmp_path, street_data):
    config = configure("baseline", "smoke", settings=[f"weights={source}"])
    with pytest.raises(
        UserError, match="no trained weights for the generator 'unet'.*pix2pix-unet"
    ):
        train_experiment(config, street_data, tmp_path, CPU, progress=False)
    assert not (tmp_path / "runs").exists()


def test_released_weights_take_no_other_label_input_than_they_were_trained_on(
    tmp_path, street_data, no_network
):
    settings = ["weights=released", "label_input=one-hot"]
    config = configure("pretrained-unet", "smoke", settings=settings)
    with pytest.raises(UserError, match="label_input is one-hot.*--set label_input=rgb"):
        train_experiment(config, street_data, tmp_path, CPU, progress=False)
    assert not (tmp_path / "runs").exists()


def test_an_unknown_source_is_answered_with_the_known_ones(tmp_path, street_data):
    config = configure("pretrained-unet", "smoke", settings=["weights=imagenet"])
    with pytest.raises(UserError, match="no source of weights 'imagenet'.*released, synthetic"):
        train_experiment(config, street_data, tmp_path, CPU, progress=False)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "setting", "sentence"),
    [
        ("pretrained-unet", "weights=none", "'pretrained-unet' starts from trained weights"),
        (
            "frozen-torchvision+flip",
            "weights=none",
            "'frozen-torchvision.flip' starts from trained",
        ),
        ("scratch-unet", "weights=synthetic", "'scratch-unet' starts from random weights"),
    ],
)
def test_no_run_contradicts_the_name_of_its_experiment(
    name, setting, sentence, tmp_path, street_data
):
    config = configure(name, "smoke", settings=[setting])
    with pytest.raises(UserError, match=sentence):
        train_experiment(config, street_data, tmp_path, CPU, progress=False)
    assert not (tmp_path / "runs").exists()


def test_a_backbone_that_is_not_there_cannot_be_frozen(tmp_path, street_data):
    config = configure("baseline", "smoke", settings=["freeze_backbone=true"])
    with pytest.raises(UserError, match="freeze_backbone=true: UNet has no backbone"):
        train_experiment(config, street_data, tmp_path, CPU, progress=False)


def test_a_frozen_backbone_ends_as_the_file_it_started_from(tmp_path, street_data):
    config = configure(
        "frozen-torchvision", "smoke", settings=["discriminator=patchgan", "epochs=1"]
    )
    run = train_experiment(config, street_data, tmp_path, CPU, progress=False)
    (path,) = (tmp_path / "weights").iterdir()
    trained = load_checkpoint(run.best_checkpoint)["generator"]
    assert all(torch.equal(trained[key], value) for key, value in load_state(path).items())


def test_learning_segmentation_lowers_its_loss(deeplab_config, street_data, monkeypatch):
    losses = []
    cross_entropy = F.cross_entropy

    def note(*arguments, **settings):
        losses.append(cross_entropy(*arguments, **settings))
        return losses[-1]

    monkeypatch.setattr(pretraining.F, "cross_entropy", note)
    config = replace(deeplab_config, weights="none", epochs=6, batch_size=4)
    state = learn_segmentation(config, street_data.train, CPU, progress=False)
    values = [loss.item() for loss in losses]
    assert len(values) == 6 * 3
    assert sum(values[-3:]) < 0.8 * sum(values[:3])
    assert all(key.startswith("backbone.") for key in state)
    torch.manual_seed(0)
    again = learn_segmentation(config, street_data.train, CPU, progress=False)
    assert all(torch.equal(again[key], state[key]) for key in state)
