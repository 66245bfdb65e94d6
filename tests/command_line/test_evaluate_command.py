"""`evaluate` with `--measures`, `--kid` and `--csv`."""

import csv
import re
import shutil
import sys

import pytest

from pix2pix_utils.__main__ import main


def test_measures_are_printed_beside_the_ceiling_or_with_why_not(run_folder, tmp_path, capsys):
    assert main(["evaluate", str(run_folder), "--split", "val"]) == 0
    (ssim,) = capsys.readouterr().out.splitlines()
    table = tmp_path / "tables" / "scores.csv"
    arguments = ["evaluate", str(run_folder), "--split", "val", "--measures", "--csv", str(table)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == ssim
    assert all(line.startswith("val ") for line in printed[:-1])
    text = "\n".join(printed)
    for measure in ("PSNR", "L1", "sharpness", "pixel accuracy", "class accuracy", "class IoU"):
        assert f"  {measure} " in text
    for rule, scores in (("left out", 3), ("wrong", 2)):
        assert len(re.findall(rf"real photos [01]\.\d+; void pixels {rule}$", text, re.M)) == scores
    for distance, known in (("kernel distance", "KID"), ("Fréchet distance", "FID")):
        assert re.search(rf"  {distance} .*real photos of train .*not {known}$", text, re.M)
    assert re.search(r"judge: the segmentation network in .*segmentation.synthetic-32px-", text)
    for name in ("lpips", "dists"):
        assert f"no {name}: {name.upper()} needs photos of at least 64x64" in text
    assert (tmp_path / "segmentation").is_dir()  # beside runs/
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["split", "name", "ssim", "psnr", "l1", "sharpness"]
    assert len(rows) == 6
    mean = sum(float(row["ssim"]) for row in rows) / 6
    assert f"SSIM {mean:.4f}" in ssim


def test_the_table_of_plain_ssim_needs_no_segmentation(run_folder, tmp_path, capsys):
    table = tmp_path / "scores.csv"
    assert main(["evaluate", str(run_folder), "--csv", str(table)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert len(table.read_text().splitlines()) == 1 + 12 + 6 + 6
    assert not (tmp_path / "segmentation").exists()
    assert main(["evaluate", str(run_folder), "--csv", str(tmp_path)]) == 2
    assert f"cannot write {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["width=4", "image_size=64"])
def test_another_runs_checkpoint_is_not_scored(run_folder, tmp_path, capsys, setting):
    other = ["train", "baseline", "--profile", "smoke", "--output", str(tmp_path / "other")]
    assert main([*other, "--set", "epochs=1", "--set", setting]) == 0
    (stranger,) = (tmp_path / "other" / "runs").iterdir()
    best = run_folder / "checkpoints" / "best.pt"
    shutil.copy(stranger / "checkpoints" / "best.pt", best)
    capsys.readouterr()
    for command in (["evaluate", str(run_folder)], ["translate", str(run_folder), str(run_folder)]):
        options = ["--output", str(tmp_path / "photos")] if command[0] == "translate" else []
        assert main([*command, *options]) == 2
        said = capsys.readouterr().err
        assert str(best) in said and f"trained with {setting}, but this run has" in said


def test_kid_and_fid_are_printed_on_demand(run_folder, capsys, monkeypatch):
    found = {"kid": 0.25, "kid_deviation": 0.01, "fid": 180.26, "images": 6}
    monkeypatch.setattr("pix2pix_utils.evaluation.perceptual.inception_distances", lambda *_: found)
    assert main(["evaluate", str(run_folder), "--split", "val", "--kid"]) == 0
    ssim, distances = capsys.readouterr().out.splitlines()
    assert "SSIM" in ssim
    assert distances == "val    KID 0.2500 +/- 0.0100 over random halves  FID 180.3"


def test_kid_without_its_package_names_the_command(run_folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    assert main(["evaluate", str(run_folder), "--split", "val", "--kid"]) == 2
    assert "python -m pip install torchmetrics torch-fidelity" in capsys.readouterr().err
