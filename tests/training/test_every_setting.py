"""A run with everything on at once: the same after an interruption, and loaded like any other."""

from dataclasses import replace

import pytest
import torch
from whole_runs import EVERY_SETTING, assert_same_run, stop_at

from pix2pix_utils.__main__ import main
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache_folder):
    """An uninterrupted run, two epochs of six steps, trained by the command line."""
    output = tmp_path_factory.mktemp("whole")
    command = ["train", "baseline", "--profile", "smoke", "--device", "cpu"]
    settings = [f"--set={setting}" for setting in EVERY_SETTING]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        assert main([*command, *settings, "--output", str(output)]) == 0
    (folder,) = (output / "runs").iterdir()
    return Run.open(folder)


@pytest.fixture
def config():
    return configure("baseline", "smoke", settings=[*EVERY_SETTING, "precision=fp32"])


@pytest.mark.parametrize("stop_after", [3, 10], ids=["first epoch", "while the rates fall"])
def test_an_interruption_changes_no_bit(
    whole, config, street_data, tmp_path, monkeypatch, stop_after
):
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_at(patch, stop_after)
        train(config, street_data, tmp_path, CPU, progress=False)
    run = Run.create(tmp_path, config, street_data)
    state = load_checkpoint(run.last_checkpoint)
    assert 6 * state["epoch"] + state["step"] == stop_after
    assert_same_run(train(config, street_data, tmp_path, CPU, progress=False), whole)


def test_more_epochs_continue_it_if_the_rates_are_constant(config, street_data, tmp_path, capsys):
    config = replace(config, decay_from=1.0)
    train(replace(config, epochs=1), street_data, tmp_path / "parts", CPU, progress=False)
    continued = train(config, street_data, tmp_path / "parts", CPU, progress=False)
    assert "continuing" in capsys.readouterr().err
    whole = train(config, street_data, tmp_path / "whole", CPU, progress=False)
    assert_same_run(continued, whole)


def test_it_is_loaded_like_any_other(whole, config, street_data):
    """The palette is in the checkpoint, so label maps in its colours are all that it takes."""
    generator, palette, size = load_generator(whole.folder, CPU)
    assert palette.to_dict() == street_data.palette.to_dict() and size == 32
    trainer = Trainer(config, street_data, CPU)
    trainer.networks.average.load_state_dict(load_checkpoint(whole.best_checkpoint)["generator"])
    batch = street_data.test.batch([0, 1])
    predict, expected = map(generator_predictor, (generator, trainer.networks.average))
    with torch.no_grad():
        torch.testing.assert_close(predict(batch), expected(batch), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("label_input=one-hut", "no part of label_input 'one-hut'; did you mean 'one-hot'?"),
        ("label_input=rgb+rgb", "label_input is 'rgb+rgb', which names rgb twice: name it once"),
    ],
)
def test_a_wrong_label_input_is_named_before_a_run_is_made(tmp_path, capsys, setting, message):
    command = ["train", "baseline", "--profile", "smoke", "--device", "cpu", "--set", setting]
    assert main([*command, "--output", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("error: ") == 1
    assert not list(tmp_path.glob("runs/*"))


def test_reduced_precision_trains_with_everything_on(street_data):
    config = configure("baseline", "smoke", settings=[*EVERY_SETTING, "precision=bf16"])
    trainer = Trainer(config, street_data, CPU)
    before = {k: v.clone() for k, v in trainer.networks.average.state_dict().items()}
    for batches, count, _ in list(trainer.coming_steps())[:2]:
        losses = trainer.update(batches, count)
        assert all(value.isfinite() and value.dtype == torch.float32 for value in losses.values())
    for name, weight in trainer.networks.average.named_parameters():
        assert weight.dtype == torch.float32 and not torch.equal(weight, before[name])
