"""One report about finished smoke runs, one after changes to them, and short trainings."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from pix2pix_utils.__main__ import main
from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.figures import saving
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run, load_data_for
from pix2pix_utils.training.session import train

CPU = torch.device("cpu")
SHORT = segmentation.Settings(epochs=2, steps=4)
TRAINED = (  # experiment and seed
    ("baseline", 0),
    ("baseline", 1),
    ("enhanced", 0),
    ("baseline-l1-50", 0),
    ("baseline+flip", 0),
    ("baseline-l1-only", 0),
    ("best-ssim", 0),
    ("best-ssim-l1", 0),
    ("best-look", 0),
)


@pytest.fixture(autouse=True)
def short_segmentation_training(monkeypatch):
    monkeypatch.setattr(segmentation, "SETTINGS", SHORT)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, cache_folder):
    """An output folder with finished smoke runs and the report about them."""
    output = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        patch.setattr(segmentation, "SETTINGS", SHORT)
        patch.setattr(saving, "DOTS_PER_INCH", 60)
        for experiment, seed in TRAINED:
            config = configure(experiment, "smoke", seed)
            train(config, load_data_for(config, "synthetic"), output, CPU, progress=False)
        assert main(["report", "--output", str(output)]) == 0
    return output


HOSTILE = "<script>alert(1)</script>\"'&|$x_$"  # both as in test_report.py
HOSTILE_FOLDER = "<img src=x onerror=alert(2)>"


@pytest.fixture(scope="session")
def changed(finished, tmp_path_factory, cache_folder):
    """The same after a lot has happened to it, with a new report."""
    output = Path(shutil.copytree(finished, tmp_path_factory.mktemp("changed") / "output"))
    original = run_of(output, "baseline", 1)
    shutil.rmtree(run_of(output, "enhanced").folder)
    broken = run_of(output, "baseline+flip").folder
    (run_of(output, "baseline-l1-50").folder / "result.json").unlink()
    (broken / "config.json").write_text('{"epochs": ')
    for folder, changes in (
        ("another alpha", {"alpha": 55.0}),
        ("another size", {"epochs": 1}),
        (HOSTILE_FOLDER, {"experiment": HOSTILE}),
        ("torn", {"seed": 5}),
    ):
        copied = Path(shutil.copytree(original.folder, original.folder.with_name(folder)))
        config = original.config.to_dict() | changes
        (copied / "config.json").write_text(json.dumps(config))
        best = Run.open(copied).best_checkpoint
        save_checkpoint(best, load_checkpoint(best) | {"config": config})
    torn = original.folder.with_name("torn") / "checkpoints" / "best.pt"
    torn.write_bytes(torn.read_bytes()[:1000])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        patch.setattr(segmentation, "SETTINGS", SHORT)
        patch.setattr(saving, "DOTS_PER_INCH", 60)
        assert main(["report", "--output", str(output), "--profile", "smoke"]) == 0
    return output


def run_of(output: Path, experiment: str, seed: int = 0) -> Run:
    runs = [Run.open(folder) for folder in (output / "runs").iterdir() if folder.is_dir()]
    (run,) = [r for r in runs if (r.config.experiment, r.config.seed) == (experiment, seed)]
    return run
