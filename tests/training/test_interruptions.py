"""A training that is stopped, killed or started twice loses nothing, and the message says why."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from IPython.core.interactiveshell import InteractiveShell

from pix2pix_utils.__main__ import main
from pix2pix_utils.training import pretraining
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.runs import Run

CPU = torch.device("cpu")
CAMPAIGN = Path(__file__).parents[1] / "benchmarks" / "kills.py"

# A training that waits in its first step forever.
HELD_RUN = """
import sys, time
from pix2pix_utils.training import trainer
from pix2pix_utils.__main__ import main

def wait(*arguments):
    print("holds", flush=True)
    time.sleep(600)

trainer.accumulated_step = wait
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the campaign forks its trainings")
def test_trainings_stopped_at_random_moments_end_as_an_undisturbed_one():
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), "--kills", "6"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 stops in" in done.stdout


def test_a_second_process_is_refused_and_a_dead_ones_run_is_resumed(tmp_path, capsys):
    command = ["train", "baseline", "--profile", "smoke", "--device", "cpu"]
    command += ["--set", "width=2", "--output", str(tmp_path)]
    holder = subprocess.Popen(
        [sys.executable, "-c", HELD_RUN, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "holds\n"
        assert main(command) == 2
        message = capsys.readouterr().err
        assert f"process {holder.pid} on" in message and "wait for it to end, or stop it" in message
    finally:
        holder.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        holder.communicate()
    (folder,) = (tmp_path / "runs").iterdir()
    left = folder / "checkpoints" / ".0123456789abcdef.pt"
    left.write_bytes(b"half a checkpoint")
    assert main(command) == 0
    assert Run.open(folder).is_finished and not left.exists()


def test_weights_that_another_process_learns_are_waited_for(tmp_path, monkeypatch):
    config = configure("pretrained-unet", "smoke")
    calls = []

    def learn(*arguments):
        calls.append(1)
        return {"weight": torch.ones(2)}

    monkeypatch.setattr(pretraining, "_pretrain", learn)
    left = tmp_path / "weights" / ".0123456789abcdef.pth"
    left.parent.mkdir()
    left.write_bytes(b"half of a killed process")
    path = pretraining.pretrain_generator(config, tmp_path, CPU)
    assert list(path.parent.iterdir()) == [path]

    content = path.read_bytes()
    path.unlink()
    with ThreadPoolExecutor(1) as pool:
        with FileLock(tmp_path / "runs" / ".pretraining.lock"):
            waiting = pool.submit(pretraining.pretrain_generator, config, tmp_path, CPU)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.2)
            path.write_bytes(content)  # by the one that was first
        assert waiting.result(timeout=60) == path
    assert len(calls) == 1


def test_a_notebook_says_how_to_go_on_and_shows_no_traceback(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    shell.user_ns["stopped"] = Interrupted(signal.SIGINT)
    assert isinstance(shell.run_cell("raise stopped").error_in_exec, Interrupted)
    said = capsys.readouterr()
    assert "Run this cell again to resume" in said.out + said.err
    assert "Traceback" not in said.out + said.err
