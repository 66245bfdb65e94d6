"""A figure on disk."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from pix2pix_utils.files import atomic_write

DOTS_PER_INCH = 150
TRUETYPE = 42  # embedded so; publishers refuse matplotlib's default, Type 3


def save(figure: Figure, path: Path, caption: str = "") -> list[Path]:
    """Write `path` with the endings .png and .pdf; the caption goes into the files' metadata."""
    png, pdf = path.with_suffix(".png"), path.with_suffix(".pdf")
    with atomic_write(png) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH, metadata={"Description": caption})
    with atomic_write(pdf) as temporary, matplotlib.rc_context({"pdf.fonttype": TRUETYPE}):
        figure.savefig(temporary, metadata={"Subject": caption, "CreationDate": None})
    return [png, pdf]
