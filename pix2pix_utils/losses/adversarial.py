"""Adversarial losses: what the two networks minimise of the discriminator's scores."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.errors import UserError


def _raw(scores: Tensor) -> Tensor:
    return scores


@dataclass(frozen=True)
class AdversarialLoss:
    """A pair of losses of discriminator scores, one for each network.

    `scores` are raw, (N, C, h, w); every loss is a scalar, the mean over the scores.
    """

    discriminator: Callable[[Tensor, bool], Tensor]
    """`discriminator(scores, real)`: its loss on scores of real or of generated pairs."""
    threshold: float = 0.0
    """A score above it is nearer to real than to generated."""
    fooling: Callable[[Tensor], Tensor] | None = None
    """The generator's loss, where it is not the discriminator's on real pairs."""
    realness: Callable[[Tensor], Tensor] = _raw
    """Reduces the C channels of scores to the number that is compared with the threshold."""

    def generator(self, scores: Tensor) -> Tensor:
        """The generator's loss on the scores of its pairs: low where they are taken for real."""
        return self.fooling(scores) if self.fooling else self.discriminator(scores, True)

    def taken_for_real(self, scores: Tensor) -> Tensor:
        """The share of the patches that the discriminator takes for real, a scalar in [0, 1]."""
        return (self.realness(scores) > self.threshold).float().mean()


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


def hinge(scores: Tensor, real: bool) -> Tensor:
    """How far the raw scores fall short of 1 (real) or exceed -1 (fake) (Lim and Ye 2017).

    The discriminator's loss: it gains nothing from scores that are beyond these margins.
    """
    return F.relu(1 - scores if real else 1 + scores).mean()


def classes(scores: Tensor, real: bool) -> Tensor:
    """Cross-entropy over the classes and one more, "generated" (OASIS, Sushko et al. 2021).

    `scores`: (N, 2 or 3, S, S). Channel 0 is the log-probability of the label map's class at that
    pixel and channel 1 that of "generated". Channel 2, if there is one, weights the pixels of
    channel 0, so that rare classes count as much as frequent ones.
    """
    if not real:
        return -scores[:, 1].mean()
    label = scores[:, 0] if scores.shape[1] == 2 else scores[:, 0] * scores[:, 2]
    return -label.mean()


def _mean_score(scores: Tensor) -> Tensor:
    """The generator's hinge loss: no margin, so it always gains from a higher score."""
    return -scores.mean()


def _class_margin(scores: Tensor) -> Tensor:
    return scores[:, 0] - scores[:, 1]


ADVERSARIAL_LOSSES = {
    "bce": AdversarialLoss(bce),
    "mse": AdversarialLoss(least_squares, threshold=0.5),
    "hinge": AdversarialLoss(hinge, fooling=_mean_score),
    "classes": AdversarialLoss(classes, realness=_class_margin),
}


def check_discriminator(adversarial_loss: str, discriminator: str) -> None:
    """Raise UserError unless the loss is made for the scores of this discriminator.

    `segmentation` scores classes, which only the loss `classes` understands. Without an
    adversarial loss (`none`), the discriminator is not used, and may be any.
    """
    if adversarial_loss == "none":
        return
    if discriminator == "segmentation" and adversarial_loss != "classes":
        raise UserError(
            f"the adversarial loss '{adversarial_loss}' wants one score for each patch, but the "
            "discriminator 'segmentation' scores classes: --set adversarial_loss=classes"
        )
    if discriminator != "segmentation" and adversarial_loss == "classes":
        raise UserError(
            f"the adversarial loss 'classes' wants scores of classes, but the discriminator "
            f"'{discriminator}' has none: --set discriminator=segmentation"
        )
