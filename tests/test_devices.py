"""The device that is chosen on machines of every kind, and what is said about it."""

import os
import subprocess
import sys

import pytest
import torch
from messages import one_sentence

from pix2pix_utils import DEVICES
from pix2pix_utils.__main__ import build_parser, main
from pix2pix_utils.acceleration.precision import choose_precision
from pix2pix_utils.course.environment import check_environment
from pix2pix_utils.devices import choose_and_explain, choose_device, describe_environment
from pix2pix_utils.training.experiments import configure

MPS = torch.device("mps")


@pytest.fixture
def machine(monkeypatch):
    """Let torch find the named GPUs alone."""

    def has(*gpus):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in gpus)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda *device: "Some GPU")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in gpus)

    for variable in ("PIX2PIX_DEVICE", "WORLD_SIZE", "RANK"):
        monkeypatch.delenv(variable, raising=False)
    has()
    return has


@pytest.mark.parametrize(
    ("gpus", "chosen", "reason"),
    [
        ((), "cpu", "torch finds no GPU"),
        (("cuda",), "cuda", "torch finds a GPU (Some GPU)"),
        (("mps",), "cpu", "not the Apple GPU that torch finds too"),
        (("cuda", "mps"), "cuda", "Some GPU"),
    ],
)
def test_auto_says_in_one_line_what_it_found_and_why_it_chose(
    machine, capsys, gpus, chosen, reason
):
    machine(*gpus)
    assert choose_and_explain("auto").type == chosen
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(f"device: {chosen}") and reason in said.err


def test_an_apple_gpu_is_used_when_it_is_named(machine, capsys, monkeypatch):
    machine("mps")
    assert choose_and_explain("mps") == MPS
    assert capsys.readouterr().err == ""  # nothing was chosen
    monkeypatch.setenv("PIX2PIX_DEVICE", "mps")
    assert choose_device("auto") == MPS
    assert choose_device("cpu").type == "cpu"  # an option goes before a variable
    choose_and_explain("auto")
    assert capsys.readouterr().err == "device: mps, as PIX2PIX_DEVICE says\n"


def test_of_several_processes_one_says_what_was_chosen(machine, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    choose_and_explain("auto")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "variable", "parts"),
    [
        ("cuda", "", ("--device cuda", "no CUDA GPU", "use cpu")),
        ("mps", "", ("--device mps", "no Apple GPU", "use cpu")),
        ("auto", "mps", ("PIX2PIX_DEVICE=mps", "no Apple GPU", "use cpu")),
        ("auto", "xyz", ("PIX2PIX_DEVICE", "'xyz'", "mps")),
        ("xyz", "", ("no device 'xyz'", *DEVICES)),
    ],
)
def test_a_device_that_is_not_there_is_refused(machine, monkeypatch, name, variable, parts):
    monkeypatch.setenv("PIX2PIX_DEVICE", variable)
    message = one_sentence(lambda: choose_device(name))
    assert all(part in message for part in parts), message


def test_several_processes_are_not_started_on_one_apple_gpu(machine, monkeypatch):
    machine("mps")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "several processes" in one_sentence(lambda: choose_device("mps"))


def test_the_command_line_offers_every_device(machine, capsys):
    for name in DEVICES:
        assert build_parser().parse_args(["benchmark", "--device", name]).device == name
    assert main(["train", "baseline", "--profile", "smoke", "--device", "mps"]) == 2
    assert "torch finds no Apple GPU" in capsys.readouterr().err


def test_an_apple_gpu_computes_in_fp32_alone():
    assert choose_precision("auto", MPS) == choose_precision("fp32", MPS) == "fp32"
    for name in ("bf16", "fp16"):
        assert "use fp32" in one_sentence(lambda name=name: choose_precision(name, MPS))


def test_a_run_records_the_gpu(machine):
    machine("cuda", "mps")
    for name, gpu in (("cpu", None), ("cuda", "Some GPU"), ("mps", "Apple GPU")):
        recorded = describe_environment(torch.device(name))
        assert (recorded["device"], recorded["gpu"]) == (name, gpu)


@pytest.mark.parametrize("profile", ["demo", "full"])
@pytest.mark.parametrize("variable", ["", "mps"])
def test_the_environment_check_names_an_apple_gpu(machine, monkeypatch, profile, variable):
    machine("mps")
    monkeypatch.setenv("PIX2PIX_DEVICE", variable)
    (check,) = [check for check in check_environment(profile) if check.what == "GPU"]
    assert check.found.startswith("Apple GPU, used," if variable else "Apple GPU, unused;")
    assert "PIX2PIX_DEVICE" in check.found and "none" not in check.found
    needs_gpu = configure("baseline", profile).image_size == 256
    assert bool(check.remedy) == needs_gpu


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_what_torch_lacks_on_an_apple_gpu_runs_on_the_cpu_unless_told_otherwise(before, after):
    variable = "PYTORCH_ENABLE_MPS_FALLBACK"
    environment = {key: value for key, value in os.environ.items() if key != variable}
    if before is not None:
        environment[variable] = before
    # torch reads the variable when it is imported
    code = (
        "import os, sys, pix2pix_utils; "
        f"assert 'torch' not in sys.modules; print(os.environ['{variable}'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == after
