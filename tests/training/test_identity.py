"""A run is found by what its numbers depend on; if little differs, a sentence says what."""

import errno
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from messages import one_sentence
from PIL import Image
from whole_runs import assert_same_run, stop_at

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.training import runs, session
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.runs import Run, find_runs
from pix2pix_utils.training.session import train

CPU = torch.device("cpu")
UNET, OTHER_SLOPE = "pix2pix_utils.models.unet", ("0.2", "0.3")


@pytest.fixture
def run(finished_output, tmp_path):
    """A copy of the finished run, below `tmp_path`, that a test may change."""
    shutil.copytree(finished_output, tmp_path, dirs_exist_ok=True)
    (folder,) = (tmp_path / "runs").iterdir()
    return Run.open(folder)


def forget_the_end(run: Run) -> None:
    """As if the run had been stopped before its result was written."""
    (run.folder / "result.json").unlink()


# --- code ---


def test_after_an_edit_of_a_network_a_new_run_begins_and_says_so(
    run, smoke_config, street_data, tmp_path, capsys, edit_module
):
    edit_module(UNET, OTHER_SLOPE)
    new = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert new.folder != run.folder and new.is_finished
    said = capsys.readouterr().err
    assert f"models.unet changed after {run.folder} was created" in said
    assert "--reuse (in a notebook, reuse=True) returns that one" in said
    again = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert again == new and not capsys.readouterr().err
    assert run.changed_code() == ["models.unet"] and not new.changed_code()


def test_an_edit_taken_back_finds_the_old_run(
    run, smoke_config, street_data, tmp_path, capsys, edit_module
):
    edit_module(UNET, OTHER_SLOPE)
    Run.create(tmp_path, smoke_config, street_data)
    edit_module(UNET, OTHER_SLOPE[::-1])
    capsys.readouterr()
    assert Run.create(tmp_path, smoke_config, street_data) == run
    assert not capsys.readouterr().err


def test_reuse_returns_the_run_of_the_older_code_and_says_so(
    run, smoke_config, street_data, tmp_path, capsys, edit_module, monkeypatch
):
    edit_module(UNET, OTHER_SLOPE)
    monkeypatch.setattr(training, "accumulated_step", None)  # fails if anything is trained
    again = train(smoke_config, street_data, tmp_path, CPU, progress=False, reuse=True)
    assert again == run
    assert f"{run.folder} is returned, although models.unet changed" in capsys.readouterr().err


def test_reuse_resumes_a_run_and_its_session_tells_what_changed(
    run, smoke_config, street_data, tmp_path, capsys, edit_module
):
    forget_the_end(run)
    edit_module(UNET, OTHER_SLOPE)
    again = train(smoke_config, street_data, tmp_path, CPU, progress=False, reuse=True)
    assert again == run and run.is_finished
    assert "is resumed, although models.unet changed" in capsys.readouterr().err
    assert [session["changed_code"] for session in run.sessions()] == [[], ["models.unet"]]


def test_reuse_prefers_the_run_of_the_present_code(
    run, smoke_config, street_data, tmp_path, edit_module
):
    edit_module(UNET, OTHER_SLOPE)
    new = Run.create(tmp_path, smoke_config, street_data)
    assert Run.create(tmp_path, smoke_config, street_data, reuse=True) == new != run


# --- device and precision ---


def test_a_run_never_changes_its_precision(
    run, smoke_config, street_data, tmp_path, capsys, monkeypatch
):
    """A run begun on a CPU is asked for on a GPU, where `auto` is bf16."""
    config = replace(smoke_config, precision="auto")
    forget_the_end(run)
    choose = session.choose_precision
    monkeypatch.setattr(
        session, "choose_precision", lambda name, _: "bf16" if name == "auto" else name
    )
    new = train(config, street_data, tmp_path, CPU, progress=False)
    assert new.folder != run.folder
    assert (new.config.precision, new.result()["precision"]) == ("bf16", "bf16")
    said = capsys.readouterr().err
    assert f"begins in bf16, since {run.folder} was trained in fp32" in said
    assert "--set precision=fp32 resumes that one" in said
    assert train(smoke_config, street_data, tmp_path, CPU, progress=False) == run

    monkeypatch.setattr(session, "choose_precision", choose)
    assert train(config, street_data, tmp_path, CPU, progress=False) == run
    assert run.is_finished and run.config.precision == "fp32"


def test_every_session_of_a_run_is_recorded(run, smoke_config, street_data, tmp_path, monkeypatch):
    forget_the_end(run)
    describe = session.describe_environment
    monkeypatch.setattr(
        session, "describe_environment", lambda _: describe(CPU) | {"gpu": "another"}
    )
    train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert [session["gpu"] for session in run.sessions()] == [None, "another"]
    assert all(session["torch"] and session["date"] for session in run.sessions())


# --- data ---


def test_a_renamed_or_copied_data_set_finds_its_run(camvid_folder, smoke_config, tmp_path):
    def run_of(folder):
        return Run.create(tmp_path / "output", smoke_config, load_data(str(folder), 32))

    run = run_of(camvid_folder)
    renamed = camvid_folder.rename(tmp_path / "another name")
    assert run_of(renamed) == run
    assert run.data()["location"] == str(renamed)  # `evaluate` finds it there
    copied = shutil.copytree(renamed, tmp_path / "a copy")
    assert run_of(copied) == run

    path = next((copied / "train").iterdir())
    photo = np.asarray(Image.open(path)).copy()
    photo[0, 0] ^= 1
    Image.fromarray(photo).save(path)
    assert run_of(copied) != run


def test_a_renamed_run_is_found(run, smoke_config, street_data, tmp_path):
    renamed = Run.open(run.folder.rename(run.folder.with_name("my best run")))
    assert train(smoke_config, street_data, tmp_path, CPU, progress=False) == renamed


# --- epochs ---


@pytest.fixture(scope="module")
def four_epochs(tmp_path_factory, cache_folder, finished_run):
    """An uninterrupted run of four epochs, with the other settings of the finished one."""
    config = replace(finished_run.config, epochs=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        data = load_data("synthetic", config.image_size, limits=config.pair_limits)
        return train(config, data, tmp_path_factory.mktemp("whole"), CPU, progress=False)


@pytest.mark.parametrize("stopped", [False, True], ids=["finished", "interrupted"])
def test_more_epochs_continue_a_shorter_run_and_end_as_an_uninterrupted_one(
    run, four_epochs, smoke_config, street_data, tmp_path, capsys, monkeypatch, stopped
):
    if stopped:  # a run of three epochs that was stopped in its third
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            stop_at(patch, 5)  # the finished run has done the first two epochs
            train(replace(smoke_config, epochs=3), street_data, tmp_path, CPU, progress=False)
        (run,) = (found for found in find_runs(tmp_path)[0] if found != run)
        assert run.load_last()["step"] == 5
    capsys.readouterr()
    longer = train(replace(smoke_config, epochs=4), street_data, tmp_path, CPU, progress=False)
    said = capsys.readouterr().err
    assert said == f"continuing {run.folder}, so its 2 epochs are not trained anew\n"
    assert_same_run(longer, four_epochs)
    assert Run.open(run.folder) == run and run.is_finished != stopped


def test_a_copy_that_fails_half_way_is_made_again(
    run, four_epochs, smoke_config, street_data, tmp_path, monkeypatch
):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    config = replace(smoke_config, epochs=4)
    for name in ("write_json", "save_checkpoint", "save_tensors"):
        with monkeypatch.context() as patch, pytest.raises(OSError):
            patch.setattr(runs, name, fail)
            Run.create(tmp_path, config, street_data)
        assert find_runs(tmp_path)[0] == [run]
    assert_same_run(train(config, street_data, tmp_path, CPU, progress=False), four_epochs)


@pytest.mark.parametrize("missing", ["last.pt", "best.pt"])
def test_a_shorter_run_without_its_checkpoints_is_named(
    run, smoke_config, street_data, tmp_path, capsys, missing
):
    (run.checkpoints / missing).unlink()
    run.previous_checkpoint.unlink()
    longer = Run.create(tmp_path, replace(smoke_config, epochs=4), street_data)
    said = capsys.readouterr().err
    assert f"a new run begins, since {run.folder} cannot be continued" in said and missing in said
    assert not longer.read_history() and not longer.last_checkpoint.exists()


def test_weights_pretrained_for_half_the_epochs_cannot_be_continued(
    smoke_config, street_data, tmp_path, capsys
):
    config = replace(smoke_config, weights="synthetic", generator="pix2pix-unet")
    shorter = Run.create(tmp_path, config, street_data)
    shorter.write_history([{"epoch": 1, "val_ssim": 0.5}])
    Run.create(tmp_path, replace(config, epochs=4), street_data)
    said = capsys.readouterr().err
    assert f"{shorter.folder} cannot be continued: its weights were pretrained for half" in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"decay_from": 0.5}, "its learning rates fall to 0 by the end of its last epoch"),
        ({"weights": "streets"}, "its weights were pretrained for as many updates as it has"),
    ],
    ids=["decay", "streets"],
)
def test_what_depends_on_the_number_of_epochs_cannot_be_continued(
    smoke_config, street_data, tmp_path, capsys, change, reason
):
    config = replace(smoke_config, **change)
    shorter = Run.create(tmp_path, config, street_data)
    shorter.write_history([{"epoch": 1, "val_ssim": 0.5}])
    longer = Run.create(tmp_path, replace(config, epochs=4), street_data)
    assert longer != shorter and not longer.read_history()
    said = capsys.readouterr().err
    assert said == f"a new run begins, since {shorter.folder} cannot be continued: {reason}\n"


def test_fewer_epochs_begin_a_new_run_and_say_why(run, smoke_config, street_data, tmp_path, capsys):
    shorter = Run.create(tmp_path, replace(smoke_config, epochs=1), street_data)
    assert shorter != run
    assert f"{run.folder} has 2 epochs and no checkpoint of epoch 1" in capsys.readouterr().err


def test_a_run_that_another_process_trains_is_not_continued(
    run, smoke_config, street_data, tmp_path
):
    config = replace(smoke_config, epochs=4)
    with run.locked():
        message = one_sentence(lambda: Run.create(tmp_path, config, street_data))
    assert f"is training in {run.folder}; wait for it to end" in message
    assert Run.create(tmp_path, config, street_data).read_history() == run.read_history()


@pytest.mark.parametrize("change", [{"alpha": 50.0}, {"seed": 1}, {"width": 4}])
def test_another_setting_or_seed_is_another_run_without_a_word(
    run, smoke_config, street_data, tmp_path, capsys, change
):
    other = Run.create(tmp_path, replace(smoke_config, epochs=4, **change), street_data)
    assert other != run and not other.read_history() and not capsys.readouterr().err
