"""Figures written to disk."""

from pathlib import Path

import matplotlib

from pix2pix_utils.figures.described import Figure
from pix2pix_utils.files import atomic_write

DOTS_PER_INCH = 150
TRUETYPE = 42  # publishers reject Type 3 fonts, matplotlib's default


def save(figure: Figure, path: Path, caption: str = "") -> list[Path]:
    """Write a figure to `path` as .png and .pdf, with the caption in the metadata; returns both."""
    png, pdf = path.with_suffix(".png"), path.with_suffix(".pdf")
    with atomic_write(png) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH, metadata={"Description": caption})
    with atomic_write(pdf) as temporary, matplotlib.rc_context({"pdf.fonttype": TRUETYPE}):
        figure.savefig(temporary, metadata={"Subject": caption, "CreationDate": None})
    return [png, pdf]
