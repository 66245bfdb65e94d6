"""DiffAugment: the discriminator sees every pair, real or generated, through random changes.

Zhao et al. (2020), "Differentiable Augmentation for Data-Efficient GAN Training". A discriminator
that sees few photos soon knows them by heart. Changing the real photos alone would teach the
generator to draw the changes, so generated photos are changed likewise, by operations that pass
the gradient on to the generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pix2pix_utils.data.augmentation import chosen_steps

Draw = Tensor
"""The random numbers of a batch: (N, 7) in [0, 1), three for `color` and two for each of the
others, drawn whether or not the policy is in use."""


@dataclass(frozen=True)
class DiscriminatorAugmentation:
    """Some of `POLICIES`, applied in their order to a batch of pairs."""

    policies: tuple[str, ...]

    def draw(self, photo: Tensor) -> Draw:
        """Random numbers for each image of the batch, from the generator of the photo's device."""
        return torch.rand(len(photo), 7, device=photo.device)

    def apply(self, draw: Draw, label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
        """Change label maps and photos (N, 3, S, S) as the numbers of `draw` say.

        Differentiable in the photos, and free of waits for the device, so that a CUDA graph can
        hold it. `color` lets photos leave [-1, 1].
        """
        for policy in self.policies:
            label, photo = POLICIES[policy](draw, label, photo)
        return label, photo


def build_discriminator_augmentation(name: str) -> DiscriminatorAugmentation | None:
    """The augmentation of this name: some of `POLICIES` joined by `+`; None for `none`.

    Raises UserError for an unknown policy and for one named twice.
    """
    policies = chosen_steps("discriminator augmentation", name, POLICIES)
    return DiscriminatorAugmentation(tuple(policies)) if policies else None


def color(draw: Draw, label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Change brightness by -0.5 to 0.5, saturation by a factor of 0 to 2, contrast of 0.5 to 1.5.

    Label maps are returned unchanged.
    """
    brightness, saturation, contrast = draw[:, :3, None, None, None].unbind(1)
    photo = photo + (brightness - 0.5)
    grey = photo.mean(dim=1, keepdim=True)
    photo = (photo - grey) * (2 * saturation) + grey
    mean = photo.mean(dim=(1, 2, 3), keepdim=True)
    return label, (photo - mean) * (contrast + 0.5) + mean


def translation(draw: Draw, label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Move label map and photo together by up to 1/8 of their size; what comes in is 0."""
    size = photo.shape[-1]
    reach = round(size / 8)
    shift = _integer(draw[:, 3:5], 2 * reach + 1) - reach  # (N, 2): down and right, in pixels
    places = torch.arange(size, device=photo.device) - shift[:, :, None]  # (N, 2, S)
    inside = (places >= 0) & (places < size)
    rows, columns = places.clamp(0, size - 1).unbind(1)
    source = (rows[:, :, None] * size + columns[:, None, :]).flatten(1)[:, None]  # (N, 1, S * S)
    outside = ~(inside[:, 0, :, None] & inside[:, 1, None, :])[:, None]  # (N, 1, S, S)

    def moved(image: Tensor) -> Tensor:
        pixels = image.flatten(2).gather(2, source.expand(-1, image.shape[1], -1))
        return pixels.view_as(image).masked_fill(outside, 0)

    return moved(label), moved(photo)


def cutout(draw: Draw, label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Set a square of half the size to 0, at the same place in label map and photo.

    Its centre lies anywhere in the image, so part of the square may lie outside.
    """
    size = photo.shape[-1]
    side = size // 2
    start = _integer(draw[:, 5:7], size) - side // 2  # (N, 2): top and left, in pixels
    places = torch.arange(size, device=photo.device) - start[:, :, None]  # (N, 2, S)
    inside = (places >= 0) & (places < side)
    hole = (inside[:, 0, :, None] & inside[:, 1, None, :])[:, None]  # (N, 1, S, S)
    return label.masked_fill(hole, 0), photo.masked_fill(hole, 0)


def _integer(uniform: Tensor, count: int) -> Tensor:
    """Numbers in [0, 1) as integers from 0 to `count` - 1."""
    return (uniform * count).long().clamp(max=count - 1)


POLICIES: dict[str, Callable[[Draw, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
