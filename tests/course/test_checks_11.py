"""The exercise checks of notebook 11: right answers pass; wrong and lazy ones get a hint."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from exercise_answers import each, judged

from pix2pix_utils.course.checks import notebook_11
from pix2pix_utils.figures import non_dominated
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run


def steps(decay, share):
    return math.log(1 - share) / math.log(decay)


def counted(decay, share):
    """By adding up the weights, from the most recent step."""
    total, count = 0.0, 0
    while total < share:
        total += (1 - decay) * decay**count
        count += 1
    return count


@each(
    right=[steps, counted, lambda decay, share: math.floor(steps(decay, share))],
    wrong=[
        lambda decay, share: math.log(share) / math.log(decay),
        lambda decay, share: share / (1 - decay),
        lambda decay, share: -steps(decay, share),
    ],
    lazy=[230, lambda decay, share: 230],
)
def test_11_1_the_memory_of_an_average(answer, is_right):
    judged(is_right, notebook_11.exercise_1, answer)


def frontier(points, better=lambda one, two: one[0] <= two[0] and one[1] >= two[1]):
    def beaten(point):
        return any(other != point and better(other, point) for other in points.values())

    return {name for name, point in points.items() if not beaten(point)}


@each(
    right=[frontier, non_dominated, lambda points: tuple(frontier(points))],
    wrong=[
        lambda points: frontier(points, lambda a, b: a[0] < b[0] and a[1] > b[1]),  # ties
        lambda points: frontier(points, lambda a, b: a[0] >= b[0] and a[1] <= b[1]),
        lambda points: {max(points, key=lambda n: points[n][1])},
        lambda points: {points[name] for name in frontier(points)},
    ],
    lazy=[{"best-ssim", "best-look"}, lambda points: set(points)],
)
def test_11_2_the_frontier(answer, is_right):
    judged(is_right, notebook_11.exercise_2, answer)


@dataclass(frozen=True)
class Untrained(Run):
    """A run that only says whether it is finished."""

    finished: bool = True

    @property
    def is_finished(self):
        return self.finished


def run(*settings, experiment="best-ssim", seed=0, finished=True, **changes):
    config = replace(configure(experiment, "smoke", seed, list(settings)), **changes)
    return Untrained(Path("run"), config, finished)


ALONE = ("label_input=rgb", "average_decay=0")


@each(
    right=[run(*ALONE)],
    wrong=[
        run(),
        run(*ALONE[:1]),
        run(*ALONE, "ssim_weight=0"),
        run(*ALONE, seed=1),
        run(*ALONE, finished=False),
        run(*ALONE, experiment="best-look"),
    ],
    lazy=[0.5, run().config],
)
def test_11_3_the_loss_alone(answer, is_right):
    judged(is_right, notebook_11.exercise_3, answer, config=run().config)
