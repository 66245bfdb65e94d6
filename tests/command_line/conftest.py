"""A segmentation network that trains for one step, and a finished run."""

import shutil

import pytest

from pix2pix_utils.evaluation import segmentation


@pytest.fixture(autouse=True)
def short_segmentation(monkeypatch):
    monkeypatch.setattr(segmentation, "SETTINGS", segmentation.Settings(epochs=1, steps=1))


@pytest.fixture
def run_folder(finished_output, tmp_path):
    """A copy of a finished baseline of the smoke profile, below `tmp_path/runs`."""
    shutil.copytree(finished_output / "runs", tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    return folder
