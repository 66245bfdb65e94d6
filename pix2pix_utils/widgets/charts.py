"""Curves over the epochs as SVG, drawn in a millisecond: fast enough for live updates.

Axes and texts have the colour of the text around them (`currentColor`), so that a chart can be read
in a light and in a dark theme.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 212, 150
LEFT, RIGHT, TOP, BOTTOM = 42, 10, 34, 24  # margins
INSET = 6  # from the left margin to the first epoch, so that no mark covers a number
# blue and vermilion of Okabe and Ito, in shades that suit a white and a black background
STYLES = (("#1f87c9", "none"), ("#dd6b10", "5 3"))  # colour and dashes of each curve
MOST_DOTS = 20  # a curve with more points has no dots

Point = tuple[float, float]


def line_chart(
    title: str,
    curves: Mapping[str, Sequence[Point]],
    last: float,
    rings: Sequence[Point] = (),
    cursor: float | None = None,
) -> str:
    """At most two curves over the epochs 1 to `last`; points that are not finite are left out.

    `rings` are single points, drawn hollow; `cursor` is an epoch with a vertical line. The text for
    screen readers gives the last value of each curve.
    """
    curves = {name: [p for p in points if math.isfinite(p[1])] for name, points in curves.items()}
    rings = [point for point in rings if math.isfinite(point[1])]
    values = [y for points in (*curves.values(), rings) for _, y in points] or [0.0, 1.0]
    room = 0.08 * (max(values) - min(values)) or 0.1 * abs(values[0]) or 0.1
    low, high = min(values) - room, max(values) + room
    first = min([1.0, *(x for x, _ in rings)])

    def at(x: float, y: float) -> Point:
        across = (x - first) / max(last - first, 1)
        up = (y - low) / (high - low)
        left = LEFT + INSET + across * (WIDTH - LEFT - INSET - RIGHT)
        return round(left, 1), round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<text x="4" y="{HEIGHT - 10}">epoch</text>']
    step = max(1, math.ceil(last / 6))
    for epoch in range(step, int(last) + 1, step):
        x, _ = at(epoch, low)
        parts.append(f'<text x="{x}" y="{HEIGHT - 10}" text-anchor="middle">{epoch}</text>')
    digits = max(0, min(4, 1 - math.floor(math.log10(high - low))))
    for share in (0.1, 0.5, 0.9):
        value = low + share * (high - low)
        _, y = at(1, value)
        parts.append(_line(LEFT, WIDTH - RIGHT, y, y, 'stroke="currentColor" opacity="0.25"'))
        parts.append(
            f'<text x="{LEFT - 4}" y="{y + 3.5}" text-anchor="end">{value:.{digits}f}</text>'
        )
    if cursor is not None:
        x, _ = at(cursor, low)
        style = 'stroke="currentColor" stroke-dasharray="2 2" class="cursor"'
        parts.append(_line(x, x, TOP, HEIGHT - BOTTOM, style))
    for index, (name, points) in enumerate(curves.items()):
        color, dashes = STYLES[index]
        places = [at(*point) for point in points]
        style = f'stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"'
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" {style}/>')
        if len(places) <= MOST_DOTS:
            parts += [f'<circle cx="{x}" cy="{y}" r="2.6" fill="{color}"/>' for x, y in places]
        if len(curves) > 1:  # the key
            x = LEFT + index * (WIDTH - LEFT - RIGHT) / 2
            parts.append(_line(x, x + 22, 23, 23, style))
            parts.append(f'<text x="{x + 26}" y="26.5">{escape(name)}</text>')
    for point in rings:
        x, y = at(*point)
        style = 'fill="none" stroke="currentColor" stroke-width="1.8"'
        parts.append(f'<circle class="ring" cx="{x}" cy="{y}" r="4.5" {style}/>')
    ends = [f"{name} {p[-1][1]:.3g} at epoch {p[-1][0]:g}" for name, p in curves.items() if p]
    words = f"{title}: {', '.join(ends) or 'no values yet'}"
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-size="10" fill="currentColor" '
        'style="max-width: 100%">'
        f'<text x="{LEFT}" y="12" font-size="11.5" font-weight="bold">{escape(title)}</text>'
        f"{''.join(parts)}</svg>"
    )


def _line(x1: float, x2: float, y1: float, y2: float, style: str) -> str:
    return f'<line {style} x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'
