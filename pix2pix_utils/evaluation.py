"""Scores of a generator, or of any other predictor, on a split."""

import copy
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pix2pix_utils.data import StreetPairs, to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.memory import is_out_of_memory
from pix2pix_utils.metrics import ssim

Predictor = Callable[[dict], Tensor]
"""Takes a batch of pairs and returns photos (N, 3, S, S) in [-1, 1]; must not look at `photo`."""

BATCH_SIZE = 16  # images scored at once, fewer where memory is short; changes only the time

RESAMPLES = 2000  # of the bootstrap and of the randomisation test
POWER = 1.96 + 0.84  # standard errors: normal quantiles of 97.5 % and 80 %

Result = TypeVar("Result")


def generator_predictor(generator: nn.Module, inference: str = "eval", seed: int = 0) -> Predictor:
    """Let a generator predict, in one of the two inference modes.

    `eval` uses batch norm's running statistics and no dropout. `train` is the pix2pix paper's way:
    batch norm with the statistics of each image by itself and dropout on, drawn from `seed` and
    the label map, so that no image depends on which ones were predicted before it. It works on a
    copy: the generator's running statistics stay as they are.
    """
    device = next(generator.parameters()).device
    if inference == "train":
        generator = copy.deepcopy(generator).train()

        def predict_one(label: Tensor) -> Tensor:
            torch.manual_seed(seed + zlib.crc32(label.cpu().numpy().tobytes()))
            return generator(label[None].to(device))

        def predict_one_by_one(batch: dict) -> Tensor:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                return torch.cat([predict_one(label) for label in batch["label"]])

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
def batchwise(work: Callable[[dict], Result], pairs: StreetPairs) -> Iterator[Result]:
    """`work` of every batch of the split, in order and without gradients.

    Where a batch does not fit into memory, it and all that follow are halved, down to one image;
    raises UserError if not even that one fits.
    """
    start, size = 0, BATCH_SIZE
    while start < len(pairs):
        stop = min(start + size, len(pairs))
        try:
            result = work(pairs.batch(range(start, stop)))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                side = pairs.image_size
                raise UserError(
                    f"not even one image of {side}x{side} pixels fits into the memory: "
                    "free some of it, use --device cpu, or take a smaller image_size"
                ) from None
            size //= 2
        else:
            yield result
            start = stop


def predictions(predict: Predictor, pairs: StreetPairs) -> Iterator[tuple[dict, Tensor]]:
    """Every batch of the split with its predicted photos (N, 3, S, S) in [-1, 1]."""
    return batchwise(lambda batch: (batch, predict(batch)), pairs)


def ssim_scores(predict: Predictor, pairs: StreetPairs) -> np.ndarray:
    """SSIM of every image of the split, (N,), in the order of `pairs.names`."""

    def score(batch: dict) -> Tensor:
        photos = predict(batch)
        return ssim(to_unit(photos), to_unit(batch["photo"].to(photos.device))).cpu()

    return torch.cat(list(batchwise(score, pairs))).numpy()


def bootstrap_interval(
    values: np.ndarray, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
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


def paired_difference(scores: np.ndarray, reference: np.ndarray, seed: int = 0) -> dict:
    """Does one model score higher than another on the same images?

    Both (N,), in the same order. The images are hard or easy for both models, so the interval of
    the difference is far narrower than those of the two means suggest. Returns

    mean, low, high    the mean difference with its 95 % bootstrap interval over the images
    images, improved   N, and the share of them that improve
    p_value            how often a mean this far from 0 comes about if each image's difference had
                       its sign by chance (randomisation test, Fisher 1935; two-sided, never 0)
    detectable         the mean difference that N such images would show as different from 0 (at
                       5 %) four times in five: a smaller one may be there unseen

    All of it holds for these two trained networks. Another seed gives other networks: whether the
    method is better, `over_seeds` helps to judge.
    """
    difference = scores - reference
    coins = np.random.default_rng(seed).integers(0, 2, size=(RESAMPLES, len(difference)))
    chance = np.abs((2 * coins - 1) @ difference) >= abs(difference.sum()) * (1 - 1e-6)
    return {
        **summarize(difference),
        "improved": float((difference > 0).mean()),
        "p_value": float((1 + chance.sum()) / (1 + RESAMPLES)),
        "detectable": float(POWER * difference.std(ddof=1) / np.sqrt(len(difference)))
        if len(difference) > 1
        else float("nan"),
    }


def over_seeds(scores: Sequence[np.ndarray]) -> dict:
    """How much a score depends on the seed of the training.

    `scores`: (N,) of the same images, one array a seed. Returns the mean over seeds and images,
    the lowest and highest seed's mean, the standard deviation of the seeds' means (nan for one
    seed) and the number of seeds. Two methods that differ by less than about twice that deviation
    have not been told apart, however narrow the interval over the images.
    """
    means = np.array([values.mean() for values in scores])
    return {
        "mean": float(means.mean()),
        "lowest": float(means.min()),
        "highest": float(means.max()),
        "deviation": float(means.std(ddof=1)) if len(means) > 1 else float("nan"),
        "seeds": len(means),
    }
