"""The parameters of a notebook and what follows from them."""

import shutil

import pytest

from pix2pix_utils import course
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import output_root
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run


def test_configurations_follow_profile_seed_and_settings():
    lesson = course.start("smoke", seed=3, settings=["epochs=4"])
    fp32 = "precision=fp32"  # `auto` on a CPU
    assert lesson.config() == configure("baseline", "smoke", 3, ["epochs=4", fp32])
    assert lesson.config("baseline-mse", "width=4", seed=0) == configure(
        "baseline-mse", "smoke", 0, ["epochs=4", "width=4", fp32]
    )


def test_the_data_have_the_profiles_size_and_are_loaded_once(smoke_config):
    lesson = course.start("smoke")
    assert lesson.data.val.image_size == smoke_config.image_size
    assert len(lesson.data.train) == smoke_config.pair_limits["train"]
    assert lesson.data is lesson.data


def test_a_finished_run_is_loaded_from_the_output_folder_and_gets_its_card(
    finished_run, tmp_path, monkeypatch
):
    folder = tmp_path / "runs" / finished_run.folder.name
    shutil.copytree(finished_run.folder, folder)
    monkeypatch.setenv("PIX2PIX_OUTPUT", str(tmp_path))
    lesson = course.start("smoke")
    assert lesson.output == output_root()
    before = (folder / "result.json").stat().st_mtime_ns
    assert lesson.train(lesson.config(), progress=False) == Run.open(folder)
    assert lesson.config() == finished_run.config
    assert (folder / "result.json").stat().st_mtime_ns == before
    assert "**this run**" in (folder / "README.md").read_text(encoding="utf-8")


def test_mistakes_are_found_before_anything_is_loaded():
    with pytest.raises(UserError, match="no profile 'tiny'"):
        course.start("tiny")
    with pytest.raises(UserError, match="no hyper-parameter 'epoch'"):
        course.start("smoke", settings=["epoch=2"])
    with pytest.raises(UserError, match="nowhere"):
        _ = course.start("smoke", "nowhere").data
