"""Two processes on one run: the update of one process, its kinds of scores, one writer."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run

SETTINGS = ["--profile", "smoke", "--set", "accumulation=2", "--set", "train_pairs=10"]


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


def losses(run: Run) -> torch.Tensor:
    names = ("generator_loss", "discriminator_loss", "l1", "real_taken_for_real")
    return torch.tensor([[epoch[name] for name in names] for epoch in run.read_history()])


def test_two_processes_train_as_one_does(alone, tmp_path):
    together = finished(2, tmp_path)
    assert together.folder.name == alone.folder.name  # the name says no number of processes
    assert together.result()["processes"] == 2
    torch.testing.assert_close(losses(together), losses(alone), rtol=1e-3, atol=1e-4)
    ours, theirs = (load_checkpoint(run.last_checkpoint) for run in (together, alone))
    for key, value in theirs["generator"].items():
        if "running" not in key and "num_batches" not in key:
            # Adam turns rounding in a gradient near zero into a step of the learning rate
            torch.testing.assert_close(ours["generator"][key], value, rtol=0, atol=5e-3)
    scores = [
        {(row["split"], row["name"], row["inference"]) for row in run.read_scores()}
        for run in (together, alone)
    ]
    assert scores[0] == scores[1]


def test_a_run_of_two_processes_is_resumed_by_one(alone, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(
        command(2, tmp_path, "--set", "epochs=40"),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    history = None
    for _ in range(600):
        history = next((tmp_path / "runs").glob("*/history.csv"), None)
        if history:
            break
        time.sleep(0.1)
    started.send_signal(signal.SIGTERM)
    started.wait(timeout=60)
    assert history
    state = load_checkpoint(Run.open(history.parent).last_checkpoint)
    assert 1 <= state["epoch"] < 40
    assert not (history.parent / "result.json").exists()
    run = finished(1, tmp_path, "--set", "epochs=40")
    assert len(run.read_history()) == 40
    before = [epoch["generator_loss"] for epoch in state["history"]]
    assert [e["generator_loss"] for e in run.read_history()][: len(before)] == before


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
