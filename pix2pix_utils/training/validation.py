"""What is computed on a split during training: its scores and a picture of samples."""

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.utils import make_grid

from pix2pix_utils.acceleration.distributed import all_gather, shard, world_size
from pix2pix_utils.data.pairs import StreetPairs, to_uint8
from pix2pix_utils.evaluation.predictors import BATCH_SIZE, Predictor, ssim_scores

SAMPLES = 4  # scenes in the sample grid
STATISTICS_PAIRS = 128  # enough for a mean and a variance, as each has thousands of pixels


@torch.no_grad()
def measure_statistics(network: nn.Module, pairs: StreetPairs, batch_size: int) -> None:
    """Give a generator's batch norms the statistics of its own features, without dropout.

    Each running mean and variance becomes the plain mean over batches of evenly spaced training
    pairs. For a generator whose weights are an average: the statistics that were collected while
    the weights were learned belong to other weights. A frozen backbone keeps its statistics. The
    network is in `eval` mode afterwards.
    """
    network.train()
    layers = [n for n in network.modules() if isinstance(n, _BatchNorm) and n.training]
    momenta = [layer.momentum for layer in layers]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative average
        layer.train()
    device = next(network.parameters()).device
    count = min(len(pairs), STATISTICS_PAIRS)
    chosen = [index * len(pairs) // count for index in range(count)]
    for start in range(0, count, batch_size):
        network(pairs.batch(chosen[start : start + batch_size])["label"].to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    network.eval()


def split_scores(predict: Predictor, pairs: StreetPairs) -> np.ndarray:
    """SSIM of every image, (N,); each process scores its share of the batches.

    The batches are those of a single process: how a sum is rounded may depend on the batch's size.
    """
    if world_size() == 1:
        return ssim_scores(predict, pairs)
    starts = range(0, len(pairs), BATCH_SIZE)
    batches = [pairs.every(1, start, start + BATCH_SIZE) for start in shard(starts)]
    return np.concatenate(all_gather([ssim_scores(predict, batch) for batch in batches]))


@torch.no_grad()
def sample_grid(predict: Predictor, pairs: StreetPairs) -> Image.Image:
    """Label maps, generated photos and real photos of evenly spaced scenes, one row each."""
    count = min(SAMPLES, len(pairs))
    batch = pairs.batch([index * len(pairs) // count for index in range(count)])
    rows = torch.cat([batch["label"], predict(batch).cpu(), batch["photo"]])
    return Image.fromarray(to_uint8(make_grid(rows, nrow=count, pad_value=1.0)))
