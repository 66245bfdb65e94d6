"""All measurements of the benchmark: training steps, data, evaluation, start-up, and growth."""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import structural_similarity
from tqdm import tqdm

from pix2pix_utils.acceleration.batches import Batches
from pix2pix_utils.benchmark import steps
from pix2pix_utils.benchmark.machine import (
    matrix_product_rate,
    memory_bandwidth,
    memory_in_use,
    seconds_of,
)
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.source import Reading
from pix2pix_utils.devices import describe_environment
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.session import set_process_wide_options
from pix2pix_utils.training.trainer import Trainer

PAIR_COUNTS = (100, 300, 1000, 3000)


def run_benchmark(image_size: int, width: int, repeats: int, device: torch.device) -> dict:
    """Everything this package measures, for the baseline at batch size 1, as plain values."""
    precisions = ["fp32"]
    if matrix_product_rate(device, "bf16", 512) > matrix_product_rate(device, "fp32", 512):
        precisions.append("bf16")  # otherwise the processor emulates it, very slowly
    variants = [steps.REFERENCE_3, steps.REFERENCE_4, *precisions]
    if device.type == "cuda":
        variants += ["fp16", "fp32 eager", "bf16 eager"]
    rates = {name: matrix_product_rate(device, name, 2048) for name in precisions}
    bandwidth = memory_bandwidth(device)
    measured = steps.time_steps(variants, image_size, width, repeats, device)
    return {
        "environment": describe_environment(device),
        "image_size": image_size,
        "width": width,
        "batch_size": 1,
        "repeats": repeats,
        "matrix_product_flops_per_second": rates,
        "memory_bytes_per_second": bandwidth,
        "steps": steps.step_rows(measured, rates, bandwidth),
        "same_losses": steps.loss_differences(image_size, width, device),
        "data": data_wait(image_size, measured["fp32"].median_seconds, device),
        "ssim": ssim_speed(image_size, device),
        "start_seconds": start_seconds(),
        "by_pairs": growth_with_pairs(device),
        "by_pixels": growth_with_pixels(width, device),
    }


def data_wait(image_size: int, step_seconds: float, device: torch.device) -> dict:
    """How long a step waits for its pair once the first epoch is over."""
    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(random_pairs(100, image_size, Path(folder)), device)
        order = list(torch.randperm(100).split(1))
        for _ in batches(order):
            pass
        source = batches(order)
        wait = float(np.median([seconds_of(partial(next, source), device) for _ in order]))
    return {"wait_seconds": wait, "share_of_the_step": wait / (wait + step_seconds)}


def ssim_speed(image_size: int, device: torch.device, images: int = 16) -> dict:
    """Seconds per image: ours in one batch, alternating with a loop over scikit-image."""
    pair = torch.rand(2, images, 3, image_size, image_size)
    on_device = pair.to(device)
    arrays = pair.permute(0, 1, 3, 4, 2).numpy()
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    settings |= {"data_range": 1, "channel_axis": -1}

    def loop() -> None:
        for prediction, target in zip(*arrays, strict=True):
            structural_similarity(prediction, target, **settings)

    rounds = [
        (seconds_of(lambda: ssim(*on_device), device), seconds_of(loop, device)) for _ in range(6)
    ]
    ours, theirs = (np.median(rounds[1:], axis=0) / images).tolist()
    return {
        "seconds_an_image": ours,
        "scikit_image_seconds_an_image": theirs,
        "times_as_fast": theirs / ours,
    }


def start_seconds() -> dict[str, float]:
    """Seconds to import the training code, and to answer `--help`."""
    commands = {
        "import": [sys.executable, "-c", "import pix2pix_utils.training"],
        "help": [sys.executable, "-m", "pix2pix_utils", "--help"],
    }
    return {
        name: min(seconds_of(partial(subprocess.check_output, command)) for _ in range(3))
        for name, command in commands.items()
    }


def growth_with_pairs(device: torch.device) -> list[dict]:
    """Seconds per epoch of a tiny network, and memory in use, by number of pairs."""
    set_process_wide_options()
    rows = []
    for count in tqdm(PAIR_COUNTS, "pairs", unit="epoch"):
        with tempfile.TemporaryDirectory() as folder:
            config = configure("baseline", "smoke", 0, [f"train_pairs={count}"])
            pairs = random_pairs(count, config.image_size, Path(folder))
            few = pairs.every(count)
            splits, rest = (pairs, few, few), ("none", "random", "random")
            data = StreetData("random", "random", Reading(CITYSCAPES), *splits, *rest)
            trainer = Trainer(config, data, device)
            taken = seconds_of(partial(_one_epoch, trainer), device)
            rows.append(
                {"pairs": count, "epoch_seconds": taken, "memory_bytes": memory_in_use(device)}
            )
    return rows


def _one_epoch(trainer: Trainer) -> None:
    for batches, batches_in_all, _ in trainer.coming_steps():
        trainer.update(batches, batches_in_all)


def growth_with_pixels(width: int, device: torch.device) -> list[dict]:
    """Median seconds per step at three image sizes."""
    rows = []
    for image_size in (64, 128, 256):
        step = steps.make_step("fp32", image_size, width, device)
        seconds = [seconds_of(step, device) for _ in range(5)][1:]
        rows.append({"image_size": image_size, "step_seconds": float(np.median(seconds))})
    return rows


def random_pairs(count: int, image_size: int, folder: Path) -> StreetPairs:
    """Noise in memory-mapped files, like the pairs of the cache."""
    random = np.random.default_rng(0)
    arrays = []
    for name, shape in (("photos", (image_size, image_size, 3)), ("classes", (image_size,) * 2)):
        path = folder / f"{name}.npy"
        array = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *shape))
        for index in range(count):
            array[index] = random.integers(0, len(CITYSCAPES), shape, dtype=np.uint8)
        arrays.append(array)
    photos, classes = arrays
    return StreetPairs(photos, classes, [str(index) for index in range(count)], CITYSCAPES)
