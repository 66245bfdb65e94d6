"""The exercises of notebook 6."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torchvision.transforms import v2

from pix2pix_utils.course.checks.forms import finished_run, function, number
from pix2pix_utils.evaluation.metrics import ssim


def exercise_1(answer: Any) -> str | None:
    """`answer(label, photo)`: both halves of the mirrored file photo | label map."""
    answer = function(answer)
    random = torch.Generator()
    random.seed()
    for size in (4, 6):
        label, photo = torch.randn(2, 3, 3, size, size, generator=random)
        halves = answer(label.clone(), photo.clone())
        if len(halves) != 2 or any(half.shape != label.shape for half in halves):
            return "Return two batches of pictures: the label maps, then the photos."
        taken_for_label, taken_for_photo = halves
        if torch.equal(taken_for_label, label.flip(-1)):
            return "The two halves of the mirrored file also change places."
        if not (
            torch.equal(taken_for_label, photo.flip(-1))
            and torch.equal(taken_for_photo, label.flip(-1))
        ):
            return (
                "Write the file as one picture, photo left and label map right, mirror it, cut it "
                "in the middle, and take the left half for the photo as before."
            )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(photos, hue)`: SSIM and L1 of the mean of 8 hue-jittered copies, against the photos.

    `photos` are (N, 3, S, S) in [0, 1]; L1 is in [-1, 1] units. The draws are random, so the check
    allows for chance.
    """
    answer = function(answer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        coarse = torch.rand(24, 3, 4, 4)
        photos = torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")
        for hue in (0.05, 0.25, 0.5):
            change = v2.ColorJitter(hue=hue)
            copies = torch.stack([change(one) for one in photos for _ in range(8)])
            copies = copies.unflatten(0, (len(photos), 8))
            mean = copies.mean(dim=1)
            right_ssim, right_l1 = float(ssim(mean, photos).mean()), _l1(mean, photos)
            given_ssim, given_l1 = (number(value) for value in answer(photos.clone(), hue))
            if abs(given_l1 - right_l1 / 2) < 0.15 * right_l1 / 2:
                return "L1 in [-1, 1] units is twice that of photos in [0, 1]."
            of_copies = _l1(copies.flatten(0, 1), photos.repeat_interleave(8, dim=0))
            if abs(given_l1 - right_l1) > abs(given_l1 - of_copies):
                return "Average the eight copies first, then score their mean."
            if abs(given_l1 / right_l1 - 1) > 0.2 or abs(given_ssim - right_ssim) > 0.03:
                return (
                    "Jitter each photo eight times with its own random draw, average the copies, "
                    "and score the mean against the photos, which were not jittered: SSIM, then L1."
                )
    return None


def exercise_3(answer: Any, *, classes: np.ndarray, road: int) -> str | None:
    """`answer(classes)`: (N,) booleans, true for a street that is not mirrored.

    `classes` are the class maps (N, S, S) of the training pairs, `road` the index of the road.
    """
    answer = function(answer)
    classes = np.asarray(classes)
    half = classes.shape[2] // 2
    is_road = classes == road
    left, right = is_road[:, :, :half].sum(axis=(1, 2)), is_road[:, :, -half:].sum(axis=(1, 2))
    straight = np.asarray(answer(classes.copy()))
    mirrored = np.asarray(answer(classes[:, :, ::-1].copy()))
    if straight.shape != (len(classes),) or straight.dtype != bool:
        return f"Return {len(classes)} booleans for {len(classes)} class maps."
    rule = max(0.7, (left > right).mean())
    if straight.mean() < min(1.0, rule + 0.01) or mirrored.mean() > 1 - rule:
        return (
            f"It calls {straight.mean():.0%} of the training streets and {mirrored.mean():.0%} of "
            f"their mirror images not mirrored; it should do better than comparing the road on "
            f"both sides, {rule:.0%}, and call mirror images mirrored."
        )
    return None


def exercise_4(answer: Mapping[int, Sequence], *, counts: Sequence[int], steps: int) -> str | None:
    """`{pairs: (plain, flipped)}`: finished runs of equally many steps for each number of pairs."""
    if not isinstance(answer, Mapping) or set(answer) != set(counts):
        return f"Give a dictionary with the keys {', '.join(map(str, counts))}."
    for pairs, runs in answer.items():
        for run, kind in zip(runs, ("none", "flip"), strict=True):
            finished_run(run)
            taken = run.config.epochs * math.ceil(pairs / run.config.batch_size)
            if (run.config.train_pairs, run.config.augmentation) != (pairs, kind):
                return f"The runs of {pairs} pairs should be the plain one, then the flipped one."
            if taken != steps:
                return f"A run of {pairs} pairs takes {taken} steps, not {steps}."
    return None


def _l1(one: torch.Tensor, two: torch.Tensor) -> float:
    """In [-1, 1] units, of photos in [0, 1]."""
    return 2 * float((one - two).abs().mean())


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
