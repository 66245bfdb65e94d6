"""The winner against the default: with fresh seeds, on test, once."""

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.files import read_json
from pix2pix_utils.training.runs import find_runs
from pix2pix_utils.tuning import confirmation
from pix2pix_utils.tuning.confirmation import confirm, confirmation_text
from pix2pix_utils.tuning.searching import search

CPU = torch.device("cpu")


@pytest.fixture
def searched(make_study):
    """A function that gives a study whose trials have ended, of one epoch each."""

    def make(*searches, **options):
        study = make_study(*searches, settings=["epochs=1"], **options)
        search(study, CPU, progress=False)
        return study

    return make


def test_winner_and_default_are_compared_on_seeds_that_the_search_has_not_used(searched):
    study = searched("learning_rate=1e-3,1e-2", sampler="grid", trials=2)
    best = max(study.trials(), key=lambda trial: trial.val_ssim)
    result = confirm(study, 2, CPU, progress=False)
    assert result["params"] == best.params and result["searched"] == best.val_ssim
    assert result["seeds"] == [1, 2]
    means = {}
    for run in find_runs(study.root)[0]:
        rate, seed = run.config.learning_rate, run.config.seed
        means[rate, seed] = run.result()["ssim"]["eval"]
    default, winner = study.plan.config.learning_rate, float(best.params["learning_rate"])
    for split in ("val", "test"):
        for model, rate in (("default", default), ("winner", winner)):
            seeds = [means[rate, seed][split]["mean"] for seed in (1, 2)]
            assert result[split][model]["seeds"] == pytest.approx(seeds, abs=1e-5)
            assert result[split][model]["mean"] == pytest.approx(sum(seeds) / 2, abs=1e-5)
        difference = result[split]["winner"]["mean"] - result[split]["default"]["mean"]
        assert result[split]["difference"]["mean"] == pytest.approx(difference, abs=1e-5)
        assert {"low", "high", "p_value"} <= result[split]["difference"].keys()
    assert read_json(study.folder / "confirmation.json") == result
    text = confirmation_text(result)
    assert text.startswith("2 fresh seeds: 1, 2\nval   default 0.")
    assert "\ntest  default 0." in text and "the search promised" in text


def test_a_study_is_confirmed_once(searched, make_study, monkeypatch):
    study = searched("alpha=1,10", sampler="grid", trials=2)
    result = confirm(study, 1, CPU, progress=False)
    monkeypatch.setattr(confirmation, "train_once", None)
    assert confirm(study, 3, CPU) == result
    same = make_study("alpha=1,10", sampler="grid", trials=2, settings=["epochs=1"])
    assert confirm(same, 1, CPU) == result  # another process


def test_a_confirmation_that_was_stopped_goes_on_with_what_it_had_chosen(searched, monkeypatch):
    study = searched("alpha=1,10", sampler="grid", trials=2)
    train_once, trained = confirmation.train_once, []

    def stop_at_the_second(config, *arguments):
        if len(trained) == 1:
            raise KeyboardInterrupt
        trained.append(config.seed)
        return train_once(config, *arguments)

    monkeypatch.setattr(confirmation, "train_once", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        confirm(study, 2, CPU, progress=False)
    chosen = study.note("confirmation")
    assert "test" not in chosen
    monkeypatch.setattr(confirmation, "train_once", train_once)
    result = confirm(study, 5, CPU, progress=False)
    assert result["seeds"] == chosen["seeds"] == [1, 2]
    assert result["params"] == chosen["params"]


def test_a_search_over_nothing_keeps_nothing(searched):
    """Trials that differ in their seed alone: the best one is no better with a new seed."""
    study = searched("seed=0,2", sampler="grid", trials=2)
    result = confirm(study, 2, CPU, progress=False)
    assert result["seeds"] == [1, 3]
    assert result["val"]["difference"]["mean"] == result["test"]["difference"]["mean"] == 0
    assert result["searched"] == max(trial.val_ssim for trial in study.trials())


def test_there_is_nothing_to_confirm_before_the_search_has_ended(make_study):
    message = one_sentence(lambda: confirm(make_study(), 1, CPU))
    assert "the search is not done" in message


def test_a_study_without_a_winner_cannot_be_confirmed(searched):
    study = searched("learning_rate=1e30", sampler="grid", trials=1)
    assert "no trial is complete" in one_sentence(lambda: confirm(study, 1, CPU))
