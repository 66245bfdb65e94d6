"""Image metrics: SSIM, PSNR, L1 distance and gradient energy."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.errors import UserError

WINDOW = 11  # pixels: 3.5 standard deviations on each side
SIGMA = 1.5  # pixels
RANGE_TOLERANCE = 1e-3  # allows for float rounding
C1 = 0.01**2  # stabilising constants of Wang et al. 2004 for a data range of 1
C2 = 0.03**2
PIXELS_AT_ONCE = 1 << 16  # one 256x256 image; more would not fit into a CPU's cache


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) of each pair of images.

    `prediction` and `target`: (N, 3, H, W) float in [0, 1], H and W at least 11. Returns (N,) in
    [-1, 1], 1 for equal images. Convention: Gaussian window with sigma 1.5 and 11 pixels, no
    sample covariance, data range 1, mean over the three channels and over all windows that lie
    inside the image. Agrees to 1e-4 or better with scikit-image's ``structural_similarity(...,
    gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1,
    channel_axis=...)``.

    Raises UserError if the shapes differ, an image is smaller than the window or a value lies
    outside [0, 1].
    """
    _check("ssim", prediction, target)
    return ssim_map(prediction, target).mean(dim=(1, 2, 3))


def ssim_map(prediction: Tensor, target: Tensor) -> Tensor:
    """SSIM of every window: (N, 3, H, W) in [0, 1] to (N, 3, H - 10, W - 10) in [-1, 1].

    Entry (y, x) belongs to the window centred on pixel (y + 5, x + 5). Raises UserError if an image
    is smaller than the window.
    """
    if min(prediction.shape[-2:]) < WINDOW:
        raise UserError(
            f"ssim needs images of at least {WINDOW}x{WINDOW} pixels, "
            f"not {prediction.shape[-1]}x{prediction.shape[-2]}"
        )
    count = max(1, PIXELS_AT_ONCE // math.prod(prediction.shape[-2:]))  # images
    parts = zip(prediction.split(count), target.split(count), strict=True)
    return torch.cat([torch.mul(*similarity_maps(x, y)) for x, y in parts])


def psnr(prediction: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each pair of images in dB, for a data range of 1.

    (N, 3, H, W) in [0, 1] to (N,): 10 log10(1 / mean squared error over pixels and channels).
    Infinite for equal images, as in scikit-image. Raises UserError if the shapes differ or a value
    lies outside [0, 1].
    """
    _check("psnr", prediction, target)
    return -10 * (prediction - target).square().mean(dim=(1, 2, 3)).log10()


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference over pixels and channels: (N, 3, H, W) in [0, 1] to (N,) in [0, 1].

    Half of the L1 loss that training prints, which is computed in [-1, 1]. Raises UserError if the
    shapes differ or a value lies outside [0, 1].
    """
    _check("l1", prediction, target)
    return (prediction - target).abs().mean(dim=(1, 2, 3))


def gradient_energy(images: Tensor) -> Tensor:
    """Gradient energy, a sharpness measure that needs no reference photo.

    Mean squared difference between each pixel and its right and lower neighbours: (N, 3, H, W) in
    [0, 1] to (N,). Lower than the real photo's for a blurred photo; invented texture can make it
    higher.
    """
    horizontal = (images[..., :, 1:] - images[..., :, :-1]).square().mean(dim=(1, 2, 3))
    vertical = (images[..., 1:, :] - images[..., :-1, :]).square().mean(dim=(1, 2, 3))
    return horizontal + vertical


def _check(measure: str, prediction: Tensor, target: Tensor) -> None:
    """Raise UserError unless both are batches of images in [0, 1] of one shape."""
    if prediction.shape != target.shape or prediction.ndim != 4:
        raise UserError(
            f"{measure} needs two batches (N, 3, H, W) of one shape, "
            f"not {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    for images in (prediction, target):
        if not images.numel():
            continue
        low, high = images.aminmax()
        if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
            raise UserError(
                f"{measure} needs images in [0, 1], not in [{low:.3g}, {high:.3g}]; "
                "networks work in [-1, 1]: convert with pix2pix_utils.data.to_unit"
            )


def similarity_maps(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast and structure, of every window; their product is the SSIM map.

    (N, 3, H, W) in [0, 1] to two of (N, 3, H - 10, W - 10), differentiable.
    """
    # With s = x + y and d = x - y, 2 cov(x, y) = (var s - var d) / 2 and
    # var x + var y = (var s + var d) / 2, and likewise for the products of the means. In this form
    # float32 is enough: where x and y are similar, d is small and so is its rounding error, and no
    # window exceeds 1. `s` is centred for the same reason.
    s, d = prediction + target - 1, prediction - target
    mean_s, mean_d, square_s, square_d = _WindowMean.apply(torch.stack([s, d, s * s, d * d]))
    variance_s = (square_s - mean_s * mean_s).clamp(min=0)
    variance_d = (square_d - mean_d * mean_d).clamp(min=0)
    squared_s, squared_d = (mean_s + 1).square(), mean_d.square()
    luminance = (squared_s - squared_d + 2 * C1) / (squared_s + squared_d + 2 * C1)
    structure = (variance_s - variance_d + 2 * C2) / (variance_s + variance_d + 2 * C2)
    return luminance, structure


_WEIGHTS = [math.exp(-0.5 * ((i - WINDOW // 2) / SIGMA) ** 2) for i in range(WINDOW)]
_GAUSSIAN = [weight / sum(_WEIGHTS) for weight in _WEIGHTS]


class _WindowMean(torch.autograd.Function):
    """`_blur`, with a backward pass of its own that takes half as long as autograd's.

    The transposed mean is the mean of the gradient with a margin of zeros, since the Gaussian is
    symmetric.
    """

    @staticmethod
    def forward(ctx, images: Tensor) -> Tensor:
        return _blur(images)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _blur(F.pad(gradient, [WINDOW - 1] * 4))


def _blur(images: Tensor) -> Tensor:
    """Gaussian mean over every window inside the image: (..., H, W) to (..., H - 10, W - 10).

    Sums shifted, weighted copies along one axis and then the other, which is much faster on a CPU
    than a depthwise convolution.
    """
    for axis in (-2, -1):
        length = images.shape[axis] - WINDOW + 1
        total = _GAUSSIAN[0] * images.narrow(axis, 0, length)
        for offset in range(1, WINDOW):
            total.add_(images.narrow(axis, offset, length), alpha=_GAUSSIAN[offset])
        images = total
    return images
