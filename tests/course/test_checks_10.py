"""The exercise checks of notebook 10: right answers pass; wrong and lazy ones get a hint."""

import itertools
import math

import numpy as np
import torch
from exercise_answers import each, judged, passes

from pix2pix_utils.course.checks import notebook_10
from pix2pix_utils.tuning.luck import best_of_curve, expected_maximum


def mean_best(scores, n, choose=itertools.combinations):
    return np.mean([max(chosen) for chosen in choose(scores, n)])


@each(
    right=[mean_best, lambda scores, n: torch.tensor(best_of_curve(scores)[n - 1]["mean"])],
    wrong=[
        lambda scores, n: mean_best(scores, n, lambda s, k: itertools.product(s, repeat=k)),
        lambda scores, n: max(scores[:n]),
        lambda scores, n: np.mean([min(one) for one in itertools.combinations(scores, n)]),
        lambda scores, n: np.mean(sorted(scores)[-n:]),
    ],
    lazy=[0.45, lambda scores, n: max(scores)],
)
def test_10_1_the_best_of_n(answer, is_right):
    judged(is_right, notebook_10.exercise_1, answer)


def halving(curves, drop_at_the_end=False, keep=math.ceil, up_to=None):
    alive, trained = np.arange(len(curves)), 0
    epochs = curves.shape[1] if up_to is None else up_to(curves.shape[1])
    for epoch in range(epochs):
        trained += len(alive)
        alive = alive[np.argsort(-curves[alive, epoch])]
        if drop_at_the_end or epoch + 1 < epochs:
            alive = alive[: max(1, keep(len(alive) / 2))]
    return alive[0], trained


@each(
    right=[halving, lambda curves: list(halving(curves, drop_at_the_end=True))],
    wrong=[
        lambda curves: halving(curves, keep=math.floor),
        lambda curves: (curves[:, -1].argmax(), halving(curves)[1]),
        lambda curves: halving(-curves),
        lambda curves: halving(curves, up_to=lambda epochs: epochs - 1),
        lambda curves: halving(curves)[::-1],
    ],
    lazy=[(3, 14), lambda curves: (curves[:, -1].argmax(), curves.size), lambda curves: (0, 14)],
)
def test_10_2_successive_halving(answer, is_right):
    judged(is_right, notebook_10.exercise_2, answer)


def curse(n, quality, luck):
    return expected_maximum(n) * luck**2 / math.hypot(quality, luck)


def simulated(n, quality, luck, draws=20_000):
    random = np.random.default_rng(0)
    qualities = random.normal(0, quality, (draws, n))
    scores = qualities + random.normal(0, luck, (draws, n))
    chosen = scores.argmax(axis=1)[:, None]
    return np.take_along_axis(scores - qualities, chosen, axis=1).mean()


@each(
    right=[curse, simulated],
    wrong=[
        lambda n, quality, luck: expected_maximum(n) * luck,
        lambda n, quality, luck: expected_maximum(n) * math.hypot(quality, luck),
        lambda n, quality, luck: curse(n, luck, quality),
        lambda n, quality, luck: curse(n, quality, luck) - curse(1, quality, luck) + 0.2,
    ],
    lazy=[0.5, lambda n, quality, luck: 0.0],
)
def test_10_3_the_winners_curse(answer, is_right):
    judged(is_right, notebook_10.exercise_3, answer)


def test_10_3_accepts_any_fair_simulation():
    """The allowance is wide enough for one of 5,000 searches, with any seed."""
    for _ in range(5):
        assert passes(notebook_10.exercise_3, lambda *case: simulated(*case, draws=5_000))
