"""HTML that the widgets are made of: pictures with a text, and curves as SVG.

Everything is drawn in the colour of the text around it (`currentColor`), so that it can be read in
a light and in a dark theme. A chart is a few kilobytes of text and takes about a millisecond, which
is what lets it be redrawn while a training runs.
"""

import base64
import io
import math
import uuid
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

SHOWN_SIZE = 448  # pixels on the screen
WIDTH, HEIGHT = 212, 150  # of a chart
LEFT, RIGHT, TOP, BOTTOM = 42, 10, 34, 24  # its margins
INSET = 6  # from the left margin to the first epoch, so that its mark covers no number
# blue and vermilion of Okabe and Ito, between their shades for white and for black paper
CURVE_COLORS = ("#1f87c9", "#dd6b10")
DASHES = ("none", "5 3")

Point = tuple[float, float]


def data_uri(png: bytes) -> str:
    """The bytes of a PNG file as an address for `src`."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def png_bytes(picture: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    return buffer.getvalue()


def picture_tag(picture: np.ndarray | bytes, words: str, width: int = SHOWN_SIZE) -> str:
    """A picture (H, W, 3) uint8, or the bytes of a PNG file, as HTML.

    Unlike ipywidgets' own Image it has a text for screen readers. The height is given with the
    width, so that the page does not jump when the picture changes. Raises OSError if the bytes are
    no picture.
    """
    png = picture if isinstance(picture, bytes) else png_bytes(picture)
    columns, rows = Image.open(io.BytesIO(png)).size
    return (
        f'<img alt="{escape(words)}" width="{width}" height="{round(width * rows / columns)}" '
        f'style="image-rendering: pixelated" src="{data_uri(png)}">'
    )


def file_tag(path: Path, words: str, width: int) -> str:
    """A PNG file as it is, or a sentence if it cannot be read."""
    try:
        return picture_tag(path.read_bytes(), words, width)
    except OSError:
        return sentences(f"The picture {path.name} is missing or damaged.")


def sentences(words: str) -> str:
    """Plain text as HTML, set tighter than JupyterLab sets the text of widgets."""
    return f'<p style="line-height: 1.4; margin: 2px">{escape(words)}</p>'


def unique_class() -> str:
    """A name for a style sheet that applies to one widget of the page and to no other."""
    return f"p2p-{uuid.uuid4().hex[:12]}"


def line_chart(
    title: str,
    curves: Mapping[str, Sequence[Point]],
    last: float,
    rings: Sequence[Point] = (),
    cursor: float | None = None,
) -> str:
    """Curves over the epochs 1 to `last` as an SVG; points that are not finite are left out.

    The second curve is dashed. `rings` are single points, at most one a curve in their order, drawn
    hollow; `cursor` is an epoch with a vertical line. The text for screen readers gives the last
    value of every curve.
    """
    curves = {name: [p for p in points if math.isfinite(p[1])] for name, points in curves.items()}
    rings = [point for point in rings if math.isfinite(point[1])]
    values = [y for points in curves.values() for _, y in points] + [y for _, y in rings]
    low, high = _padded(values)
    first = min([1.0, *(x for x, _ in rings)])

    def at(point: Point) -> Point:
        across = (point[0] - first) / max(last - first, 1)
        up = (point[1] - low) / (high - low)
        x = LEFT + INSET + across * (WIDTH - LEFT - INSET - RIGHT)
        return round(x, 1), round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1)

    parts = [_axes(at, low, high, last)]
    if cursor is not None:
        x, _ = at((cursor, low))
        parts.append(
            f'<line class="cursor" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
            'stroke="currentColor" stroke-width="1" stroke-dasharray="2 2"/>'
        )
    for number, (name, points) in enumerate(curves.items()):
        parts.append(_curve([at(point) for point in points], number))
        if len(curves) > 1:
            parts.append(_key(name, number))
    for number, point in enumerate(rings):
        parts.append(_ring(*at(point), number))
    return (
        f'<svg role="img" aria-label="{escape(_in_words(title, curves))}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-size="10" fill="currentColor" style="max-width: 100%">'
        f'<text x="{LEFT}" y="12" font-size="11.5" font-weight="bold">{escape(title)}</text>'
        f"{''.join(parts)}</svg>"
    )


def _in_words(title: str, curves: Mapping[str, Sequence[Point]]) -> str:
    ends = [
        f"{name} {points[-1][1]:.3g} at epoch {points[-1][0]:g}"
        for name, points in curves.items()
        if points
    ]
    return f"{title}: {', '.join(ends) if ends else 'no values yet'}"


def _padded(values: Sequence[float]) -> Point:
    """The range of a value axis: all values with a little room, never of no length."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.1 * abs(high) or 0.1
    return low - room, high + room


def _axes(at, low: float, high: float, last: float) -> str:
    parts = []
    digits = max(0, min(4, 1 - math.floor(math.log10(high - low))))
    for share in (0.1, 0.5, 0.9):
        value = low + share * (high - low)
        x, y = at((1, value))
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="currentColor" '
            f'stroke-opacity="0.25"/><text x="{LEFT - 4}" y="{y + 3.5}" text-anchor="end">'
            f"{value:.{digits}f}</text>"
        )
    step = max(1, math.ceil(last / 6))
    for epoch in range(step, int(last) + 1, step):
        x, _ = at((epoch, low))
        parts.append(f'<text x="{x}" y="{HEIGHT - 10}" text-anchor="middle">{epoch}</text>')
    parts.append(f'<text x="4" y="{HEIGHT - 10}">epoch</text>')
    return "".join(parts)


def _curve(places: Sequence[Point], number: int) -> str:
    color, dashes = CURVE_COLORS[number % 2], DASHES[number % 2]
    line = " ".join(f"{x},{y}" for x, y in places)
    drawn = (
        f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dashes}"/>'
    )
    if len(places) <= 20:
        drawn += "".join(_marker(x, y, number) for x, y in places)
    return drawn


def _marker(x: float, y: float, number: int) -> str:
    color = CURVE_COLORS[number % 2]
    if number % 2:
        return f'<rect x="{x - 2.5}" y="{y - 2.5}" width="5" height="5" fill="{color}"/>'
    return f'<circle cx="{x}" cy="{y}" r="2.6" fill="{color}"/>'


def _ring(x: float, y: float, number: int) -> str:
    style = 'fill="none" stroke="currentColor" stroke-width="1.8"'
    if number % 2:
        return f'<rect class="ring" x="{x - 4}" y="{y - 4}" width="8" height="8" {style}/>'
    return f'<circle class="ring" cx="{x}" cy="{y}" r="4.5" {style}/>'


def _key(name: str, number: int) -> str:
    """What a curve is, in the second line of the chart."""
    x = LEFT + number * (WIDTH - LEFT - RIGHT) / 2
    return (
        f'<line x1="{x}" x2="{x + 22}" y1="23" y2="23" stroke="{CURVE_COLORS[number % 2]}" '
        f'stroke-width="2" stroke-dasharray="{DASHES[number % 2]}"/>'
        f'{_marker(x + 11, 23, number)}<text x="{x + 26}" y="26.5">{escape(name)}</text>'
    )
