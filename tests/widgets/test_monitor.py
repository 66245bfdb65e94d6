"""The training monitor: what it says, how often it draws, that it disturbs no training."""

import re

import pytest
import torch
from widget_helpers import history, make_run

from pix2pix_utils.training.progress import Progress
from pix2pix_utils.training.session import train
from pix2pix_utils.widgets import TrainingMonitor, monitor
from pix2pix_utils.widgets.monitor import curve_panels, describe_progress, duration_in_words

DEVICE = torch.device("cpu")
LOSSES = {
    "generator_loss": 21.0,
    "l1": 0.205,
    "discriminator_loss": 0.44,
    "real_taken_for_real": 0.61,
    "fake_taken_for_real": 0.23,
}


@pytest.fixture
def run(tmp_path, smoke_config, street_data):
    return make_run(tmp_path, smoke_config, street_data)


@pytest.fixture
def clock(monkeypatch):
    """The monitor's clock; it stops while a picture is drawn."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(monitor, "time", clock)
    return clock


def progress_of(run, epoch=1, step=3, losses=LOSSES, epochs=3):
    return Progress(run, epoch, epochs, step, 12, dict(losses), history()[:epoch])


def shown(watching) -> str:
    return "".join(child.value for child in watching.widget.children)


def test_the_state_in_words(run):
    words = describe_progress(progress_of(run), seconds_left=200)
    assert words.startswith("baseline: epoch 2 of 3, step 3 of 12. About 3 minutes left.")
    assert "L1 distance 0.205." in words
    assert "61% of the real and 23% of the generated patches" in words
    assert words.endswith("Validation SSIM 0.310, best 0.310 after epoch 1.")


def test_right_after_an_epoch_the_losses_are_its_own(run):
    words = describe_progress(progress_of(run, epoch=2, step=0, losses={}))
    assert "L1 distance 0.280." in words and "best 0.450 after epoch 2" in words


def test_the_end_in_words(run):
    words = describe_progress(progress_of(run, epoch=3, step=0, losses={}), seconds_left=0)
    assert words.startswith("baseline: finished, 3 of 3 epochs.") and "left" not in words


def test_a_run_without_a_discriminator_has_no_panel_for_one(run):
    losses = {"generator_loss": 21.0, "l1": 0.205}
    alone = Progress(run, 0, 3, 3, 12, losses, [])
    assert "iscriminator" not in describe_progress(alone) + curve_panels(alone)
    assert curve_panels(alone).count("<svg") == 1
    assert curve_panels(progress_of(run)).count("<svg") == 4


def test_a_ring_marks_the_epoch_that_is_running(run):
    assert curve_panels(progress_of(run)).count('class="ring"') == 4
    assert 'class="ring"' not in curve_panels(progress_of(run, epoch=2, step=0, losses={}))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "less than a minute"),
        (70, "about a minute"),
        (100, "about 2 minutes"),
        (5400, "about 2 hours"),
        (200_000, "about 2 days"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration_in_words(seconds) == words


def test_it_draws_twice_a_second_at_most(run, clock):
    watching = TrainingMonitor()
    drawn = set()
    for call in range(1, 100):
        clock.now += 0.1
        watching(Progress(run, 0, 3, call, 1000, LOSSES, []))
        drawn.add(watching.widget.children[0].value)
    assert 15 <= len(drawn) <= 20  # in 9.9 seconds


def test_a_drawing_that_takes_long_is_made_seldom(run, clock, monkeypatch):
    def slow(_progress):
        clock.now += 1
        return ""

    monkeypatch.setattr(monitor, "curve_panels", slow)
    watching = TrainingMonitor()
    began = clock.now
    drawing = 0
    for call in range(1, 1000):
        before = clock.now
        watching(Progress(run, 0, 3, call, 1000, LOSSES, []))
        drawing += clock.now - before
        clock.now += 1
    assert 1 <= drawing <= 0.02 * (clock.now - began)


def test_the_end_is_always_drawn(run, clock):
    watching = TrainingMonitor()
    watching(progress_of(run))
    watching(progress_of(run, epoch=3, step=0, losses={}))
    assert "finished, 3 of 3 epochs" in shown(watching)
    assert "after epoch 3" in shown(watching)
    assert shown(watching).count("data:image/png") == 1


def test_the_time_left_follows_from_the_pace_of_this_session(run, clock):
    watching = TrainingMonitor()
    watching(progress_of(run, epoch=1, step=0))  # resumed: 12 steps were there before
    clock.now += 60
    watching(progress_of(run, epoch=1, step=6))  # 6 steps a minute, 18 are left
    assert "About 3 minutes left" in shown(watching)


def test_a_second_run_starts_from_scratch(run, clock, tmp_path, street_data, smoke_config):
    watching = TrainingMonitor()
    watching(progress_of(run, epoch=3, step=0, losses={}))
    other = make_run(tmp_path / "other", smoke_config, street_data)
    watching(progress_of(other, epoch=0, step=1))
    assert "epoch 1 of 3" in shown(watching) and "left" not in shown(watching)
    assert "data:image/png" not in shown(watching)


def test_it_never_raises_into_the_training(run, clock, monkeypatch):
    monkeypatch.setattr(monitor, "curve_panels", lambda _progress: 1 / 0)
    watching = TrainingMonitor()
    watching(progress_of(run))
    assert isinstance(watching.problem, ZeroDivisionError)
    assert "the training continues" in shown(watching)


def test_a_missing_sample_grid_is_said(run, clock):
    (run.samples / "epoch-0001.png").unlink()
    watching = TrainingMonitor()
    watching(progress_of(run))
    assert watching.problem is None
    assert "epoch-0001.png is missing" in shown(watching)


def test_it_follows_a_training_prints_nothing_and_changes_no_number(
    tmp_path, smoke_config, street_data, finished_run, capsys
):
    watching = TrainingMonitor()
    run = train(smoke_config, street_data, tmp_path, DEVICE, progress=False, on_progress=watching)
    assert watching.problem is None
    assert "finished, 2 of 2 epochs" in shown(watching)
    assert f"{run.read_history()[-1]['val_ssim']:.3f}" in shown(watching)
    assert capsys.readouterr() == ("", "")
    losses, unwatched = ([row["l1"] for row in one.read_history()] for one in (run, finished_run))
    assert losses == unwatched


def test_a_loaded_run_shows_its_final_state(finished_run):
    watching = TrainingMonitor()
    watching.show(finished_run)
    assert "finished, 2 of 2 epochs" in shown(watching)
    assert re.search(r"after epoch 2.*data:image/png", shown(watching))
