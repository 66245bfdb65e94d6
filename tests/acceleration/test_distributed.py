"""A run of several processes is the run of one: every number, one writer, resumed by any number."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn
from whole_runs import EVERY_SETTING

from pix2pix_utils.__main__ import main
from pix2pix_utils.models import build_generator
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run

# 9 pairs make updates of 4, 4 and 1 batches: in the last, some processes have no batch of their own
SETTINGS = ["--profile", "smoke", "--set", "accumulation=4", "--set", "train_pairs=9"]
SETTINGS += ["--set", "val_pairs=20"]  # more than are scored at once, so processes share them


def command(processes: int, output, *more: str) -> list[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [
        sys.executable,
        *(launcher if processes > 1 else []),
        *("-m", "pix2pix_utils", "train", "baseline", "--device", "cpu"),
        *(*SETTINGS, *more, "--output", str(output)),
    ]


def finished(processes: int, output, *more: str) -> Run:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command(processes, output, *more), env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("best epoch") == 1  # one process prints
    (folder,) = (output / "runs").iterdir()
    return Run.open(folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory, cache_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        return finished(1, tmp_path_factory.mktemp("alone"))


def without(record: dict, *names: str) -> dict:
    return {name: value for name, value in record.items() if name not in names}


def table(run: Run, name: str) -> list[dict[str, str]]:
    """The rows of a file as they are printed, without times."""
    with (run.folder / name).open(encoding="utf-8", newline="") as file:
        return [without(row, "seconds") for row in csv.DictReader(file)]


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_make_the_run_of_one(alone, tmp_path, processes):
    """Every printed digit is equal, and so are all weights and all states of the optimizers."""
    assert_same_run(finished(processes, tmp_path), alone, processes)


def test_two_processes_make_the_run_of_one_with_everything_on(tmp_path):
    """The updates are of four batches and of one, whose only pair has nothing to be pasted."""
    settings = [text for setting in EVERY_SETTING for text in ("--set", setting)]
    together = finished(2, tmp_path / "together", *settings)
    command = ["train", "baseline", "--device", "cpu", *SETTINGS, *settings]
    assert main([*command, "--output", str(tmp_path / "alone")]) == 0
    (folder,) = (tmp_path / "alone" / "runs").iterdir()
    assert_same_run(together, Run.open(folder), 2)


def assert_same_run(together: Run, alone: Run, processes: int) -> None:
    assert together.folder.name == alone.folder.name  # the name says no number of processes
    result = together.result()
    assert result["processes"] == processes and alone.result()["processes"] == 1
    varying = ("processes", "train_seconds")
    assert without(result, *varying) == without(alone.result(), *varying)  # and the best epoch
    for name in ("history.csv", "scores.csv"):
        assert table(together, name) == table(alone, name)
    for name in ("last_checkpoint", "best_checkpoint"):
        ours, theirs = (load_checkpoint(getattr(run, name)) for run in (together, alone))
        assert ours.keys() == theirs.keys()
        for network in {"generator", "discriminator", "average"} & theirs.keys():
            assert_same_network(ours[network], theirs[network])
    ours, theirs = (load_checkpoint(run.last_checkpoint) for run in (together, alone))
    for name in ("generator_optimizer", "discriminator_optimizer"):
        for key, state in theirs[name]["state"].items():
            assert all(torch.equal(ours[name]["state"][key][part], state[part]) for part in state)


def assert_same_network(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert any("running_var" in key for key in theirs)
    for key, value in theirs.items():
        # the exchanged statistics may be rounded otherwise by other builds of torch: 1e-6 is 8 ulp
        tolerance = 1e-6 if "running" in key else 0
        torch.testing.assert_close(ours[key], value, rtol=tolerance, atol=0)


def test_the_run_that_processes_share_has_dropout():
    """Otherwise the test above would say nothing about random numbers."""
    generator = build_generator("unet", image_size=32, width=4)
    assert any(isinstance(module, nn.Dropout) for module in generator.modules())


def test_a_run_of_two_processes_is_resumed_by_one(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(
        command(2, tmp_path / "resumed", "--set", "epochs=24"),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    history = None
    for _ in range(3000):  # a minute
        history = next((tmp_path / "resumed" / "runs").glob("*/history.csv"), None)
        if history:
            break
        time.sleep(0.02)
    started.send_signal(signal.SIGTERM)
    started.wait(timeout=60)
    assert history
    state = load_checkpoint(Run.open(history.parent).last_checkpoint)
    assert 1 <= state["epoch"] < 24
    assert not (history.parent / "result.json").exists()
    run = finished(1, tmp_path / "resumed", "--set", "epochs=24")
    whole = finished(1, tmp_path / "whole", "--set", "epochs=24")
    assert len(run.read_history()) == 24
    for name in ("history.csv", "scores.csv"):
        assert table(run, name) == table(whole, name)


def test_more_processes_than_batches_of_an_update_are_refused(tmp_path):
    done = subprocess.run(
        command(2, tmp_path, "--set", "accumulation=1"),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.count("error: 2 processes share the batches of an update") == 1
    assert "--set accumulation=2" in done.stderr
