"""How close a generated photo is to the real one."""

from functools import lru_cache

import torch
from torch import Tensor

from pix2pix_utils.errors import UserError

WINDOW = 11  # pixels; the Gaussian's 3.5 standard deviations to either side
SIGMA = 1.5  # pixels
RANGE_TOLERANCE = 1e-3  # float rounding, not a wrong convention
C1 = 0.01**2  # the stabilisers of Wang et al. 2004 for a data range of 1
C2 = 0.03**2


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) of each pair of images.

    `prediction` and `target`: (N, 3, H, W) float in [0, 1], H and W at least 11. Returns (N,) in
    [-1, 1], 1 for equal images. The convention of this course: Gaussian window with sigma 1.5 and
    11 pixels, no sample covariance, data range 1, mean over the three channels and over all
    windows that lie inside the image. It equals, to 1e-4 and better, scikit-image's
    ``structural_similarity(..., gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    data_range=1, channel_axis=...)``.

    Raises UserError if the shapes differ, an image is smaller than the window or a value lies
    outside [0, 1].
    """
    if prediction.shape != target.shape or prediction.ndim != 4:
        raise UserError(
            f"ssim needs two batches (N, 3, H, W) of one shape, "
            f"not {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    for images in (prediction, target):
        low, high = images.aminmax()
        if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
            raise UserError(
                f"ssim needs images in [0, 1], not in [{low:.3g}, {high:.3g}]; "
                "networks work in [-1, 1]: convert with pix2pix_utils.data.to_unit"
            )
    if min(prediction.shape[-2:]) < WINDOW:
        raise UserError(
            f"ssim needs images of at least {WINDOW}x{WINDOW} pixels, "
            f"not {prediction.shape[-1]}x{prediction.shape[-2]}"
        )
    return ssim_map(prediction, target).mean(dim=(1, 2, 3))


def ssim_map(prediction: Tensor, target: Tensor) -> Tensor:
    """SSIM of every window: (N, 3, H, W) in [0, 1] to (N, 3, H - 10, W - 10) in [-1, 1].

    Entry (y, x) belongs to the window centred on pixel (y + 5, x + 5).
    """
    # In float32 the differences below would cancel in flat regions, and SSIM exceed 1.
    x, y = prediction.double(), target.double()
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x * mean_x
    variance_y = _blur(y * y) - mean_y * mean_y
    covariance = _blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return (luminance * structure).to(prediction.dtype)


def gradient_energy(images: Tensor) -> Tensor:
    """How much happens between neighbouring pixels, a measure of sharpness without a reference.

    Mean squared difference to the right and to the lower neighbour: (N, 3, H, W) in [0, 1] to
    (N,). A blurred photo has less than the real one; a photo with invented texture may have more.
    """
    horizontal = (images[..., :, 1:] - images[..., :, :-1]).square().mean(dim=(1, 2, 3))
    vertical = (images[..., 1:, :] - images[..., :-1, :]).square().mean(dim=(1, 2, 3))
    return horizontal + vertical


def _blur(images: Tensor) -> Tensor:
    """Gaussian mean over every window inside the image, as two products with banded matrices.

    On a CPU this is several times faster than a convolution of single channels.
    """
    height, width = images.shape[-2:]
    rows = _window_weights(height, images.device)  # (H - 10, H)
    columns = _window_weights(width, images.device)  # (W - 10, W)
    return rows @ images @ columns.T


@lru_cache(maxsize=16)
def _window_weights(length: int, device: torch.device) -> Tensor:
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    gaussian = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    gaussian /= gaussian.sum()
    weights = torch.zeros(length - WINDOW + 1, length, dtype=torch.float64)
    for start, row in enumerate(weights):
        row[start : start + WINDOW] = gaussian
    return weights.to(device)
