"""A project folder with a small release in it: the finished baseline of the smoke profile."""

import shutil

import pytest
import torch

from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.release.making import make_release


@pytest.fixture(autouse=True)
def short_segmentation(monkeypatch):
    monkeypatch.setattr(segmentation, "SETTINGS", segmentation.Settings(epochs=1, steps=1))


@pytest.fixture(autouse=True)
def project(monkeypatch, tmp_path):
    """The working directory: a project without released models."""
    (tmp_path / "project" / "pix2pix_utils").mkdir(parents=True)
    (tmp_path / "project" / "pix2pix_utils" / "__init__.py").touch()
    (tmp_path / "project" / "data").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def run_folder(finished_output, tmp_path):
    """A copy of the finished run, below `tmp_path/output/runs`."""
    shutil.copytree(finished_output / "runs", tmp_path / "output" / "runs")
    (folder,) = (tmp_path / "output" / "runs").iterdir()
    return folder


@pytest.fixture
def released(project, run_folder):
    """The folder of the project's release, with the model `baseline`."""
    make_release([run_folder], project / "data" / "released", torch.device("cpu"))
    return project / "data" / "released"
