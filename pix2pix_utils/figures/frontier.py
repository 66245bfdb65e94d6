"""SSIM against realism, and the models that no other beats in both."""

from collections.abc import Mapping

from pix2pix_utils.figures.described import Figure
from pix2pix_utils.figures.labels import name_points
from pix2pix_utils.figures.score_plots import TRANSLUCENT
from pix2pix_utils.figures.style import ABOVE, COLORS, GREY, MARKERS

Point = tuple[float, float]  # kernel distance (lower is better) and SSIM (higher is better)


def non_dominated(points: Mapping[str, Point]) -> list[str]:
    """The names of the points that no other point beats, by rising kernel distance.

    A point beats another if it is at least as good in both measures and better in one. Of equal
    points, all or none are returned.
    """
    kept = []
    for name, (distance, ssim) in points.items():
        beaten = any(
            other_distance <= distance and other_ssim >= ssim and other != (distance, ssim)
            for other in points.values()
            for other_distance, other_ssim in [other]
        )
        if not beaten:
            kept.append(name)
    return sorted(kept, key=lambda name: points[name])


def ssim_against_realism(
    families: Mapping[str, Mapping[str, Point]],
    others: Mapping[str, Point] | None = None,
    floor: float | None = None,
) -> Figure:
    """SSIM against kernel distance, whose axis is reversed: up and to the right is better.

    `families` maps the name of a group of networks, such as an experiment and its ablations, to
    their points; each family has a colour and a marker of its own. The markers of `others`
    (reference predictors) are hollow. A dotted line is at `floor`, the kernel distance of real
    photos of other scenes. A dashed line of steps, the frontier, joins the points that are not
    dominated: the best trade-off between the two that any of them offers (Blau and Michaeli 2018).
    Below and to the left of it, some point is better in both. A name without room beside its
    marker has a line to it.
    """
    networks = {name: point for family in families.values() for name, point in family.items()}
    points = {**networks, **(others or {})}
    height = max(4.8, 0.2 * len(points) + 1)  # inches
    figure = Figure(figsize=(9, height), layout="constrained")
    axis = figure.subplots()
    for number, (title, family) in enumerate(families.items()):
        if not family:
            continue
        color = COLORS[number % len(COLORS)]
        axis.plot(
            *zip(*family.values(), strict=True),
            MARKERS[number % len(MARKERS)],
            color=color,
            markerfacecolor=color + TRANSLUCENT,
            markersize=8,
            label=title,
        )
    if others:
        axis.plot(
            *zip(*others.values(), strict=True),
            "h",
            color=GREY,
            markerfacecolor="none",
            markersize=8,
            label="no network",
        )
    if floor is not None:
        axis.axvline(floor, color="black", linewidth=0.8, linestyle=":")
    axis.margins(0.12)
    frontier = [points[name] for name in non_dominated(points)]
    lowest, farthest = axis.get_ylim()[0], axis.get_xlim()[1]
    corners = [(frontier[0][0], lowest), *frontier, (farthest, frontier[-1][1])]
    axis.step(
        *zip(*corners, strict=True),
        where="post",
        linestyle="--",
        color="black",
        linewidth=1,
        label="frontier: nothing here is better in both",
        zorder=1,
    )
    axis.set(xlim=(farthest, axis.get_xlim()[0]), ylim=(lowest, axis.get_ylim()[1]))
    dotted = " (dotted: real photos of other scenes)" if floor is not None else ""
    axis.set_xlabel(f"kernel distance: right is better{dotted}")
    axis.set_ylabel("SSIM: up is better")
    axis.grid(alpha=0.3)
    figure.legend(ncols=3, **ABOVE)
    name_points(axis, points, size=8)
    places = "; ".join(f"{name} {x:.3g}, {y:.3f}" for name, (x, y) in points.items())
    figure.details = (
        f"Points by kernel distance and SSIM: {places}. "
        f"On the frontier: {', '.join(non_dominated(points))}."
    )
    return figure
