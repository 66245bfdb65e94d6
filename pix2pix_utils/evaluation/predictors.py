"""Predictors: functions from a batch to photos, made from generators and scored on a split."""

import copy
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pix2pix_utils.data.pairs import StreetPairs, to_unit
from pix2pix_utils.devices import is_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import ssim

Predictor = Callable[[dict], Tensor]
"""Takes a batch of pairs and returns photos (N, 3, S, S) in [-1, 1]; must not look at `photo`."""

BATCH_SIZE = 16  # images scored at once, fewer if memory is short; does not change the scores
Result = TypeVar("Result")


def generator_predictor(generator: nn.Module, inference: str = "eval", seed: int = 0) -> Predictor:
    """Make a predictor of a generator, in one of two inference modes.

    `eval` uses batch norm's running statistics and no dropout. `train` is the pix2pix paper's mode:
    batch norm with each image's own statistics, and dropout seeded by `seed` and the label map, so
    that a prediction does not depend on the images before it. It works on a copy, which leaves the
    generator's running statistics unchanged.
    """
    device = next(generator.parameters()).device
    if inference == "train":
        generator = copy.deepcopy(generator).train()

        def predict_one_by_one(batch: dict) -> Tensor:
            photos = []
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                for label in batch["label"]:
                    torch.manual_seed(seed + zlib.crc32(label.cpu().numpy().tobytes()))
                    photos.append(generator(label[None].to(device)))
            return torch.cat(photos)

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
    """Apply `work` to every batch of the split, in order and without gradients.

    If a batch does not fit into memory, the batch size is halved from there on. Raises UserError
    if a single image does not fit.
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
