"""What the next trial tries: grid search, random search and TPE.

The points of a grid and of a random search follow from the seed and the trial's number alone, so
they do not depend on which process trains which trial, or when. TPE learns from the trials that
have finished by then: with one process it is reproducible, with several it is not.
"""

import hashlib
import itertools
import math
import warnings

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from pix2pix_utils.errors import UserError
from pix2pix_utils.tuning.plan import Plan
from pix2pix_utils.tuning.space import Choice, Range, Space, Value

STARTUP = 5  # random trials before TPE has something to learn from; Optuna's default is 10


def random_point(space: Space, seed: int, number: int) -> dict[str, Value]:
    """The values of trial `number`, from 0, of a random search (Bergstra and Bengio 2012)."""
    places = np.random.default_rng([seed, number]).random(len(space))
    return {
        key: dimension.at(float(place))
        for (key, dimension), place in zip(space.items(), places, strict=True)
    }


def grid_points(space: Space, trials: int, seed: int) -> list[dict[str, Value]]:
    """The points of the largest even grid of at most `trials`, in random order.

    Every range has as many levels as the others, or one more, as far as it has them; a choice has
    all its values. Raises UserError if not even two levels of each range fit.
    """
    levels: dict[str, list[Value]] = {
        key: list(dimension.values) if isinstance(dimension, Choice) else dimension.levels(2)
        for key, dimension in space.items()
    }
    smallest = _product(levels)
    if smallest > trials:
        raise UserError(
            f"a grid over {', '.join(space)} has at least {smallest} points, more than "
            f"{trials} trials: use --trials {smallest}, or another sampler"
        )
    growing = [key for key, dimension in space.items() if isinstance(dimension, Range)]
    while growing:
        key = min(growing, key=lambda key: len(levels[key]))
        finer = space[key].levels(len(levels[key]) + 1)  # type: ignore[union-attr]
        larger = {**levels, key: finer}
        if len(finer) == len(levels[key]) or _product(larger) > trials:
            growing.remove(key)
        else:
            levels = larger
    points = [
        dict(zip(levels, values, strict=True)) for values in itertools.product(*levels.values())
    ]
    return [points[index] for index in np.random.default_rng(seed).permutation(len(points))]


def planned_points(plan: Plan) -> list[dict[str, Value]]:
    """The values of every trial as far as they are known beforehand.

    TPE begins with the points of the random search; the later ones are empty.
    """
    seed = plan.config.seed
    if plan.sampler == "grid":
        return grid_points(plan.space, plan.trials, seed)
    known = plan.trials if plan.sampler == "random" else min(STARTUP, plan.trials)
    points = [random_point(plan.space, seed, number) for number in range(known)]
    return points + [{}] * (plan.trials - known)


class TPE(optuna.samplers.BaseSampler):
    """The tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna, seeded for each trial.

    Of the finished trials, it takes the best few and the others, estimates the density l(x) of a
    hyper-parameter in the first and g(x) in the second, and of some values that it draws from l it
    tries the one with the largest l(x) / g(x). Trials that are still running count as bad ones, so
    that several processes do not try the same.
    """

    def __init__(self, seed: int):
        self._seed = seed

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}  # each hyper-parameter by itself

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Value]:
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Value:
        identity = f"{self._seed}, {trial.user_attrs.get('slot')}, {param_name}"
        seed = int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=4).digest(), "little")
        with warnings.catch_warnings():  # before Optuna 5 it calls `constant_liar` experimental
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=STARTUP, multivariate=False, constant_liar=True
            )
        return sampler.sample_independent(study, trial, param_name, param_distribution)


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Value]:
    """The values of a trial: those that it was planned with, the others from the sampler."""
    params: dict[str, Value] = {}
    for key, dimension in space.items():
        if isinstance(dimension, Choice):
            params[key] = trial.suggest_categorical(key, dimension.values)
        elif dimension.is_whole:
            low, high = int(dimension.low), int(dimension.high)
            params[key] = trial.suggest_int(key, low, high, log=dimension.log)
        else:
            params[key] = trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log)
    return params


def _product(levels: dict[str, list[Value]]) -> int:
    return math.prod(map(len, levels.values()))
