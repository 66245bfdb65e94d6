"""Names next to the points of a plot, where they cover neither a point nor another name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from pix2pix_utils.figures.style import GREY

Segment = tuple[np.ndarray, np.ndarray]  # two ends, (2,) pixels each

MARKER = 12  # points; a marker's side with some room
DISTANCES = (9, 18, 30, 44, 60, 80, 110, 150, 200, 260)  # points from a marker to its name
DIRECTIONS = 16  # around a marker
FAR = 12  # points; a name farther off than this gets a line to its marker
OVERLAP, CROSSING = 10000.0, 60.0  # penalties, next to 1 for each point of distance


def name_points(axis: Axes, points: Mapping[str, tuple[float, float]], size: float = 9) -> None:
    """Write each name beside its point, with a line to it where there is no room close by.

    Call this when everything else is drawn: it fixes the axis limits. The names in the most crowded
    places are placed first, each where it covers the fewest markers, names and lines.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None
    axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())
    figure.draw_without_rendering()  # settles the layout
    scale = figure.dpi / 72  # pixels to a point
    centres = {name: axis.transData.transform(point) for name, point in points.items()}
    side = MARKER * scale
    markers = [_box(centre, side, side) for centre in centres.values()]
    plan = _Plan(axis.get_window_extent(), markers, scale)
    for name in sorted(points, key=lambda one: _room(centres[one], list(centres.values()))):
        text = axis.annotate(
            name,
            xy=points[name],
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            in_layout=False,  # else the axes would move under the names
        )
        extent = text.get_window_extent()
        shift, line = plan.place(centres[name], extent.width + 4 * scale, extent.height)
        text.set_position(tuple(shift))
        if line is not None:
            ends = axis.transData.inverted().transform(np.stack(line))
            axis.plot(*ends.T, color=GREY, linewidth=0.7, zorder=1)


@dataclass
class _Plan:
    """What lies where, in pixels."""

    inside: Bbox  # of the axes
    markers: Sequence[Bbox]
    scale: float  # pixels to a point
    names: list[Bbox] = field(default_factory=list)
    lines: list[Segment] = field(default_factory=list)

    def place(self, centre: np.ndarray, width: float, height: float) -> tuple:
        """Choose a place for a name; its shift in points, (2,), and the line to it, if any."""
        others = [one for one in self.markers if not one.contains(*centre)]
        found: list[tuple[float, np.ndarray, Bbox, Segment | None]] = []
        lowest = float("inf")
        for distance, shift in _places(width / self.scale, height / self.scale):
            if lowest <= distance:
                break  # the rest is farther off
            box = _box(centre + self.scale * shift, width, height)
            line = (centre, np.clip(centre, box.min, box.max)) if distance > FAR else None
            covered = sum(box.overlaps(one) for one in [*self.markers, *self.names])
            penalty = distance + OVERLAP * (covered + (not _holds(self.inside, box)))
            if lowest <= penalty:
                continue
            crossed = sum(_meets(one, box) for one in self.lines)
            if line is not None:
                crossed += sum(_meets(line, one) for one in [*others, *self.names])
                crossed += sum(_cross(line, one) for one in self.lines)
            penalty += CROSSING * crossed
            if penalty < lowest:
                lowest = penalty
                found.append((penalty, shift, box, line))
        _, shift, box, line = found[-1]
        self.names.append(box)
        if line is not None:
            self.lines.append(line)
        return shift, line


def _places(width: float, height: float) -> Iterator[tuple[float, np.ndarray]]:
    """Distances of a name's edge from its marker, and shifts of its middle, (2,), in points."""
    for distance in DISTANCES:
        for angle in 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
            way = np.array([np.cos(angle), np.sin(angle)])
            yield distance, way * (distance + np.abs(way) * [width / 2, height / 2])


def _room(centre: np.ndarray, all_centres: Sequence[np.ndarray]) -> float:
    """The distance to the third nearest point, itself included."""
    away = sorted(float(np.linalg.norm(centre - other)) for other in all_centres)
    return away[min(2, len(away) - 1)]


def _box(middle: np.ndarray, width: float, height: float) -> Bbox:
    return Bbox.from_bounds(middle[0] - width / 2, middle[1] - height / 2, width, height)


def _holds(outer: Bbox, inner: Bbox) -> bool:
    return bool(outer.contains(*inner.min) and outer.contains(*inner.max))


def _cross(one: Segment, two: Segment) -> bool:
    """Whether two segments cross."""

    def side(line: Segment, point: np.ndarray) -> float:
        (ax, ay), (bx, by) = line
        return float((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax))

    return all(side(a, b[0]) * side(a, b[1]) < 0 for a, b in ((one, two), (two, one)))


def _meets(line: Segment, box: Bbox) -> bool:
    """Whether a segment touches a box, whose diagonals any line through it crosses."""
    corners = np.array([[box.x0, box.y0], [box.x1, box.y1], [box.x0, box.y1], [box.x1, box.y0]])
    diagonals = ((corners[0], corners[1]), (corners[2], corners[3]))
    return any(box.contains(*end) for end in line) or any(_cross(line, one) for one in diagonals)
