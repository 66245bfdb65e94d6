"""Too little memory is raised with the settings to lower, and costs no checkpoint."""

from dataclasses import replace

import pytest
import torch

from pix2pix_utils import study
from pix2pix_utils.__main__ import main
from pix2pix_utils.devices import explain_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import out_of_memory_advice

CPU = torch.device("cpu")
ERRORS = {
    "gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "gpu taken by others": RuntimeError("CUDA error: out of memory"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate "
                        "memory: you tried to allocate 1099511627776 bytes."),
    "python": MemoryError(),
}  # fmt: skip
every_kind = pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)


def fail_after(monkeypatch, steps: int, error: Exception) -> None:
    """Let the training step fail after this many that succeed."""
    step, done = training.accumulated_step, []

    def step_or_fail(*arguments):
        if len(done) == steps:
            raise error
        done.append(1)
        return step(*arguments)

    monkeypatch.setattr(training, "accumulated_step", step_or_fail)


@every_kind
def test_training_says_what_to_lower_and_keeps_the_last_checkpoint(
    tmp_path, capsys, monkeypatch, error
):
    fail_after(monkeypatch, 5, error)  # in the second epoch
    settings = [f"--set={pair}" for pair in ("width=2", "batch_size=3", "accumulation=1")]
    command = ["train", "baseline", "--profile", "smoke", "--device", "cpu", *settings]
    assert main([*command, "--output", str(tmp_path)]) == 2
    message = capsys.readouterr().err.rpartition("error: ")[2]
    for words in ("batch_size=3, image_size=32, width=2", "--set batch_size=2", "accumulation=2"):
        assert words in message
    assert message.count("\n") == 1
    (folder,) = (tmp_path / "runs").iterdir()
    state = load_checkpoint(Run.open(folder).last_checkpoint)
    assert (state["epoch"], state["step"]) == (1, 0)


def test_what_cannot_be_lowered_is_not_suggested(smoke_config):
    cuda = torch.device("cuda")
    config = replace(smoke_config, batch_size=1, precision="fp32")
    with (
        pytest.raises(UserError) as raised,
        explain_out_of_memory(out_of_memory_advice(config, cuda)),
    ):
        raise ERRORS["gpu"]
    assert "--set batch_size" not in str(raised.value)
    assert "--set precision=bf16" in str(raised.value) and "image_size" in str(raised.value)
    with (
        pytest.raises(UserError) as raised,
        explain_out_of_memory(out_of_memory_advice(config, CPU)),
    ):
        raise ERRORS["cpu"]
    assert "--set precision" not in str(raised.value)


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError, match="shape"), explain_out_of_memory("too little"):
        raise RuntimeError("the shape of the mask does not match")


def test_the_other_experiments_of_a_study_go_on(smoke_config, street_data, tmp_path, monkeypatch):
    small = replace(smoke_config, width=2, epochs=1)
    step = training.accumulated_step

    def step_or_fail(networks, batches, objective, *arguments):
        if objective.alpha == 50.0:
            raise ERRORS["gpu"]
        return step(networks, batches, objective, *arguments)

    monkeypatch.setattr(training, "accumulated_step", step_or_fail)
    monkeypatch.setattr(study, "write_report", lambda *arguments: [])
    configs = [replace(small, experiment="baseline-l1-50", alpha=50.0), small]
    outcome = study.run_study(configs, street_data, tmp_path, CPU)
    assert [run.config.experiment for run in outcome.runs] == ["baseline"]
    assert "to train with batch_size=1" in outcome.failures["baseline-l1-50, seed 0"]


@every_kind
def test_the_segmentation_network_says_what_it_needs(street_data, tmp_path, monkeypatch, error):
    def fail(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(segmentation, "_loss", fail)
        with pytest.raises(UserError, match=r"too small.*segmentation.*32x32.*--device cpu"):
            segmentation.segmenter(street_data, tmp_path, CPU, progress=False)
    monkeypatch.setattr(segmentation, "SETTINGS", segmentation.Settings(epochs=1, steps=1))
    assert segmentation.segmenter(street_data, tmp_path, CPU, progress=False).result["val"]
