"""What grid, random search and TPE try, and what that depends on."""

from collections import Counter

import numpy as np
import optuna
import pytest
from messages import one_sentence

from pix2pix_utils.tuning.plan import Plan
from pix2pix_utils.tuning.samplers import (
    STARTUP,
    TPE,
    grid_points,
    planned_points,
    random_point,
    suggest,
)
from pix2pix_utils.tuning.space import Choice, Range

PLANE = {"alpha": Range(1.0, 100.0, log=True), "beta1": Range(0.0, 0.9)}


def test_a_random_point_depends_on_seed_and_number_alone():
    points = [random_point(PLANE, 0, number) for number in range(50)]
    assert random_point(PLANE, 0, 7) == points[7]
    assert random_point(PLANE, 1, 7) != points[7]
    assert len({point["alpha"] for point in points}) == 50
    places = np.log(np.array([point["alpha"] for point in points])) / np.log(100)
    others = np.array([point["beta1"] for point in points]) / 0.9
    for coordinate in (places, others):  # uniform, and independent of each other
        assert coordinate.min() >= 0 and coordinate.max() <= 1
        assert abs(coordinate.mean() - 0.5) < 0.15
    assert abs(np.corrcoef(places, others)[0, 1]) < 0.3


@pytest.mark.parametrize(
    ("trials", "shape"), [(4, (2, 2)), (9, (3, 3)), (11, (3, 3)), (12, (4, 3)), (15, (5, 3))]
)
def test_a_grid_is_as_large_and_as_even_as_its_budget_allows(trials, shape):
    points = grid_points(PLANE, trials, seed=0)
    assert len(points) == np.prod(shape) <= trials
    levels = tuple(sorted({point[key] for point in points}) for key in PLANE)
    assert tuple(map(len, levels)) == shape
    assert len({tuple(point.values()) for point in points}) == len(points)
    assert levels[0][0] == 1.0 and levels[0][-1] == 100.0


def test_a_grid_has_every_choice_and_no_whole_number_twice():
    space = {"epochs": Range(1, 3), "loss": Choice(("bce", "mse"))}
    points = grid_points(space, 50, seed=0)
    assert Counter(point["loss"] for point in points) == {"bce": 3, "mse": 3}
    ordered = grid_points(space, 50, seed=1)
    assert points != ordered and sorted(map(str, points)) == sorted(map(str, ordered))
    message = one_sentence(lambda: grid_points(space, 3, seed=0))
    assert "a grid over epochs, loss has at least 4 points" in message and "--trials 4" in message


def test_tpe_begins_with_the_points_of_the_random_search(smoke_config):
    random, tpe = (
        planned_points(Plan(smoke_config, PLANE, sampler, 8)) for sampler in ("random", "tpe")
    )
    assert tpe[:STARTUP] == random[:STARTUP]
    assert tpe[STARTUP:] == [{}] * 3
    assert len(planned_points(Plan(smoke_config, PLANE, "tpe", 2))) == 2
    longer = planned_points(Plan(smoke_config, PLANE, "random", 20))
    assert longer[:8] == random  # more trials continue a search


def searched_by_tpe(seed: int, trials: int = 25) -> list[dict]:
    study = optuna.create_study(direction="maximize", sampler=TPE(seed))
    for slot in range(trials):
        known = random_point(PLANE, seed, slot) if slot < STARTUP else {}
        study.enqueue_trial(known, user_attrs={"slot": slot})
        trial = study.ask()
        params = suggest(trial, PLANE)
        study.tell(trial, -abs(np.log10(params["alpha"]) - 1.2))
    return [trial.params for trial in study.trials]


def test_tpe_finds_what_matters_and_can_be_repeated():
    tried = [searched_by_tpe(seed) for seed in range(3)]
    assert tried[0] == searched_by_tpe(0)
    distance = np.abs(np.log10([[one["alpha"] for one in trials] for trials in tried]) - 1.2)
    assert distance[:, -10:].mean() < 0.7 * distance[:, :STARTUP].mean()
    alike = np.corrcoef([(np.log10(one["alpha"]), one["beta1"]) for one in tried[0]], rowvar=False)
    assert abs(alike[0, 1]) < 0.9  # each hyper-parameter has random numbers of its own


def test_suggestions_have_the_types_of_the_settings():
    space = {"epochs": Range(1, 8, log=True), "loss": Choice(("bce", "mse")), **PLANE}
    study = optuna.create_study(sampler=TPE(0))
    study.enqueue_trial({"beta1": 0.25}, user_attrs={"slot": 0})
    trial = study.ask()
    params = suggest(trial, space)
    assert params["beta1"] == 0.25
    assert isinstance(params["epochs"], int) and params["loss"] in ("bce", "mse")
    assert isinstance(params["alpha"], float) and 1 <= params["alpha"] <= 100


def test_a_plan_names_its_mistakes(smoke_config):
    assert "did you mean 'tpe'" in one_sentence(lambda: Plan(smoke_config, PLANE, "tpee"))
    assert "trials is 0" in one_sentence(lambda: Plan(smoke_config, PLANE, trials=0))
