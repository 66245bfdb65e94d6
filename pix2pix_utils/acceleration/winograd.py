"""4x4 convolutions with stride 1, such as the discriminator's, from a fifth of the multiplications.

Made one by one, the 4x4 outputs of a tile take 256 multiplications. But outputs are coefficients of
a product of polynomials, and a polynomial is also known by its values at enough points, where a
product is a single multiplication: 49 for the whole tile (Winograd 1980, "Arithmetic Complexity of
Computations"; Lavin and Gray 2016, arXiv:1509.09308). Over many channels these are matrix products.
In float32 the result is 4e-6 from the exact one, where the direct sum is 3e-7 from it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = 4  # weights along a side of the kernel
TILE = 4  # outputs along a side that are made together
SIDE = TILE + TAPS - 1  # inputs along a side that they need
POINTS = (0, 1, -1, 2, -2, -0.5)  # and infinity; small ones keep rounding errors small


def winograd_convolution(
    features: Tensor, weight: Tensor, bias: Tensor | None, padding: int
) -> Tensor:
    """`F.conv2d` with a 4x4 kernel and stride 1, up to rounding.

    `features` (N, C, H, W), `weight` (O, C, 4, 4), `bias` (O,); returns
    (N, O, H + 2 padding - 3, W + 2 padding - 3).
    """
    batch, channels, height, width = features.shape
    out_channels = len(weight)
    to_outputs, _, of_features = transforms(features.dtype)
    h, w = (length + 2 * padding - TAPS + 1 for length in (height, width))
    rows, columns = -(-h // TILE), -(-w // TILE)  # of tiles, which may reach over the edge
    below, right = ((n - 1) * TILE + SIDE - padding for n in (rows, columns))
    padded = F.pad(features, (padding, right - width, padding, below - height))

    tiles = F.unfold(padded, SIDE, stride=TILE).view(batch, channels, SIDE**2, -1)
    values = (of_features @ tiles).permute(2, 1, 0, 3).flatten(2)  # (SIDE^2, C, N rows columns)
    products = _values_of_weight(weight) @ values  # (SIDE^2, O, N rows columns)
    out = to_outputs @ products.flatten(1)  # (TILE^2, O N rows columns)

    out = out.view(TILE, TILE, out_channels, batch, rows, columns).permute(3, 2, 4, 0, 5, 1)
    out = out.reshape(batch, out_channels, rows * TILE, columns * TILE)[..., :h, :w]
    return out if bias is None else out + bias[:, None, None]


_SHARED: ContextVar[dict[Tensor, Tensor] | None] = ContextVar("values of weights", default=None)


@contextmanager
def shared_weights() -> Iterator[None]:
    """Within, each weight is transformed once, for all convolutions with it.

    For a network that runs on several inputs before its weights change. Their gradients are then
    added up before they are transformed back, once as well.
    """
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)


def _values_of_weight(weight: Tensor) -> Tensor:
    """(O, C, TAPS, TAPS) to (SIDE^2, O, C)."""
    shared = _SHARED.get()
    if shared is not None and weight in shared:
        return shared[weight]
    _, of_weights, _ = transforms(weight.dtype)
    values = (of_weights @ weight.flatten(2).transpose(1, 2)).transpose(0, 1)
    if shared is not None:
        shared[weight] = values
    return values


@cache
def transforms(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """From products to outputs, and from weights and from features to values, of flat squares.

    (TILE^2, SIDE^2), (SIDE^2, TAPS^2) and (SIDE^2, SIDE^2).
    """

    def values_of(coefficients: int) -> np.ndarray:
        """Of a polynomial at the points, and at infinity, where its last coefficient counts."""
        finite = np.vander(POINTS, coefficients, increasing=True)
        return np.vstack([finite, np.eye(coefficients)[-1]])

    # a filter is the transpose of the product with a fixed polynomial (Winograd's theorem)
    weights, features = values_of(TAPS), np.linalg.inv(values_of(SIDE)).T
    magnitude = np.abs(weights).sum(1, keepdims=True)  # evened out, for the rounding's sake
    return (
        _of_squares(values_of(TILE).T, dtype),
        _of_squares(weights / magnitude, dtype),
        _of_squares(features * magnitude, dtype),
    )


def _of_squares(along_an_axis: np.ndarray, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.kron(along_an_axis, along_an_axis)).to(dtype)
