"""The exercises of notebook 11."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pix2pix_utils.course.checks.comparing import settings_that_differ
from pix2pix_utils.course.checks.forms import finished_run, function, number
from pix2pix_utils.figures.frontier import non_dominated
from pix2pix_utils.training.config import Config

ALONE = {"label_input": "rgb", "average_decay": 0.0}


def exercise_1(answer: Any) -> str | None:
    """`answer(decay, share)`: how many of the last steps carry this share of the average."""
    answer = function(answer)
    for decay in (0.9, 0.99, 0.999, float(np.random.default_rng().uniform(0.8, 0.995))):
        for share in (0.5, 0.8, 0.95):
            right, given = math.log(1 - share) / math.log(decay), number(answer(decay, share))
            if abs(given - math.log(share) / math.log(decay)) <= 1 < abs(given - right):
                return "That is after how many steps a step's own weight has fallen to the share."
            if abs(given - right) > 1:  # rounded up, down or not at all
                return (
                    "The n most recent steps together carry 1 - decay ** n: solve that for n. Of "
                    f"an average with decay {decay}, {given:.0f} steps carry "
                    f"{1 - decay ** max(given, 0):.0%}, not {share:.0%}."
                )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(points)`: the set of names whose (kernel distance, SSIM) no other point beats."""
    answer = function(answer)
    random = np.random.default_rng()
    for count in (1, 2, 5, 30):
        for _ in range(10):
            values = random.integers(0, 6, size=(count, 2)) / 10  # equal points and ties occur
            points = {f"model {n}": (float(x), float(y)) for n, (x, y) in enumerate(values)}
            found = answer(dict(points))
            if isinstance(found, str) or not all(isinstance(name, str) for name in found):
                return "Return the names of the points, as a set."
            if set(found) != set(non_dominated(points)):
                return _frontier_hint(set(found), points)
    return None


def _frontier_hint(found: set[str], points: dict[str, tuple[float, float]]) -> str:
    mirrored = non_dominated({name: (-x, -y) for name, (x, y) in points.items()})
    if found == set(mirrored):
        return "That is the worst side: a low distance is good, and so is a high SSIM."
    if unknown := found - points.keys():
        return f"There is no point called {min(unknown)}."
    if missing := set(non_dominated(points)) - found:
        name = min(missing)
        return f"No point beats {points[name]} of {sorted(points.values())}; equal ones stay."
    name = min(found - set(non_dominated(points)))
    return f"{points[name]} is beaten by another of {sorted(points.values())}."


def exercise_3(answer: Any, *, config: Config) -> str | None:
    """A run of this configuration, but with label colours and no average."""
    own = finished_run(answer).config
    if wrong := settings_that_differ(answer, ALONE):
        return f"Take both ingredients away, but not the loss: {wrong}."
    if replace(own, **{name: getattr(config, name) for name in ALONE}) != config:
        return "Everything else, the loss and the seed among it, should be as in `best-ssim`."
    return None


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
}
