"""Fixtures of the tests of training."""

from copy import deepcopy

import pytest

from pix2pix_utils.training.trainer import Trainer


@pytest.fixture
def started(monkeypatch):
    """The networks of every run before its first step, by the run's source of weights."""
    found, fit = {}, Trainer.fit

    def note_and_fit(self, *arguments):
        found[self.config.weights] = deepcopy(self.networks.state_dict())
        return fit(self, *arguments)

    monkeypatch.setattr(Trainer, "fit", note_and_fit)
    return found
