"""The exercises of notebook 4."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from pix2pix_utils.course.checks.comparing import close, settings_that_differ
from pix2pix_utils.course.checks.forms import finished_run, function, number
from pix2pix_utils.models import build_generator
from pix2pix_utils.training.config import Config


@torch.no_grad()
def exercise_1(answer: Any) -> str | None:
    """`answer(label, photo)`: the picture that stands for both, when the filters are halved copies.

    The pictures are normalised, (N, 3, S, S).
    """
    answer = function(answer)
    random = torch.Generator()
    random.seed()
    for size in (16, 24):
        label, photo = torch.randn(2, 2, 3, size, size, generator=random)
        filters = torch.randn(8, 3, 7, 7, generator=random)
        both = torch.cat([label, photo], dim=1)
        asked = nn.functional.conv2d(both, filters.repeat(1, 2, 1, 1) / 2, stride=2, padding=3)
        picture = answer(label.clone(), photo.clone())
        if picture.shape != photo.shape:
            return "The picture must have the shape of the photo: three channels, not six."
        given = nn.functional.conv2d(picture, filters, stride=2, padding=3)
        if not torch.allclose(given, asked, rtol=1e-3, atol=1e-3):
            return (
                "A convolution is linear: write the response as half of that to the label map plus "
                "half of that to the photo, then factor the filters out."
            )
    return None


def exercise_2(answer: Any) -> str | None:
    """`answer(unet)`: the share of parameters in levels 5 to 7 of a 256-pixel U-Net of [4]."""
    answer = function(answer)
    for width in (2, 4, 64):
        with torch.device("meta"):
            unet = build_generator("pix2pix-unet", image_size=256, width=width)
        inner = [p.numel() for name, p in unet.named_parameters() if name.count("model.3") >= 4]
        share = sum(inner) / sum(p.numel() for p in unet.parameters())
        given = number(answer(unet))
        if close(given, 100 * share, 1e-3):
            return "Give the share as a number from 0 to 1, not in percent."
        if not close(given, share, 1e-5):
            return (
                "Level 5 contains levels 6 and 7: add up every parameter whose name begins with "
                "the prefix P(5), divide by all parameters, and do not round."
            )
    return None


def exercise_3(answer: Any, *, config: Config) -> str | None:
    """A finished run with a backbone that was frozen at random weights.

    `config` is that of the pretrained run with the same generator.
    """
    asked = {
        "generator": config.generator,
        "freeze_backbone": True,
        "weights": "none",
        "epochs": config.epochs,
        "train_pairs": config.train_pairs,
    }
    if wrong := settings_that_differ(finished_run(answer), asked):
        return (
            "Pass the setting `'freeze_backbone=true'` to `lesson.config` of the experiment that "
            f"starts from random weights; in this run {wrong}."
        )
    return None


def exercise_4(answer: Any, *, config: Config) -> str | None:
    """Finished runs of two seeds each: without warm-up, and with it and one more epoch.

    `config` is that of `pretrained-unet` with its usual warm-up.
    """
    asked: dict[str, dict[str, Any]] = {
        "no warm-up": {"warmup_steps": 0, "epochs": config.epochs},
        "warmed up, longer": {"warmup_steps": config.warmup_steps, "epochs": config.epochs + 1},
    }
    if not isinstance(answer, Mapping) or set(answer) != set(asked):
        return f"Give a dictionary with the keys {' and '.join(map(repr, asked))}."
    for way, settings in asked.items():
        for run in answer[way]:
            settings |= {"experiment": "pretrained-unet"}
            if wrong := settings_that_differ(finished_run(run), settings):
                return f"In a run of '{way}' {wrong}."
    seeds = [{run.config.seed for run in answer[way]} for way in asked]
    if len(seeds[0]) < 2 or seeds[0] != seeds[1]:
        return "Give the runs of two seeds in each group, and the same two."
    return None


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
