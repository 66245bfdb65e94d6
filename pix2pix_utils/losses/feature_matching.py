"""Feature matching: generated photos should look to the discriminator as real ones do inside."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def feature_matching_loss(
    real_features: Sequence[Tensor], fake_features: Sequence[Tensor]
) -> Tensor:
    """Mean L1 distance between a discriminator's activations for real and for generated pairs.

    (Salimans et al. 2016; for each layer and pair, Wang et al. 2018.) Both are the activations of
    all its layers; the last, its scores, is left out. Each layer counts alike, whatever its size.
    No gradient reaches the real ones. Returns a float32 scalar.
    """
    pairs = list(zip(real_features, fake_features, strict=True))[:-1]
    distances = [F.l1_loss(fake.float(), real.detach().float()) for real, fake in pairs]
    return torch.stack(distances).mean()
