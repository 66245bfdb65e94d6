"""Run folders and checkpoints are complete, or the message names what is wrong."""

import errno
import os

import pytest
import torch

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import WriteError, write_json
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_a_damaged_checkpoint_is_named(tmp_path, keep):
    path = tmp_path / "torn.pt"
    save_checkpoint(path, {"config": {}, "palette": {}, "generator": {"w": torch.rand(1000)}})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"torn.pt"):
        load_checkpoint(path)


def test_files_that_are_no_checkpoint_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no checkpoint .*none.pt"):
        load_checkpoint(tmp_path / "none.pt")
    torch.save({"weights": torch.rand(2)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"is not a checkpoint of this package"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no run folder .*missing"):
        Run.open(tmp_path / "missing")
    with pytest.raises(UserError, match=r"is not a run: it has no config.json"):
        Run.open(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json is not a JSON file"):
        Run.open(tmp_path)
    write_json(tmp_path / "config.json", {"epocs": 3})
    with pytest.raises(UserError, match=r"'epocs'; did you mean 'epochs'"):
        Run.open(tmp_path)


def test_an_unfinished_run_has_no_result(smoke_config, street_data, tmp_path):
    run = Run.create(tmp_path, smoke_config, street_data)
    with pytest.raises(UserError, match=r"is not finished"):
        run.result()


def test_a_file_where_the_output_folder_should_be(smoke_config, street_data, tmp_path):
    (tmp_path / "output").write_text("")
    with pytest.raises(WriteError, match=r"cannot write .*choose another .*--output"):
        Run.create(tmp_path / "output", smoke_config, street_data)


@pytest.fixture
def run_with_checkpoints(smoke_config, street_data, tmp_path):
    """A run that has saved the steps 1 and 2."""
    run = Run.create(tmp_path, smoke_config, street_data)
    for step in (1, 2):
        run.save_last({"config": {}, "palette": {}, "generator": {}, "step": step})
    return run


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "make the folder writable")],
)
def test_a_checkpoint_that_cannot_be_written_leaves_the_last_two(
    run_with_checkpoints, monkeypatch, number, remedy
):
    """torch's own RuntimeError does not hide why."""

    def fail(state, file):
        file.write(b"half")
        try:
            raise OSError(number, os.strerror(number))
        finally:
            raise RuntimeError("unexpected pos 576 vs 534")

    run = run_with_checkpoints
    monkeypatch.setattr(torch, "save", fail)
    for _ in range(2):
        with pytest.raises(WriteError) as raised:
            run.save_last({})
        assert f"{run.last_checkpoint}: {os.strerror(number)}; {remedy}" in str(raised.value)
    assert [load_checkpoint(path)["step"] for path in sorted(run.checkpoints.iterdir())] == [2, 1]


def test_without_a_last_checkpoint_the_one_before_is_taken(run_with_checkpoints):
    assert run_with_checkpoints.load_last()["step"] == 2
    run_with_checkpoints.last_checkpoint.unlink()  # killed between its two renames
    assert run_with_checkpoints.load_last()["step"] == 1
