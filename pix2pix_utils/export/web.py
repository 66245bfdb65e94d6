"""A page in which anyone paints a street: canvas, runtime and generators in one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_utils.data.palette import Palette


@dataclass(frozen=True)
class PageModel:
    """A generator for the page, and what the page says about it."""

    title: str  # in the switch between models
    # ONNX, weights in 16 bits: `label`, (1, 3, S, S) float32 in [-1, 1], to `photo`, likewise
    network: bytes
    palette: Palette
    image_size: int  # S
    trained_on: str  # ends the sentence "It was trained on ...", as in "600 pairs of camvid"
    scores: str = ""  # sentences with data set and size; empty if the run has none


def write_page(models: Sequence[PageModel], path: Path, runtime, title: str = "Paint a street") -> None:
    """Write the page; `runtime` is what `load_runtime` returns.

    Raises UserError unless all models have the same classes, colours and size, and if the drawn
    streets cannot be given these classes. Raises WriteError if the file cannot be written.
    """
    raise NotImplementedError
