"""A search: trains every trial, prunes, survives stops and failures, writes what it found."""

import csv
import signal

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import read_json
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.runs import find_runs
from pix2pix_utils.training.trainer import Diverged
from pix2pix_utils.tuning import searching
from pix2pix_utils.tuning.searching import search
from pix2pix_utils.tuning.trials import best_trial

CPU = torch.device("cpu")
DIVERGED = "val_ssim is nan in epoch 1 by step 3: training has diverged; try a smaller one"


def states(study) -> list[str]:
    return [trial.state for trial in study.trials()]


def test_a_search_trains_its_budget_and_writes_what_it_found(make_study, pretended_training):
    study, seen = make_study(trials=6), []
    trials = search(study, CPU, progress=False, on_trial=seen.append)
    assert len(pretended_training) == 6 and seen == trials == study.trials()
    best = best_trial(trials)
    assert best.val_ssim == max(trial.val_ssim for trial in trials)
    assert abs(best.params["alpha"] - 10) == min(abs(t.params["alpha"] - 10) for t in trials)
    with (study.folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == list("123456")
    assert float(rows[best.number - 1]["alpha"]) == best.params["alpha"]
    assert rows[0]["state"] == "complete" and rows[0]["epochs"] == "2"
    record = read_json(study.folder / "best.json")
    assert record["best"]["settings"] == [f"alpha={best.params['alpha']!r}"]
    assert record["trials"] == {"complete": 6, "pruned": 0, "diverged": 0}
    assert record["train_seconds"] == 12.0
    assert search(make_study(trials=6), CPU, progress=False) == trials
    assert len(pretended_training) == 6  # nothing is trained twice


def test_what_random_and_grid_try_does_not_depend_on_the_order(make_study, pretended_training):
    """The score of a slot is that of its values, whoever trains it, and after which others."""
    whole = search(make_study(trials=5), CPU, progress=False)
    first = search(make_study(trials=3), CPU, progress=False)
    assert [t.params for t in first] == [t.params for t in whole]  # it already has five
    apart = make_study(trials=5, storage=make_study().root / "other.sqlite3")
    assert [t.params for t in search(apart, CPU, progress=False)] == [t.params for t in whole]


def test_a_poor_trial_is_pruned(make_study, pretended_training):
    study = make_study(trials=10, prune=True, settings=["epochs=4"])
    trials = search(study, CPU, progress=False)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned and all(trial.number > 5 for trial in pruned)  # the first five set the median
    complete = [trial for trial in trials if trial.state == "complete"]
    for trial in pruned:
        assert len(trial.curve) == 1  # here a poor trial is poor from the first epoch on
        earlier = [other for other in complete if other.number < trial.number]
        better = sum(other.curve[0] > trial.curve[0] for other in earlier)
        assert better >= len(earlier) / 2
        assert trial.val_ssim == trial.curve[0] and trial.seconds == 1.0
    assert len(pretended_training) == 10 - len(pruned)
    assert best_trial(trials).state == "complete"


def test_the_last_epoch_is_never_pruned(make_study, pretended_training):
    trials = search(make_study(trials=7, prune=True, settings=["epochs=1"]), CPU, progress=False)
    assert {trial.state for trial in trials} == {"complete"}


def test_a_diverged_training_is_an_outcome(make_study, pretended_training):
    def diverge(config):
        if config.alpha > 10:
            raise Diverged(DIVERGED)

    pretended_training.before = diverge
    study = make_study(trials=6)
    trials = search(study, CPU, progress=False)
    assert {trial.state for trial in trials} == {"complete", "diverged"}
    for trial in trials:
        assert (trial.state == "diverged") == (trial.params["alpha"] > 10)
    assert study.is_done() and best_trial(trials).params["alpha"] <= 10


@pytest.mark.parametrize("error", [UserError("the disk is full"), Interrupted(signal.SIGTERM)])
def test_a_trial_that_was_stopped_is_free_at_once(make_study, pretended_training, error):
    def stop(config):
        if len(pretended_training) == 2:
            raise error

    pretended_training.before = stop
    with pytest.raises(type(error)):
        search(make_study(), CPU, progress=False)
    pretended_training.before = lambda config: None
    search(make_study(), CPU, progress=False)
    assert states(make_study()) == ["complete"] * 4
    assert len(pretended_training) == len({config.alpha for config in pretended_training}) == 4


def test_a_search_waits_for_the_trials_of_others(make_study, pretended_training, monkeypatch):
    """And takes over the one whose process dies meanwhile."""
    from pix2pix_utils.tuning.presence import Presence

    study = make_study()
    other = Presence(study.root / "processes")
    study.fill()
    study.claim(other)
    waited = []

    def wait(seconds):
        waited.append(states(study).count("running"))
        if len(waited) == 3:
            other._lock.release()

    monkeypatch.setattr(searching.time, "sleep", wait)
    search(make_study(), CPU, progress=False)
    assert waited == [1, 1, 1] and states(study) == ["complete"] * 4
    assert len(pretended_training) == 4


def test_a_confirmed_study_gets_no_more_trials(make_study, pretended_training):
    study = make_study()
    search(study, CPU, progress=False)
    study.set_note("confirmation", {"seeds": [1]})
    search(make_study(), CPU, progress=False)
    message = one_sentence(lambda: search(make_study(trials=5), CPU, progress=False))
    assert "has been confirmed on test" in message


def test_the_storage_can_vanish_with_one_sentence(make_study, pretended_training):
    study = make_study()

    def vanish(config):
        study._storage.engine.dispose()
        study.address.unlink()

    pretended_training.before = vanish
    message = one_sentence(lambda: search(study, CPU, progress=False))
    assert f"cannot use the storage {study.address}" in message


# ---- with real training


def test_trials_are_runs_that_studies_share_and_pruning_stops(make_study, monkeypatch):
    study = make_study("learning_rate=1e-6,1e-3", sampler="grid", trials=2)
    trials = search(study, CPU, progress=False)
    runs, unusable = find_runs(study.root)
    assert len(runs) == 2 and not unusable and all(run.is_finished for run in runs)
    by_name = {run.folder.name: run for run in runs}
    for trial in trials:
        run = by_name[trial.run]
        assert run.config.learning_rate == float(trial.params["learning_rate"])
        assert trial.val_ssim == run.result()["ssim"]["eval"]["val"]["mean"]
        assert list(trial.curve) == [epoch["val_ssim"] for epoch in run.read_history()]
    monkeypatch.setattr(searching, "train_experiment", None)  # nothing is left to be trained
    with pytest.raises(TypeError):
        search(make_study("alpha=1,2", sampler="grid", trials=2), CPU, progress=False)
    again = make_study("learning_rate=1e-6,1e-3", sampler="random", trials=1)
    with pytest.raises(TypeError):
        search(again, CPU, progress=False)


def test_a_pruned_run_can_be_resumed_by_a_study_without_pruning(make_study):
    import optuna

    class Strict(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return True

    study = make_study(trials=1, prune=True, settings=["epochs=3"])
    study._optuna.pruner = Strict()
    (pruned,) = search(study, CPU, progress=False)
    assert (pruned.state, len(pruned.curve)) == ("pruned", 1)
    (run,) = find_runs(study.root)[0]
    assert not run.is_finished and len(run.read_history()) == 1
    (whole,) = search(make_study(trials=1, settings=["epochs=3"]), CPU, progress=False)
    assert whole.run == pruned.run and whole.curve[:1] == pruned.curve
    assert (whole.state, len(whole.curve)) == ("complete", 3)


def test_a_precision_of_auto_is_that_of_the_device(make_study):
    study = make_study("alpha=1,2", sampler="grid", trials=2, settings=["precision=auto"])
    search(study, CPU, progress=False)
    runs = find_runs(study.root)[0]
    assert [run.config.precision for run in runs] == ["fp32"] * 2


def test_a_learning_rate_that_is_far_too_large_diverges(make_study):
    study = make_study("learning_rate=1e-4,1e30", sampler="grid", trials=2)
    trials = search(study, CPU, progress=False)
    assert {t.params["learning_rate"]: t.state for t in trials} == {
        "1e-4": "complete",
        "1e30": "diverged",
    }
