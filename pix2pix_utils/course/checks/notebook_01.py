"""The exercises of notebook 1."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.course.checks.comparing import close
from pix2pix_utils.course.checks.forms import array, function, number
from pix2pix_utils.course.lesson import Lesson
from pix2pix_utils.data.pairs import StreetPairs, to_signed, to_unit
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.evaluation.metrics import C1, C2, ssim
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import nearest_label_map

UNSEEN_SCENES = 60_000_000  # the first scene that no split and no cell of a notebook draws
UNSEEN_SIZE = 32  # pixels


def exercise_1(answer: Any) -> str | None:
    """`answer(classes, index)`: the position of the scene with the most pixels of a class.

    `classes` are the class maps of a split, (N, S, S).
    """
    answer = function(answer)
    random = np.random.default_rng()
    for index in random.permutation(19)[:5]:
        classes = random.integers(19, size=(20, 16, 16)).astype(np.uint8)
        right = random.integers(20)
        classes[right, :8] = index
        position = number(answer(classes.copy(), int(index)))
        if position == (classes[right] == index).sum():
            return "This is the number of pixels; the position of the scene is asked for."
        if position != right:
            return (
                "Compare the class maps with the index, count over the last two axes, and take "
                "the position of the largest count."
            )
    return None


def exercise_2(answer: Any, *, lesson: Lesson) -> str | None:
    """`answer(scenes, step)`: mean SSIM of a memoriser on frames `step` into the scenes it knows.

    It learns from the whole frames of the scenes, at the lesson's size, and is tested on the same
    frames cropped by `step` times that size on every side of a drawing of double size.
    """
    answer = function(answer)
    size, seed = lesson.config().image_size, lesson.seed
    random = np.random.default_rng()
    for step in (0.05, 0.5):
        scenes = [UNSEEN_SCENES + int(scene) for scene in random.choice(10_000, 6, replace=False)]
        right = _score_of_memory(scenes, step, size, seed)
        given = number(answer(list(scenes), step))
        if abs(given - right) > 0.03:
            return (
                f"For a step of {step} the score should be {right:.2f}, not {given:.2f}: crop as "
                "`drive` does, with the same filters, and let `nearest_label_map` learn from the "
                "whole frames."
            )
    return None


def exercise_3(answer: Any) -> str | None:
    """`answer(x, y, window)`: SSIM of two batches (N, 3, S, S) in [0, 1] with any window (K, K)."""
    answer = function(answer)
    random = torch.Generator().manual_seed(int(np.random.default_rng().integers(2**31)))
    for count, size, side in ((3, 24, 11), (2, 20, 7)):
        x = torch.rand(count, 3, size, size, generator=random, dtype=torch.float64)
        noise = torch.rand(count, 3, size, size, generator=random, dtype=torch.float64)
        y = (0.6 * x + 0.4 * noise) * torch.linspace(0.3, 1, size, dtype=torch.float64)
        # a fourth power is uneven enough that no even window can pass for it
        window = torch.rand(side, side, generator=random, dtype=torch.float64) ** 4
        window /= window.sum()
        right = _ssim_by_window(x, y, window)
        given = array(answer(x.clone(), y.clone(), window.clone()), shape=(count,))
        if not close(given, right.mean(dim=(1, 2, 3)), 1e-4):
            padded = F.pad(x, [side // 2] * 4), F.pad(y, [side // 2] * 4)
            if close(given, _ssim_by_window(*padded, window).mean(dim=(1, 2, 3)), 1e-4):
                return "Only windows that lie wholly inside the pictures count: do not pad."
            return (
                "Weigh the means, the variances and the covariance with the window, subtract the "
                "products of the means, and average over windows and channels."
            )
    return None


def exercise_4(answer: Any) -> str | None:
    """`answer(looks)`: a picture (1, 3, S, S) in [0, 1] that SSIM likes better than their mean.

    `looks` are eight photos (8, 3, S, S) of one street. The picture is scored with eight others,
    always of the same scenes: for some, the mean of the given looks happens to be hard to beat.
    """
    answer = function(answer)
    gained = []
    for scene in range(UNSEEN_SCENES, UNSEEN_SCENES + 3):
        photos = [draw_street(scene, 0, UNSEEN_SIZE, look)[1] for look in range(16)]
        views = to_unit(to_signed(np.stack(photos)))
        looks, others = views[:8], views[8:]
        picture = array(answer(looks.clone()), shape=tuple(looks[:1].shape))
        if picture.min() < 0 or picture.max() > 1:
            return "The picture has values outside [0, 1]: a sigmoid keeps them inside."
        candidates = torch.from_numpy(picture).float(), looks.mean(dim=0, keepdim=True)
        score, of_mean = (ssim(one.expand_as(others), others).mean() for one in candidates)
        gained.append(float(score - of_mean))
    if np.mean(gained) <= 0.002:
        return (
            "Scored with looks that it was not made of, it does not beat the plain mean: maximise "
            "`ssim(picture.expand(8, -1, -1, -1), looks).mean()`."
        )
    return None


def _score_of_memory(scenes: list[int], step: float, size: int, seed: int) -> float:
    """Mean SSIM of the photos that `nearest_label_map` remembers for cropped frames."""
    filters = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)
    whole: list[list[np.ndarray]] = []
    cropped: list[list[np.ndarray]] = []
    for scene in scenes:
        pictures = [Image.fromarray(picture) for picture in draw_street(scene, seed, 2 * size)]
        for margin, frames in ((0, whole), (step * size, cropped)):
            box = (margin, margin, 2 * size - margin, 2 * size - margin)
            resized = zip(pictures, filters, strict=True)
            frames.append([np.asarray(one.resize((size, size), f, box=box)) for one, f in resized])
    known, asked = (_pairs(frames) for frames in (whole, cropped))
    return float(ssim_scores(nearest_label_map(known), asked).mean())


def _pairs(frames: list[list[np.ndarray]]) -> StreetPairs:
    classes, photos = (np.stack(part) for part in zip(*frames, strict=True))
    return StreetPairs(photos, classes, [f"frame-{i}" for i in range(len(frames))], CITYSCAPES)


def _ssim_by_window(x: Tensor, y: Tensor, window: Tensor) -> Tensor:
    """SSIM of every window, (N, 3, H, W), each cut out and compared on its own."""
    side = len(window)
    x, y = (images.unfold(2, side, 1).unfold(3, side, 1) for images in (x, y))  # (N, 3, H, W, K, K)

    def weighted(values: Tensor) -> Tensor:
        return (values * window).sum(dim=(-2, -1))

    mean_x, mean_y = weighted(x), weighted(y)
    away_x, away_y = x - mean_x[..., None, None], y - mean_y[..., None, None]
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    spread = weighted(away_x**2) + weighted(away_y**2)
    return luminance * (2 * weighted(away_x * away_y) + C2) / (spread + C2)


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
