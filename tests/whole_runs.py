"""For tests of whole runs: a configuration with everything on, and whether two runs are equal."""

import os
import signal

import torch

from pix2pix_utils.training import trainer
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run

# On top of `baseline` at the smoke profile, whose U-Net has dropout and batch norm.
EVERY_SETTING = (
    "label_input=one-hot+edges+coordinates",
    "ssim_weight=5",
    "feature_weight=2",
    "average_decay=0.8",
    "decay_from=0.5",
    "discriminator_augmentation=color+translation+cutout",
    "augmentation=paste+flip",
    "batch_size=2",
)


def stop_at(monkeypatch, number: int) -> None:
    """The next training is interrupted in this step, counted from 1."""
    step, steps = trainer.accumulated_step, []

    def step_and_stop(*arguments):
        steps.append(1)
        if len(steps) == number:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(trainer, "accumulated_step", step_and_stop)


def assert_same_run(a: Run, b: Run) -> None:
    """Every number is equal, to the last bit, but for times."""
    for name in ("last.pt", "best.pt"):
        ours, theirs = (without_times(load_checkpoint(r.checkpoints / name)) for r in (a, b))
        assert_equal(ours, theirs)
    assert without_times(a.read_history()) == without_times(b.read_history())
    assert a.read_scores() == b.read_scores()
    assert without_times(a.result()) == without_times(b.result())
    for path in b.samples.iterdir():
        assert path.read_bytes() == (a.samples / path.name).read_bytes()


def without_times(value):
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if "seconds" not in str(key)}
        return {key: without_times(inner) for key, inner in kept.items()}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def assert_equal(a, b) -> None:
    """Of nested dictionaries: the same keys, types and values."""
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    else:
        assert a == b
