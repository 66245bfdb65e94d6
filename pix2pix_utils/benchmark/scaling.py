"""How time and memory scale with the number of pairs and of pixels."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pix2pix_utils.benchmark.machine import memory_in_use, seconds_of
from pix2pix_utils.benchmark.variants import make_step
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.session import set_process_wide_options
from pix2pix_utils.training.trainer import Trainer

PAIR_COUNTS = (100, 300, 1000, 3000)


def growth_with_pairs(device: torch.device) -> list[dict]:
    """Seconds per epoch of a tiny network, and memory in use, by number of pairs."""
    rows = []
    for count in tqdm(PAIR_COUNTS, "pairs", unit="epoch"):
        with tempfile.TemporaryDirectory() as folder:
            config = configure("baseline", "smoke", 0, [f"train_pairs={count}"])
            trainer = _trainer(config, count, Path(folder), device)
            taken = seconds_of(_one_epoch, device, trainer)
            rows.append(
                {"pairs": count, "epoch_seconds": taken, "memory_bytes": memory_in_use(device)}
            )
    return rows


def growth_with_pixels(width: int, device: torch.device) -> list[dict]:
    """Median seconds per step at three image sizes."""
    rows = []
    for image_size in (64, 128, 256):
        step = make_step("fp32", image_size, width, device)
        seconds = [seconds_of(step, device) for _ in range(5)][1:]
        rows.append({"image_size": image_size, "step_seconds": float(np.median(seconds))})
    return rows


def _trainer(config: Config, count: int, folder: Path, device: torch.device) -> Trainer:
    pairs = random_pairs(count, config.image_size, folder)
    few = pairs.every(count)
    data = StreetData("random", "random", CITYSCAPES, pairs, few, few, "none", "random", "random")
    set_process_wide_options()
    return Trainer(config, data, device)


def _one_epoch(trainer: Trainer) -> None:
    for batches, batches_in_all, _ in trainer.coming_steps():
        trainer.update(batches, batches_in_all)


def random_pairs(count: int, image_size: int, folder: Path) -> StreetPairs:
    """Noise in memory-mapped files, like the pairs of the cache."""
    random = np.random.default_rng(0)
    shapes = {"photos": (count, image_size, image_size, 3), "classes": (count,) + (image_size,) * 2}
    arrays = []
    for name, shape in shapes.items():
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        for index in range(count):
            array[index] = random.integers(0, len(CITYSCAPES), shape[1:], dtype=np.uint8)
        array.flush()
        arrays.append(np.load(folder / f"{name}.npy", mmap_mode="r"))
    photos, classes = arrays
    return StreetPairs(photos, classes, [str(index) for index in range(count)], CITYSCAPES)
