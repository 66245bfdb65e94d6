"""The losses that the generator and the discriminator minimise."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.errors import UserError, check_choice


@dataclass(frozen=True)
class AdversarialLoss:
    """A loss of discriminator scores: `loss(scores, real)` is a scalar.

    `scores` are raw, of any shape; `real` is the target. A score above `threshold` is nearer to
    real than to fake.
    """

    function: Callable[[Tensor, bool], Tensor]
    threshold: float

    def __call__(self, scores: Tensor, real: bool) -> Tensor:
        return self.function(scores, real)


def bce(scores: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of sigmoid(scores) against all-real or all-fake (Goodfellow 2014).

    Computed from the raw scores: equal to the report's sigmoid followed by BCE, but without
    overflow for confident scores.
    """
    target = torch.ones_like(scores) if real else torch.zeros_like(scores)
    return F.binary_cross_entropy_with_logits(scores, target)


def least_squares(scores: Tensor, real: bool) -> Tensor:
    """Mean squared distance of the raw scores to 1 (real) or 0 (fake) (LSGAN, Mao et al. 2017)."""
    return (scores - float(real)).square().mean()


ADVERSARIAL_LOSSES = {
    "bce": AdversarialLoss(bce, threshold=0.0),
    "mse": AdversarialLoss(least_squares, threshold=0.5),
}
DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "mse": F.mse_loss}


@dataclass(frozen=True)
class Objective:
    """What a training step minimises: for the generator, `adversarial + alpha * distance`.

    Without an adversarial loss, only the generator learns, from the distance.
    """

    adversarial: AdversarialLoss | None
    distance: Callable[[Tensor, Tensor], Tensor]
    alpha: float


def build_objective(adversarial_loss: str, distance: str, alpha: float) -> Objective:
    """The objective of an adversarial loss (`bce`, `mse` or `none`) and a distance (`l1` or `mse`).

    Raises UserError for another name, or if the generator would have no loss at all.
    """
    check_choice("adversarial loss", adversarial_loss, (*ADVERSARIAL_LOSSES, "none"))
    check_choice("distance", distance, DISTANCES)
    if adversarial_loss == "none" and alpha == 0:
        raise UserError("with no adversarial loss and alpha=0 there is nothing to learn from")
    return Objective(ADVERSARIAL_LOSSES.get(adversarial_loss), DISTANCES[distance], alpha)
