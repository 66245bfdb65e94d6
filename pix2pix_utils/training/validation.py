"""What is computed on a split during training: its scores and a picture of samples."""

import numpy as np
import torch
from PIL import Image
from torchvision.utils import make_grid

from pix2pix_utils.acceleration.distributed import all_gather, shard, world_size
from pix2pix_utils.data.pairs import StreetPairs, to_uint8
from pix2pix_utils.evaluation.predictors import BATCH_SIZE, Predictor, ssim_scores

SAMPLES = 4  # scenes in the sample grid


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
