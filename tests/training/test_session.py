"""Runs are recorded, found again and resumed; an interruption changes no number."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch

from pix2pix_utils.errors import UserError
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train

CPU = torch.device("cpu")


@pytest.fixture
def copied_run(finished_output, tmp_path):
    """A copy of the finished run, below `tmp_path`, that a test may change."""
    shutil.copytree(finished_output, tmp_path, dirs_exist_ok=True)
    (folder,) = (tmp_path / "runs").iterdir()
    return Run.open(folder)


def test_a_run_folder_records_everything(finished_run, smoke_config, street_data):
    run = finished_run
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*.*")}
    assert names >= {
        "config.json",
        "data.json",
        "environment.json",
        "history.csv",
        "scores.csv",
        "result.json",
        "checkpoints/last.pt",
        "checkpoints/best.pt",
        "samples/epoch-0001.png",
        "samples/epoch-0002.png",
    }
    assert Run.open(run.folder).config == smoke_config
    assert run.data()["splits"]["val"] == street_data.val.names
    history, result = run.read_history(), run.result()
    assert [row["epoch"] for row in history] == [1, 2]
    best = max(row["val_ssim"] for row in history)
    assert result["ssim"]["eval"]["val"]["mean"] == pytest.approx(best, abs=1e-5)
    scores = [
        float(row["ssim"])
        for row in run.read_scores()
        if row["split"] == "test" and row["inference"] == "eval"
    ]
    assert len(scores) == len(street_data.test)
    mean = sum(scores) / len(scores)
    assert result["ssim"]["eval"]["test"]["mean"] == pytest.approx(mean, abs=1e-5)


def test_training_again_loads_the_run_and_another_configuration_is_another_run(
    finished_run, finished_output, smoke_config, street_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "accumulated_step", None)  # fails if anything is trained
    again = train(smoke_config, street_data, finished_output, CPU, progress=False)
    assert again == finished_run
    other = Run.create(tmp_path, replace(smoke_config, alpha=50.0), street_data)
    assert other.folder.name != finished_run.folder.name and not other.is_finished


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    finished_run, smoke_config, street_data, tmp_path
):
    def weights_of(run):
        return load_checkpoint(run.last_checkpoint)["generator"]

    first = weights_of(finished_run)
    torch.rand(7)  # whatever else is drawn in the process
    again = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert_equal_states(first, weights_of(again))
    config = replace(smoke_config, seed=1)
    other = weights_of(train(config, street_data, tmp_path, CPU, progress=False))
    assert any(not torch.equal(a, b) for a, b in zip(first.values(), other.values(), strict=True))


def assert_equal_states(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize(
    ("signum", "stop_after"), [(signal.SIGINT, 1), (signal.SIGTERM, 12), (signal.SIGINT, 17)]
)
def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    finished_run, smoke_config, street_data, tmp_path, monkeypatch, signum, stop_after
):
    steps = []
    step = training.accumulated_step

    def step_and_stop(*arguments):
        losses = step(*arguments)
        steps.append(1)
        if len(steps) == stop_after:
            os.kill(os.getpid(), signum)
            time.sleep(0.01)  # the signal arrives inside the step
        return losses

    monkeypatch.setattr(training, "accumulated_step", step_and_stop)
    with pytest.raises(Interrupted):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert len(steps) == stop_after
    monkeypatch.setattr(training, "accumulated_step", step)
    resumed = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert len(resumed.read_history()) == smoke_config.epochs

    for name in ("last.pt", "best.pt"):
        a = load_checkpoint(finished_run.checkpoints / name)
        b = load_checkpoint(resumed.checkpoints / name)
        assert_equal_states(a["generator"], b["generator"])
        assert_equal_states(a["discriminator"], b["discriminator"])
    assert finished_run.result()["ssim"] == resumed.result()["ssim"]
    assert [drop_seconds(row) for row in finished_run.read_history()] == [
        drop_seconds(row) for row in resumed.read_history()
    ]


def drop_seconds(row: dict) -> dict:
    return {key: value for key, value in row.items() if key != "seconds"}


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
import torch
from pix2pix_utils.training import trainer
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import load_data_for
from pix2pix_utils.training.session import train

torch.set_num_threads(1)
trainer.SECONDS_BETWEEN_CHECKPOINTS = 0
kill_after = int(sys.argv[2])
step, steps = trainer.accumulated_step, []

def step_and_die(*arguments):
    losses = step(*arguments)
    steps.append(1)
    if len(steps) == kill_after:
        os.kill(os.getpid(), signal.SIGKILL)
    return losses

trainer.accumulated_step = step_and_die
config = configure("baseline", "smoke")
data = load_data_for(config, "synthetic")
train(config, data, Path(sys.argv[1]), torch.device("cpu"), progress=False)
"""


@pytest.mark.parametrize("kill_after", [15])
def test_kill_9_in_mid_epoch_then_resume_ends_with_the_same_weights(
    finished_run, smoke_config, street_data, tmp_path, kill_after
):
    command = [sys.executable, "-c", KILLED_RUN, str(tmp_path), str(kill_after)]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    run = Run.create(tmp_path, smoke_config, street_data)
    position = load_checkpoint(run.last_checkpoint)
    assert 12 * position["epoch"] + position["step"] == kill_after - 1
    resumed = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert_equal_states(
        load_checkpoint(finished_run.last_checkpoint)["generator"],
        load_checkpoint(resumed.last_checkpoint)["generator"],
    )


def test_a_second_process_learns_which_one_is_training(smoke_config, street_data, tmp_path):
    run = Run.create(tmp_path, smoke_config, street_data)
    errors = []

    def second():
        try:
            train(smoke_config, street_data, tmp_path, CPU, progress=False)
        except UserError as error:
            errors.append(str(error))

    with run.locked():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(errors) == 1 and f"process {os.getpid()}" in errors[0]


@pytest.mark.parametrize("wrong", ["last.pt", "best.pt"])
def test_a_misplaced_checkpoint_is_named_with_its_run(
    copied_run, smoke_config, street_data, tmp_path, wrong
):
    """A `last.pt` that is a best one; a `best.pt` of another width."""
    run = copied_run
    (run.folder / "result.json").unlink()
    state = load_checkpoint(run.best_checkpoint)
    if wrong == "last.pt":
        reason = "of another kind: it has no discriminator_optimizer"
    else:
        reason = "trained with width=4, but this run has width=8"
        state["config"]["width"] = 4
    save_checkpoint(run.checkpoints / wrong, state)
    with pytest.raises(UserError, match=reason) as raised:
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert f"the run {run.folder}: " in str(raised.value)
    assert "remove that folder to train from scratch" in str(raised.value)


def test_a_torn_checkpoint_falls_back_to_the_one_before(
    finished_run, copied_run, smoke_config, street_data, tmp_path, capsys
):
    torn = copied_run
    (torn.folder / "result.json").unlink()
    data = torn.last_checkpoint.read_bytes()
    torn.last_checkpoint.write_bytes(data[: len(data) // 2])
    train(smoke_config, street_data, tmp_path, CPU, progress=False)
    message = capsys.readouterr().err
    assert "last.pt" in message and "resuming from previous.pt" in message
    ours, theirs = (load_checkpoint(run.last_checkpoint) for run in (torn, finished_run))
    assert all(torch.equal(ours["generator"][k], v) for k, v in theirs["generator"].items())


def test_the_callback_is_called_every_epoch_and_cannot_change_the_outcome(
    finished_run, smoke_config, street_data, tmp_path
):
    readings = []
    watched = train(
        smoke_config, street_data, tmp_path, CPU, progress=False, on_progress=readings.append
    )
    after_epochs = [reading for reading in readings if not reading.losses]
    assert [reading.epoch for reading in after_epochs] == list(range(1, smoke_config.epochs + 1))
    assert after_epochs[-1].history[-1]["epoch"] == smoke_config.epochs
    assert watched.result()["ssim"] == finished_run.result()["ssim"]
