"""Records of trials, and the importance of their hyper-parameters."""

import numpy as np
import optuna
import pytest

from pix2pix_utils.tuning.samplers import random_point
from pix2pix_utils.tuning.space import Range
from pix2pix_utils.tuning.trials import (
    Trial,
    best_so_far,
    best_trial,
    importances,
    summary,
    summary_text,
    trial_text,
)

SPACE = {"alpha": Range(0.0, 1.0), "beta1": Range(0.0, 1.0), "beta2": Range(0.0, 1.0)}
ANY = optuna.distributions.FloatDistribution(0.0, 1.0)


def trial(number, score, state="complete", curve=None, **params):
    params = params or {"alpha": 0.5}
    distributions = dict.fromkeys(params, ANY)
    curve = (score,) if curve is None else curve
    return Trial(number, state, params, curve, score, 2.0, f"run-{number}", distributions)


TRIALS = [
    trial(1, 0.3),
    trial(2, 0.9, "pruned"),
    trial(3, None, "diverged", curve=()),
    trial(4, 0.4, alpha=0.125),
    trial(5, 0.4),
]


def test_only_complete_trials_can_win():
    assert best_trial(TRIALS) is TRIALS[3]
    assert best_trial(TRIALS[1:3]) is None
    assert best_so_far(TRIALS).tolist() == [0.3, 0.3, 0.3, 0.4, 0.4]
    assert np.isnan(best_so_far(TRIALS[1:3])).all()


def test_a_trial_in_one_line():
    assert trial_text(TRIALS[0]) == "trial 1: val SSIM 0.3000, 2 s; alpha=0.5"
    assert (
        trial_text(TRIALS[1]) == "trial 2: stopped after 1 epoch, val SSIM 0.9000, 2 s; alpha=0.5"
    )
    assert trial_text(TRIALS[2]) == "trial 3: diverged, no score, 2 s; alpha=0.5"


def test_the_summary_counts_and_names_the_best():
    found = summary(TRIALS)
    assert found["trials"] == {"complete": 3, "pruned": 1, "diverged": 1}
    assert (found["epochs"], found["train_seconds"]) == (4, 10.0)
    assert found["best"]["settings"] == ["alpha=0.125"]
    text = summary_text(TRIALS)
    assert "3 complete, 1 pruned, 1 diverged; 4 epochs, 10 s" in text
    assert "best: trial 4, val SSIM 0.4: --set alpha=0.125" in text
    assert "there is no best one" in summary_text(TRIALS[1:3])


def searched(count, score):
    points = [random_point(SPACE, 3, number) for number in range(count)]
    return [trial(n, score(point), **point) for n, point in enumerate(points, start=1)]


def test_the_hyper_parameter_that_matters_is_important_beyond_chance():
    found = importances(searched(40, lambda point: 0.4 - abs(point["beta1"] - 0.8)))
    assert next(iter(found)) == "beta1"
    assert found["beta1"]["importance"] > found["beta1"]["chance"]
    assert sum(one["importance"] for one in found.values()) == pytest.approx(1)
    for key in ("alpha", "beta2"):
        assert found[key]["importance"] < found[key]["chance"]
    assert found == importances(searched(40, lambda point: 0.4 - abs(point["beta1"] - 0.8)))


def test_scores_of_chance_alone_show_importances_that_chance_explains():
    random, beyond = np.random.default_rng(0), 0
    for _ in range(5):
        found = importances(searched(20, lambda point: float(random.random())), shuffles=20)
        beyond += sum(one["importance"] > one["chance"] for one in found.values())
    assert beyond <= 3  # of 15; one in twenty is expected


def test_a_few_trials_have_no_importances():
    assert importances(TRIALS) == {}
