"""Step 2, the tool: a canvas that paints class map and photo with the same polygons."""

import math
from collections.abc import Iterable, Sequence
from enum import IntEnum

from PIL import Image, ImageDraw

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets.scene import NEAR, Camera, Color, Dice, Light


class Kind(IntEnum):
    """How `photo.develop` textures a surface."""

    PLAIN, SKY, ROAD, PAVING, GRASS, PAINT, FACADE, BARS, LEAVES, STONE = range(10)


GROUND = (Kind.ROAD, Kind.PAVING, Kind.GRASS, Kind.PAINT)
UPRIGHT = (Kind.FACADE, Kind.BARS, Kind.STONE)

_CLASS = {name: index for index, name in enumerate(CITYSCAPES.classes)}


def _circle(corners: int) -> list[tuple[float, float]]:
    angles = (2 * math.pi * i / corners for i in range(corners))
    return [(math.cos(angle), math.sin(angle)) for angle in angles]


CIRCLE, FINE_CIRCLE = _circle(12), _circle(26)


def ellipse(x: float, y: float, rx: float, ry: float) -> list[tuple[float, float]]:
    return [(x + rx * c, y + ry * s) for c, s in CIRCLE]


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


class Canvas:
    """A picture of surface numbers, the table of surfaces, and two shadow maps."""

    def __init__(self, camera: Camera, light: Light, shape: Dice, look: Dice, size: int):
        self.camera, self.light, self.shape, self.look, self.size = camera, light, shape, look, size
        self.numbers = Image.new("I", (size, size))
        self.sun_shadow = Image.new("L", (size, size))
        self.contact = Image.new("L", (size, size))
        self.surfaces: list[tuple] = []
        self.facades: list[tuple] = [(1.0,) * 14]
        self._pen = ImageDraw.Draw(self.numbers)
        self._shadow_pen = ImageDraw.Draw(self.sun_shadow)
        self._contact_pen = ImageDraw.Draw(self.contact)

    def _pixels(self, outline: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        size = self.size  # Pillow puts integer coordinates on the centres of pixels
        return [(u * size - 0.5, v * size - 0.5) for u, v in outline]

    def fill(
        self,
        label: str,
        outline: Sequence[tuple[float, float]],
        z: float,
        color: Color,
        below: Color | None = None,
        kind: Kind = Kind.PLAIN,
        normal: tuple[float, float, float] = (0.0, 0.3, -0.9),
        sky: float = 0.8,
        glow: float = 0.0,
        plane: tuple[float, float, float, float] = (0.0, 1.0, 1.0, 1.0),
        ground: float = 0.0,
        facade: int = 0,
    ) -> None:
        """Paint one polygon, given in picture coordinates, into class map and photo at once.

        The colour runs from `color` at the top to `below` at the bottom. `normal` is the direction
        that the surface faces, `sky` the share of the sky that lights it, `glow` its own light.
        `plane` is (x, z, x, z) of the foot of an upright plane, `ground` the y of a level one.
        """
        across, heights = zip(*outline, strict=True)
        if max(across) < 0 or min(across) > 1 or max(heights) < 0:
            return
        sx, sy, sz = self.light.to_sun
        lit = max(0.0, normal[0] * sx + normal[1] * sy + normal[2] * sz)
        self._pen.polygon(self._pixels(outline), fill=len(self.surfaces))
        self.surfaces.append(
            (
                *(_CLASS[label], kind, z, lit, sky, glow, min(heights), max(heights)),
                *(*color, *(below or color), *plane, ground, facade),
            )
        )

    def board(self, label: str, shape, x, y, z, color, turn: float = 0.0, **surface) -> None:
        """Paint an upright flat shape, [(right, up), ...] in metres, at (x, y, z)."""
        project, c, s = self.camera.project, math.cos(turn), math.sin(turn)
        outline = [project(x + a * c, y + b, z + a * s) for a, b in shape]
        self.fill(label, outline, z, color, **surface)

    def strip(
        self, label: str, x0, x1, z0, z1, y, color, kind, y1: float | None = None, **surface
    ) -> None:
        """Paint a band along the street, level or (with x0 = x1) upright from y to y1."""
        project, top = self.camera.project, y if y1 is None else y1
        steps = 1 if self.camera.bend == 0 else 3 + int(z1 / 20)
        ratio = (z1 / z0) ** (1 / steps)
        depths = [z0 * ratio**i for i in range(steps + 1)]
        outline = [project(x0, y, z) for z in depths]
        outline += [project(x1, top, z) for z in reversed(depths)]
        surface.setdefault("normal", (0, 1, 0))
        surface.setdefault("sky", 1.0)
        self.fill(label, outline, (z0 + z1) / 2, color, kind=kind, ground=y, **surface)

    def wall(self, label: str, x0, z0, x1, z1, y0, y1, color, kind, **surface) -> None:
        """Paint an upright plane over the line from (x0, z0) to (x1, z1)."""
        project, bend = self.camera.project, self.camera.bend
        z0, z1 = max(z0, NEAR), max(z1, NEAR)
        outline = [project(x0, y0, z0), project(x1, y0, z1), project(x1, y1, z1)]
        outline.append(project(x0, y1, z0))
        plane = (x0 + bend * z0 * z0, z0, x1 + bend * z1 * z1, z1)
        self.fill(label, outline, (z0 + z1) / 2, color, kind=kind, plane=plane, **surface)

    def drop_shadow(self, foot: Sequence[tuple[float, float]], height: float) -> None:
        """Cast the shadow of a prism on the ground; `foot` are the (x, z) corners of its base."""
        if not self.light.sunny:
            return
        kx, kz = self.light.shadow
        project = self.camera.project
        for i in range(len(foot)):
            (xa, za), (xb, zb) = foot[i - 1], foot[i]
            quad = [(xa, za, 0), (xb, zb, 0), (xb, zb, height), (xa, za, height)]
            outline = [project(x + kx * h, 0, z + kz * h) for x, z, h in quad]
            self._shadow_pen.polygon(self._pixels(outline), fill=255)

    def dapple(self, outline: Sequence[tuple[float, float]]) -> None:
        """Cast a leafy shadow, which lets some sun through; `outline` in picture coordinates."""
        self._shadow_pen.polygon(self._pixels(outline), fill=215)

    def sees(self, x: float, z: float, reach: float) -> bool:
        """Whether anything within `reach` metres left and right of a place is in the picture."""
        project = self.camera.project
        return project(x + reach, 0, z)[0] > 0 and project(x - reach, 0, z)[0] < 1

    def touch(self, foot: Sequence[tuple[float, float]], strength: int = 255) -> None:
        """Darken the ground (x, z) close to an object, whatever the light."""
        outline = [self.camera.project(x, 0, z) for x, z in foot]
        self._contact_pen.polygon(self._pixels(outline), fill=strength)
