"""Full or read-only disks: one sentence, and nothing that was complete is lost."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from PIL import Image

from pix2pix_utils.__main__ import main
from pix2pix_utils.errors import UserError
from pix2pix_utils.training import session
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run

TRAIN = ["train", "baseline", "--profile", "smoke", "--set", "width=2", "--device", "cpu"]
TEMPORARY = ".????????????????*"  # as files.atomic_write names them

roomy = pytest.mark.parametrize("small_disk", ["4m"], indirect=True)


def fill(disk: Path, left: int = 0) -> Path:
    """Leave `left` bytes free; returns the file that takes the rest."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(ballast.stat().st_size - left)
    return ballast


def error_of(capsys, arguments) -> str:
    """The one sentence that a command ends with, with status 2."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    progress, marker, message = capsys.readouterr().err.rpartition("error: ")
    assert marker and "Traceback" not in progress and message.count("\n") == 1
    return message


def the_run(output: Path) -> Run:
    (folder,) = (output / "runs").iterdir()
    return Run.open(folder)


def generator_of(run: Run) -> dict:
    return load_checkpoint(run.last_checkpoint)["generator"]


@roomy
@pytest.mark.parametrize("left", [0, 60_000])
def test_a_disk_that_fills_up_under_a_checkpoint_keeps_the_last_one(
    small_disk, tmp_path, capsys, monkeypatch, left
):
    step, steps, ballast = training.accumulated_step, [], []

    def step_and_fill(*arguments):
        steps.append(1)
        if len(steps) == 15:
            ballast.append(fill(small_disk, left))
        return step(*arguments)

    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(training, "accumulated_step", step_and_fill)
    command = [*TRAIN, "--output", str(small_disk)]
    for file in ("last.pt", ""):  # called again, it fails at the first file that it writes
        message = error_of(capsys, command)
        run = the_run(small_disk)
        assert str(run.folder) in message and file in message
        assert "No space left on device" in message
        assert "free some space and run the same command again" in message
        assert "--output" in message
        for path in (run.last_checkpoint, run.previous_checkpoint):
            state = load_checkpoint(path)
            assert 12 * state["epoch"] + state["step"] in (14, 13)
        assert not list(run.folder.rglob(TEMPORARY))
    ballast[0].unlink()
    assert main(command) == 0
    assert main([*TRAIN, "--output", str(tmp_path / "whole")]) == 0
    ours, theirs = generator_of(run), generator_of(the_run(tmp_path / "whole"))
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())


WRITES = {
    "epoch-0001.png": (training, "sample_grid"),
    "history.csv": (Run, "write_history"),
    "best.pt": (training, "save_checkpoint"),
    "scores.csv": (Run, "write_scores"),
    "result.json": (Run, "write_result"),
}


@roomy
@pytest.mark.parametrize("file", WRITES)
def test_every_file_of_a_run_says_that_the_disk_is_full(small_disk, capsys, monkeypatch, file):
    owner, name = WRITES[file]
    original = getattr(owner, name)

    def fill_first(*arguments):
        fill(small_disk)
        return original(*arguments)

    command = [*TRAIN, "--output", str(small_disk)]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fill_first)
        message = error_of(capsys, command)
    assert file in message and "No space left on device; free some space" in message
    run = the_run(small_disk)
    assert not run.is_finished and not list(run.folder.rglob(TEMPORARY))
    (small_disk / "ballast").unlink()
    assert main(command) == 0 and run.is_finished


@roomy
def test_no_command_loses_anything_on_a_full_disk(small_disk, tmp_path, capsys, street_data):
    same = ["--profile", "smoke", "--set", "width=2", "--set", "epochs=1", "--device", "cpu"]
    command = ["train", "baseline", *same, "--output", str(small_disk)]
    assert main(command) == 0
    run = the_run(small_disk)
    label = tmp_path / "label.png"
    Image.fromarray(street_data.test.classes[0]).save(label)
    fill(small_disk)
    before = {path: path.stat().st_mtime_ns for path in small_disk.rglob("*") if path.is_file()}
    for arguments, file in (
        (["evaluate", run.folder, "--split", "val", "--csv", small_disk / "s.csv"], "s.csv"),
        (["translate", run.folder, label, "--output", small_disk / "photos"], "label.png"),
        (["report", *same, "--output", small_disk], "config.json"),
        ([*command, "--seed", "3"], "runs"),
    ):
        message = error_of(capsys, arguments)
        assert file in message and "No space left on device" in message
        assert not list(small_disk.rglob(TEMPORARY))
    assert main(command) == 0  # what is finished is only read
    assert {path: path.stat().st_mtime_ns for path in before} == before


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


@roomy
def test_an_output_that_may_not_be_written_is_named(small_disk, capsys, monkeypatch):
    command = [*TRAIN, "--output", str(small_disk)]

    def stop(*arguments):
        raise UserError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(session, "_write_result", stop)
        assert main(command) == 2
    run = the_run(small_disk)
    read_only(small_disk)
    for arguments, folder in ((command, run.folder), ([*command, "--seed", "1"], small_disk)):
        message = error_of(capsys, arguments)
        assert str(folder) in message and "Read-only file system" in message
        assert "--output" in message


@roomy
def test_a_finished_run_is_used_where_nothing_can_be_written(small_disk, capsys):
    command = [*TRAIN, "--output", str(small_disk)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    read_only(small_disk)
    assert main(command) == 0
    assert capsys.readouterr().out == printed
    assert main(["evaluate", str(the_run(small_disk).folder), "--split", "val"]) == 0


@roomy
def test_data_that_may_only_be_read_is_trained_on(small_disk, camvid_folder, tmp_path):
    data = small_disk / "pairs"
    subprocess.run(["cp", "-r", str(camvid_folder), str(data)], check=True)
    read_only(small_disk)
    command = [*TRAIN, "--output", str(tmp_path / "o"), "--dataset", str(data)]
    assert main([*command, "--set", "epochs=1"]) == 0
