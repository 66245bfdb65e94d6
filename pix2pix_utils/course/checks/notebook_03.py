"""The exercises of notebook 3."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from pix2pix_utils.course.checks.comparing import close
from pix2pix_utils.course.checks.forms import finished_run, function, number
from pix2pix_utils.course.checks.probes import noisy, stretched_sigmoid
from pix2pix_utils.data.pairs import StreetPairs, to_signed, to_unit
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.evaluation.predictors import predictions
from pix2pix_utils.losses.objective import build_objective

UNSEEN_SCENES = 70_000_000  # the first scene that no split and no cell of a notebook draws
UNSEEN_SIZE = 32  # pixels


def exercise_1(answer: Any) -> str | None:
    """`answer(squash, kind)`: from which score on a function such as sigmoid is exactly 1.

    `kind` is a dtype of torch; scores are tried in steps of 0.1.
    """
    answer = function(answer)
    stretch = float(np.random.default_rng().uniform(0.7, 1.3))
    squashes: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
        torch.sigmoid,
        torch.tanh,
        partial(stretched_sigmoid, stretch),
    )
    for kind in (torch.float16, torch.bfloat16, torch.float32):
        scores = torch.arange(0, 40, 0.1).to(kind)
        for squash in squashes:
            right = float(scores[squash(scores) == 1][0])
            given = number(answer(squash, kind))
            if abs(given - right) > 0.15:
                return (
                    f"In {kind} it is {given:g} for a function that is first exactly 1 at "
                    f"{right:.1f}: convert the scores to that kind, then apply the function."
                )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(predict, pairs)`: the alpha with which MSE is worth as much as L1 with 100."""
    answer = function(answer)
    random = np.random.default_rng()
    for noise in random.uniform(0.05, 0.5, 2):
        pairs = _random_pairs(random, 20)
        predict = noisy(float(noise))
        errors = torch.cat(
            [photos - batch["photo"] for batch, photos in predictions(predict, pairs)]
        )
        right = float(100 * errors.abs().mean() / errors.square().mean())
        given = number(answer(predict, pairs))
        if close(given / right, 2, 0.1):
            return "Both distances are those of photos in [-1, 1]; in [0, 1] the ratio is another."
        if not close(given / right, 1, 0.04):
            return (
                "It is 100 times the ratio of the two mean distances over the whole split; "
                "`predictions(predict, pairs)` yields batches and the photos made for them."
            )
    return None


def exercise_3(answer: Any) -> str | None:
    """`answer(looks, photo, t)`: SSIM of a picture between the looks' mean and the first look.

    `looks` are (8, 3, S, S), `photo` is (1, 3, S, S), all in [0, 1].
    """
    answer = function(answer)
    random = np.random.default_rng()
    for t in (0.0, 1.0, *random.uniform(0.1, 0.9, 2)):
        scene = UNSEEN_SCENES + int(random.integers(10_000))
        photos = [draw_street(scene, 0, UNSEEN_SIZE, look)[1] for look in range(9)]
        views = to_unit(to_signed(np.stack(photos)))
        photo, looks = views[:1], views[1:]
        mean = looks.mean(dim=0, keepdim=True)
        right = float(ssim((mean + t * (looks[:1] - mean)).clamp(0, 1), photo))
        given = number(answer(looks.clone(), photo.clone(), float(t)))
        if not close(given, right, 2e-3):
            return (
                f"For t = {t:.2f} it is {given:.3f} instead of {right:.3f}: at 0 the picture is "
                "the mean of the eight looks, at 1 the first look, and SSIM compares with `photo`."
            )
    return None


def exercise_4(answer: Any) -> str | None:
    """A finished run that was trained with least squares after a sigmoid."""
    run = finished_run(answer)
    loss = build_objective(run.config.adversarial_loss, "l1", 100).adversarial
    if loss is None:
        return "This run was trained without an adversarial loss."
    probes = torch.linspace(-4, 6, 9)  # not symmetric: real and generated must not be mixed up
    for real in (True, False):
        if not close(
            loss.discriminator(probes, real), (probes.sigmoid() - float(real)).square().mean()
        ):
            return (
                f"The adversarial loss `{run.config.adversarial_loss}` is not the squared distance "
                "of the sigmoid to 1 for a real pair and to 0 for a generated one."
            )
    if loss.threshold != 0:
        return "A probability of one half is a score of 0, which is the threshold."
    return None


def _random_pairs(random: np.random.Generator, count: int) -> StreetPairs:
    size = UNSEEN_SIZE
    photos = random.integers(40, 216, size=(count, size, size, 3)).astype(np.uint8)
    classes = random.integers(19, size=(count, size, size)).astype(np.uint8)
    return StreetPairs(photos, classes, [f"pair-{i}" for i in range(count)], CITYSCAPES)


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
