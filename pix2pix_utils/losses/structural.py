"""Losses of structure: 1 - SSIM and 1 - MS-SSIM, by the convention of `evaluation.metrics`."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.data.pairs import to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import WINDOW, similarity_maps

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, finest scale first
SMALLEST_TERM = 1e-4  # of a scale


def ssim_loss(generated: Tensor, photo: Tensor) -> Tensor:
    """1 - SSIM (Wang et al. 2004) of photos (N, 3, S, S) in [-1, 1], a float32 scalar in [0, 2].

    The SSIM is the mean over the photos of `evaluation.ssim`. Raises UserError for photos smaller
    than its window, 11x11 pixels.
    """
    _check_size("ssim_weight", photo)
    luminance, structure = similarity_maps(_in_unit_range(generated), _in_unit_range(photo))
    return 1 - (luminance * structure).mean()


def ms_ssim_loss(generated: Tensor, photo: Tensor) -> Tensor:
    """1 - MS-SSIM (Wang, Simoncelli and Bovik 2003) of photos in [-1, 1], a float32 scalar.

    MS-SSIM is a product over scales, each half the size of the one before: of the mean contrast and
    structure, and at the coarsest scale of the mean SSIM, each to the power of its published
    weight. It is computed for each photo and channel, then averaged. Of the five scales, those are
    used in which the window fits (three at 64 pixels, five from 176), with weights that sum to 1.

    `generated` and `photo`: (N, 3, S, S). Raises UserError for photos smaller than 11x11 pixels.
    """
    _check_size("ms_ssim_weight", photo)
    x, y = _in_unit_range(generated), _in_unit_range(photo)
    scales = _number_of_scales(min(photo.shape[-2:]))
    weights = SCALE_WEIGHTS[:scales]
    product = torch.ones(x.shape[:2], dtype=x.dtype, device=x.device)
    for scale, weight in enumerate(weights, start=1):
        luminance, structure = similarity_maps(x, y)
        term = (structure if scale < scales else luminance * structure).mean(dim=(2, 3))
        # Negative terms count as none, since they have no power. A small term in place of 0 keeps
        # the power's slope finite, and lets the other scales learn.
        product = product * term.clamp(min=SMALLEST_TERM) ** (weight / sum(weights))
        if scale < scales:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return 1 - product.mean()


def _number_of_scales(size: int) -> int:
    return min(len(SCALE_WEIGHTS), int(math.log2(size / WINDOW)) + 1)


def _check_size(setting: str, photo: Tensor) -> None:
    if min(photo.shape[-2:]) < WINDOW:
        raise UserError(
            f"{setting} needs photos of at least {WINDOW}x{WINDOW} pixels, not "
            f"{photo.shape[-1]}x{photo.shape[-2]}: --set {setting}=0"
        )


def _in_unit_range(images: Tensor) -> Tensor:
    """[-1, 1] to [0, 1]; a shorter format of mixed precision becomes float32."""
    return to_unit(images.to(torch.promote_types(images.dtype, torch.float32)))
