"""`python -m pix2pix_utils export`."""

import pytest
import torch

from pix2pix_utils import export
from pix2pix_utils.__main__ import main

pytest.importorskip("onnxruntime")


def error_of(capsys, *arguments) -> str:
    assert main(["export", *map(str, arguments)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    return message


def test_a_run_becomes_an_onnx_file(finished_run, tmp_path, capsys):
    path = tmp_path / "new folder" / "model.onnx"
    assert main(["export", str(finished_run.folder), "--onnx", str(path), "--half"]) == 0
    printed = capsys.readouterr().out
    assert "differ from torch's by" in printed and f"wrote {path}" in printed
    assert path.is_file()


def test_runs_become_a_page(finished_run, tmp_path, monkeypatch):
    """Title, runtime and what the runs say about themselves get to the page's writer."""
    written = {}

    def write_page(models, path, runtime, **options):
        written.update(models=models, runtime=runtime, options=options)
        path.write_text("page")

    monkeypatch.setattr(export, "load_runtime", lambda folder: folder)
    monkeypatch.setattr(export, "write_page", write_page)
    runs = [str(finished_run.folder), str(finished_run.best_checkpoint)]
    options = ["--web", str(tmp_path / "page.html"), "--title", "A <b>", "--runtime", str(tmp_path)]
    assert main(["export", *runs, *options]) == 0
    assert written["runtime"] == tmp_path and written["options"] == {"title": "A <b>"}
    run, checkpoint = written["models"]
    assert run.title == checkpoint.title == "Baseline Model, seed 0"
    assert run.trained_on == "12 drawn street scenes" and "On 6 test pairs" in run.scores
    assert checkpoint.trained_on == "an unknown data set" and checkpoint.scores == ""
    assert run.network and run.image_size == 32


def test_mistakes_are_explained(finished_run, tmp_path, capsys):
    run, onnx = finished_run.folder, ("--onnx", tmp_path / "x.onnx")
    assert "no checkpoint" in error_of(capsys, tmp_path / "none.pt", *onnx)
    assert "is not a run" in error_of(capsys, tmp_path, *onnx)
    assert "several" in error_of(capsys, run, run, *onnx)
    assert "--title belongs to a page" in error_of(capsys, run, *onnx, "--title", "x")
    assert "--runtime belongs" in error_of(capsys, run, *onnx, "--runtime", tmp_path)
    pix2pix = ("--pix2pix", tmp_path / "x.pth")
    assert "--half" in error_of(capsys, run, *pix2pix, "--half")
    assert "generator unet" in error_of(capsys, run, *pix2pix)
    (tmp_path / "weights.pt").write_bytes(b"")
    torch.save({"generator": {}}, tmp_path / "weights.pt")
    assert "is not a checkpoint" in error_of(capsys, tmp_path / "weights.pt", *onnx)
    assert not list(tmp_path.glob("x.*"))
