"""Costs other than the training step: waiting for data, evaluation, and start-up."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import structural_similarity

from pix2pix_utils.acceleration.batches import Batches
from pix2pix_utils.benchmark.machine import seconds_of
from pix2pix_utils.benchmark.scaling import random_pairs
from pix2pix_utils.evaluation.metrics import ssim


def data_wait(image_size: int, step_seconds: list[float], device: torch.device) -> dict:
    """How long a step waits for its pair, after the first epoch."""
    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(random_pairs(100, image_size, Path(folder)), device)
        order = list(torch.randperm(100).split(1))
        for _ in batches(order):
            pass
        source = batches(order)
        waits = [seconds_of(next, device, source) for _ in order]
    wait, step = float(np.median(waits)), float(np.median(step_seconds))
    return {"wait_seconds": wait, "share_of_the_step": wait / (wait + step)}


def ssim_speed(image_size: int, device: torch.device, images: int = 16) -> dict:
    """Seconds per image: ours in one batch, alternating with a loop over scikit-image."""
    pair = torch.rand(2, images, 3, image_size, image_size)
    on_device = pair.to(device)
    arrays = pair.permute(0, 1, 3, 4, 2).numpy()

    def loop() -> None:
        for prediction, target in zip(*arrays, strict=True):
            structural_similarity(
                prediction,
                target,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=1,
                channel_axis=-1,
            )

    ours, theirs = [], []
    for _ in range(6):
        ours.append(seconds_of(lambda: ssim(*on_device), device) / images)
        theirs.append(seconds_of(loop, device) / images)
    ours_median, theirs_median = float(np.median(ours[1:])), float(np.median(theirs[1:]))
    return {
        "seconds_an_image": ours_median,
        "scikit_image_seconds_an_image": theirs_median,
        "times_as_fast": theirs_median / ours_median,
    }


def start_seconds() -> dict[str, float]:
    """Seconds to import the training code, and to answer `--help`."""
    commands = {
        "import": ["-c", "import pix2pix_utils.training"],
        "help": ["-m", "pix2pix_utils", "--help"],
    }

    def run(arguments: list[str]) -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return {
        name: min(seconds_of(run, None, command) for _ in range(3))
        for name, command in commands.items()
    }
