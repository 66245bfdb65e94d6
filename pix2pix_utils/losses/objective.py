"""The objective: all that a training step minimises, as one value built from a configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from pix2pix_utils.losses.feature_matching import feature_matching_loss
from pix2pix_utils.losses.structural import ms_ssim_loss, ssim_loss

Distance = Callable[[Tensor, Tensor], Tensor]  # of two batches of photos in [-1, 1]: a scalar
DISTANCES: dict[str, Distance] = {"l1": F.l1_loss, "mse": F.mse_loss}


@dataclass(frozen=True)
class Objective:
    """What a training step minimises.

    For the generator it is `adversarial.generator + reconstruction + feature_matching`. Terms whose
    weight is 0 are not computed. Without an adversarial loss, only the generator learns, from the
    reconstruction.
    """

    adversarial: AdversarialLoss | None
    distance: Distance
    alpha: float
    ssim_weight: float = 0.0
    ms_ssim_weight: float = 0.0
    feature_weight: float = 0.0
    perceptual_weight: float = 0.0
    perceptual: nn.Module | None = None  # a PerceptualLoss, if its weight is above 0

    def reconstruction(self, generated: Tensor, photo: Tensor) -> Tensor:
        """The weighted sum of all distances of generated photos to the real ones, a scalar.

        `generated` and `photo`: (N, 3, S, S) float32 in [-1, 1]. With only `alpha` above 0 it is
        the report's `alpha * distance(generated, photo)`.
        """
        loss = self.alpha * self.distance(generated, photo)
        if self.ssim_weight:
            loss = loss + self.ssim_weight * ssim_loss(generated, photo)
        if self.ms_ssim_weight:
            loss = loss + self.ms_ssim_weight * ms_ssim_loss(generated, photo)
        if self.perceptual is not None:
            network = self.perceptual.to(generated.device)
            loss = loss + self.perceptual_weight * network(generated, photo)
        return loss

    def feature_matching(
        self, real_features: Sequence[Tensor], fake_features: Sequence[Tensor]
    ) -> Tensor:
        """`feature_weight` times the feature matching loss of a discriminator's activations."""
        return self.feature_weight * feature_matching_loss(real_features, fake_features)


def build_objective(
    adversarial_loss: str,
    distance: str,
    alpha: float,
    *,
    ssim_weight: float = 0.0,
    ms_ssim_weight: float = 0.0,
    feature_weight: float = 0.0,
    perceptual_weight: float = 0.0,
    load_perceptual: Callable[[], nn.Module] | None = None,
) -> Objective:
    """The objective of an adversarial loss (of `ADVERSARIAL_LOSSES`, or `none`) and a distance.

    `distance` is `l1` or `mse`. The weights are those of the further terms of the generator's loss;
    0 leaves a term out. `load_perceptual` loads the perceptual loss and is called only if
    `perceptual_weight` is above 0 (`training.weights.load_perceptual`).

    Raises UserError for an unknown name, if the generator would have no loss at all, if features of
    a discriminator that never learns should be matched, or for a perceptual weight without a
    network.
    """
    check_choice("adversarial loss", adversarial_loss, (*ADVERSARIAL_LOSSES, "none"))
    check_choice("distance", distance, DISTANCES)
    if adversarial_loss == "none":
        if feature_weight:
            raise UserError(
                f"feature_weight is {feature_weight}, but without an adversarial loss the "
                "discriminator learns no features to match: --set feature_weight=0"
            )
        if not any((alpha, ssim_weight, ms_ssim_weight, perceptual_weight)):
            raise UserError(
                "with no adversarial loss and alpha=0 there is nothing to learn from: set alpha, "
                "ssim_weight, ms_ssim_weight or perceptual_weight above 0"
            )
    perceptual = None
    if perceptual_weight:
        if load_perceptual is None:
            raise UserError(
                f"perceptual_weight is {perceptual_weight}, but no network is given that compares "
                "the photos: pass load_perceptual=training.weights.load_perceptual"
            )
        perceptual = load_perceptual()
    return Objective(
        ADVERSARIAL_LOSSES.get(adversarial_loss),
        DISTANCES[distance],
        alpha,
        ssim_weight,
        ms_ssim_weight,
        feature_weight,
        perceptual_weight,
        perceptual,
    )
