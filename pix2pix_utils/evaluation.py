"""Scores of a generator, or of any other predictor, on a split."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from pix2pix_utils.data import StreetPairs, to_unit
from pix2pix_utils.metrics import ssim

Predictor = Callable[[dict], Tensor]
"""Takes a batch of pairs and returns photos (N, 3, S, S) in [-1, 1]; must not look at `photo`."""

BATCH_SIZE = 16  # images scored at once; in `eval` mode it changes nothing but the time


def generator_predictor(generator: nn.Module, inference: str = "eval", seed: int = 0) -> Predictor:
    """Let a generator predict, in one of the two inference modes.

    `eval` uses batch norm's running statistics and no dropout. `train` is the pix2pix paper's way:
    batch norm with the statistics of each image by itself and dropout on, drawn from `seed`; it
    works on a copy, so the generator's running statistics stay as they are.
    """
    device = next(generator.parameters()).device
    if inference == "train":
        generator = copy.deepcopy(generator).train()

        def predict_one_by_one(batch: dict) -> Tensor:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(seed)
                return torch.cat([generator(one[None].to(device)) for one in batch["label"]])

        return predict_one_by_one

    def predict(batch: dict) -> Tensor:
        was_training = generator.training
        generator.eval()
        try:
            return generator(batch["label"].to(device))
        finally:
            generator.train(was_training)

    return predict


@torch.no_grad()
def predictions(predict: Predictor, pairs: StreetPairs) -> Iterator[tuple[dict, Tensor]]:
    """Every batch of the split with its predicted photos (N, 3, S, S) in [-1, 1]."""
    for start in range(0, len(pairs), BATCH_SIZE):
        batch = pairs.batch(range(start, min(start + BATCH_SIZE, len(pairs))))
        yield batch, predict(batch)


@torch.no_grad()
def ssim_scores(predict: Predictor, pairs: StreetPairs) -> np.ndarray:
    """SSIM of every image of the split, (N,), in the order of `pairs.names`."""
    scores = [
        ssim(to_unit(photos), to_unit(batch["photo"].to(photos.device))).cpu()
        for batch, photos in predictions(predict, pairs)
    ]
    return torch.cat(scores).numpy()


def bootstrap_interval(
    values: np.ndarray, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over images (Efron 1979)."""
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(values), size=(resamples, len(values)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values[draws].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def summarize(values: np.ndarray) -> dict:
    """Mean, its 95 % bootstrap interval and the number of images."""
    low, high = bootstrap_interval(values)
    return {"mean": float(values.mean()), "low": low, "high": high, "images": len(values)}


def paired_difference(scores: np.ndarray, reference: np.ndarray) -> dict:
    """Does one model score higher than another on the same images?

    Both (N,), in the same order. Returns the mean difference, its 95 % bootstrap interval over the
    images and the share of images that improve. The images are hard or easy for both models, so
    the interval is far narrower than those of the two means suggest.
    """
    difference = scores - reference
    return {**summarize(difference), "improved": float((difference > 0).mean())}
