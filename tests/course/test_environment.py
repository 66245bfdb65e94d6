"""The checks of the environment, on machines of every kind."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pix2pix_utils.course import environment
from pix2pix_utils.course.environment import (
    OLDEST,
    bytes_of_a_run,
    check_cores,
    check_data_set,
    check_disk,
    check_environment,
    check_folder,
    check_gpu,
    check_memory,
    check_packages,
)
from pix2pix_utils.models import build_generator
from pix2pix_utils.report import as_markdown
from pix2pix_utils.training.experiments import configure

PROJECT = Path(__file__).parents[2]


def test_the_oldest_versions_are_those_of_the_project_file():
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    asked = dict(
        re.findall(
            r'^    "([\w-]+)>=([\d.]+)",(?:  # .*)?$',
            text.partition("[project.optional-dependencies]")[0],
            re.MULTILINE,
        )
    )
    for name in ("packaging", "lazy_loader"):  # without them nothing can be imported
        del asked[name]
    assert asked == OLDEST


def test_this_machine_is_described_line_by_line():
    checks = check_environment("smoke")
    whats = [check.what for check in checks]
    assert len(set(whats)) == len(whats)
    assert {"Python", "torch", "GPU", "CPU cores", "memory", "disk"} <= set(whats)
    assert {"data set synthetic", "data set camvid", "data set cityscapes"} <= set(whats)
    table = as_markdown([check.row() for check in checks])
    assert table.count("\n") >= len(checks)


def test_an_old_and_a_missing_package_are_named_with_the_command():
    versions = dict.fromkeys(OLDEST, "99.0") | {"torch": "2.3.1+cu121", "anywidget": None}
    checks = {check.what: check for check in check_packages(versions.get)}
    assert checks["torch"].found == "2.3.1+cu121"
    assert '"torch>=2.6"' in checks["torch"].remedy
    assert checks["anywidget"].found == "missing"
    assert '"anywidget>=0.9"' in checks["anywidget"].remedy
    assert not checks["torchvision"].remedy
    assert checks["other packages"].found.startswith(str(len(OLDEST) - 3))


@pytest.mark.parametrize("version", ["2.6.0", "2.10.1+cpu", "3.0"])
def test_versions_are_compared_as_numbers(version):
    versions = dict.fromkeys(OLDEST, "99.0") | {"torch": version}
    assert not any(check.remedy for check in check_packages(versions.get))


def test_a_machine_without_gpu_is_fine_until_one_is_needed():
    assert not check_gpu(None).remedy
    assert "`demo`" in check_gpu(None, needed=True).remedy
    assert "Change runtime type" in check_gpu(None, needed=True, colab=True).remedy
    assert "CUDA build" in check_gpu(None, driver=True).remedy
    named = check_gpu("NVIDIA T4", needed=True, driver=True)
    assert "NVIDIA T4" in named.found and not named.remedy


def test_cores_and_memory():
    assert "2 times" in check_cores(1).remedy
    assert not check_cores(2).remedy
    assert "`smoke`" in check_memory(1_000_000_000).remedy
    assert not check_memory(8_000_000_000).remedy
    assert "unknown" in check_memory(None).found


def test_too_little_disk_space_is_reported_with_the_space_needed():
    config = configure("baseline", "full")
    short = check_disk(5_000_000_000, config)
    assert short.found.startswith("5.0 GB free")
    assert "PIX2PIX_OUTPUT" in short.remedy
    assert not check_disk(100_000_000_000, config).remedy
    assert not check_disk(5_000_000_000, configure("baseline", "smoke")).remedy


def test_the_size_of_a_run_is_what_a_run_writes(finished_run, smoke_config):
    written = sum(file.stat().st_size for file in finished_run.checkpoints.iterdir())
    assert written == pytest.approx(bytes_of_a_run(smoke_config), rel=0.25)


def test_the_size_of_a_run_counts_the_average_of_its_weights():
    config = configure("best-ssim", "full")
    averaged = bytes_of_a_run(config) - bytes_of_a_run(replace(config, average_decay=0.0))
    generator = build_generator("unet-resize", 256, 64, config.label_input, torch.zeros(30, 3))
    weights = sum(parameter.numel() for parameter in generator.parameters())
    assert averaged == 2 * 4 * weights  # float32, in last.pt and previous.pt


def test_a_folder_that_does_not_exist_yet_is_judged_by_its_parent(tmp_path):
    assert not check_folder("runs", tmp_path / "a" / "b", "PIX2PIX_OUTPUT").remedy
    assert not (tmp_path / "a").exists()
    file = tmp_path / "file"
    file.write_text("")
    assert "PIX2PIX_OUTPUT" in check_folder("runs", file / "runs", "PIX2PIX_OUTPUT").remedy


def test_data_sets_that_are_here_absent_or_broken(tmp_path, camvid_folder):
    (tmp_path / "data").mkdir()
    absent = check_data_set("camvid", tmp_path / "data")
    assert "not here" in absent.found and not absent.remedy
    assert "not here" in check_data_set("camvid", tmp_path / "nowhere").found
    (tmp_path / "data" / "CamVid").mkdir()
    broken = check_data_set("camvid", tmp_path / "data")
    assert "cannot be used" in broken.found and "CamVid" in broken.remedy
    (tmp_path / "data" / "CamVid").rmdir()
    camvid_folder.rename(tmp_path / "data" / "camvid")
    assert "train 6" in check_data_set("camvid", tmp_path / "data").found
    assert "train 2975" in check_data_set("synthetic", tmp_path / "data").found


def test_paths_are_shown_from_the_project_on(monkeypatch):
    monkeypatch.setenv("PIX2PIX_OUTPUT", str(environment.project_root()))
    runs = {check.what: check.found for check in check_environment("smoke")}
    assert runs["folder of the runs"].startswith("the project's folder")
