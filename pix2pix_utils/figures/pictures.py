"""Grids of pictures, and discriminator scores overlaid on photos."""

import textwrap
from collections.abc import Sequence

from numpy.typing import ArrayLike
from torch import Tensor

from pix2pix_utils.data.pairs import to_uint8
from pix2pix_utils.figures.described import Figure, series
from pix2pix_utils.figures.style import cell_side

LETTERS_PER_INCH = 13  # at 9 points
LINE_OF_TITLE = 0.18  # inches, at 9 points


def image_grid(
    rows: Sequence[Sequence[ArrayLike]],
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    captions: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Pictures in rows and columns: (H, W, 3) uint8, or (H, W) floats shown in grey.

    Column titles may have several lines; `captions` are shown below each picture.
    """
    cell = cell_side(len(rows[0]), 0.3)
    letters = int(cell * LETTERS_PER_INCH)
    titles = [
        "\n".join(textwrap.fill(line, letters) for line in title.splitlines())
        for title in column_titles
    ]
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    height = (cell + (0.22 if captions else 0)) * len(rows) + LINE_OF_TITLE * lines + 0.1
    figure = Figure(figsize=(cell * len(rows[0]) + 0.3, height), layout="constrained")
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            axis = axes[row, column]
            axis.imshow(image, cmap="gray", interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if row == 0 and column_titles:
                axis.set_title(titles[column], fontsize=9)
            if column == 0 and row_titles:
                axis.set_ylabel(textwrap.fill(row_titles[row], letters), fontsize=9)
            if captions:
                axis.set_xlabel(captions[row][column], fontsize=8)
    figure.details = _grid_in_words(len(rows), column_titles, row_titles, captions or ())
    return figure


def score_maps(
    rows: Sequence[tuple[str, Tensor, Tensor]], meaning: str, low: float = 0.0, high: float = 1.0
) -> Figure:
    """Photos with the discriminator's score map overlaid, and a colour bar labelled `meaning`.

    Each row is a title, photos (N, 3, S, S) in [-1, 1] and scores (N, 1, h, w) in [low, high]. The
    colour map (cividis) is safe for colour-blind readers.
    """
    count = len(rows[0][1])
    cell = cell_side(count, 1)
    figure = Figure(figsize=(cell * count + 1, cell * len(rows) + 0.2), layout="constrained")
    axes = figure.subplots(len(rows), count, squeeze=False)
    for axis_row, (title, photos, scores) in zip(axes, rows, strict=True):
        axis_row[0].set_ylabel(title, fontsize=9)
        for axis, photo, score in zip(axis_row, photos, scores, strict=True):
            size = photo.shape[-1]
            axis.imshow(to_uint8(photo).mean(axis=-1), cmap="gray", vmin=0, vmax=255)
            overlay = axis.imshow(
                score[0],
                cmap="cividis",
                vmin=low,
                vmax=high,
                alpha=0.6,
                extent=(-0.5, size - 0.5, size - 0.5, -0.5),
                interpolation="nearest",
            )
            axis.set(xticks=[], yticks=[])
    figure.colorbar(overlay, ax=axes, label=meaning, shrink=0.8)
    means = [f"{title} {', '.join(_means(scores))}" for title, _, scores in rows]
    figure.details = f"Photos under score maps, {meaning}. Mean of each map: {'; '.join(means)}."
    return figure


def _means(scores: Tensor) -> list[str]:
    return [f"{mean:.2f}" for mean in scores.flatten(1).mean(dim=1).tolist()]


def _grid_in_words(
    rows: int,
    column_titles: Sequence[str],
    row_titles: Sequence[str],
    captions: Sequence[Sequence[str]],
) -> str:
    parts = ["Pictures in a row" if rows == 1 else f"Pictures in {rows} rows"]
    if column_titles:
        parts.append(f"columns: {series(column_titles)}")
    if row_titles:
        parts.append(f"rows, from the top: {series(row_titles)}")
    below = [series([one for one in row if one]) for row in captions]
    if any(below):
        parts.append(f"below them: {' | '.join(filter(None, below))}")
    return f"{'. '.join(part[0].upper() + part[1:] for part in parts)}."
