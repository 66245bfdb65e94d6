"""What the generator and the discriminator minimise."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.errors import UserError


@dataclass(frozen=True)
class AdversarialLoss:
    """How discriminator scores are judged: `loss(scores, real)` is a scalar.

    `scores` are raw, of any shape; `real` is what they should have said. A score above
    `threshold` is nearer to real than to fake.
    """

    function: Callable[[Tensor, bool], Tensor]
    threshold: float

    def __call__(self, scores: Tensor, real: bool) -> Tensor:
        return self.function(scores, real)


def bce(scores: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of sigmoid(scores) against all-real or all-fake (Goodfellow 2014).

    Computed from the raw scores, which equals the report's sigmoid followed by BCE but does not
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


def adversarial_loss(name: str) -> AdversarialLoss:
    """The adversarial loss by its name, `bce` or `mse`; raises UserError for another name."""
    if name not in ADVERSARIAL_LOSSES:
        raise UserError(
            f"there is no adversarial loss '{name}'; choose one of: {', '.join(ADVERSARIAL_LOSSES)}"
        )
    return ADVERSARIAL_LOSSES[name]
