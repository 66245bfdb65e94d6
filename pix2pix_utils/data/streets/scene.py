"""Step 1: sample the description of a street scene, in metres."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

# The Cityscapes camera: a focal length of 2262 pixels in pictures of 2048 x 1024 pixels. In units
# of the picture's width and height the two differ, which squeezes the view into a square.
FOCAL_U, FOCAL_V = 2262 / 2048, 2262 / 1024
NEAR, FAR = 1.0, 170.0  # metres: the nearest depth drawn, the farthest end of a street
KERB = 0.13  # height of the sidewalk above the road in metres

Color = tuple[float, float, float]  # sRGB, 0..255
T = TypeVar("T")


def scaled(color: Color, factor: float) -> Color:
    r, g, b = color
    return r * factor, g * factor, b * factor


class Dice:
    """Random numbers one by one; numpy generates them a thousand at a time."""

    def __init__(self, *key: int):
        self._rng = np.random.default_rng(key)
        self._pool: list[float] = []

    def roll(self) -> float:
        if not self._pool:
            self._pool = self._rng.random(1024).tolist()
        return self._pool.pop()

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.roll()

    def chance(self, probability: float) -> bool:
        return self.roll() < probability

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.roll() * len(options))]

    def weigh(self, options: Mapping[T, float]) -> T:
        """One of the keys, with a probability in proportion to its value."""
        mark = self.roll() * sum(options.values())
        for option, weight in options.items():
            mark -= weight
            if mark < 0:
                return option
        return option  # rounding can keep the mark from falling below zero

    def shade(self, color: Color, light: float = 0.12, hue: float = 6) -> Color:
        """A similar colour: brighter or darker by a share of `light`, each channel shifted."""
        gain = 1 + self.between(-light, light)
        r, g, b = (min(max(c * gain + self.between(-hue, hue), 4), 250) for c in color)
        return r, g, b


@dataclass(frozen=True)
class Camera:
    vanish_u: float  # where straight roads vanish
    horizon: float  # v of the horizon
    height: float  # above the road
    bend: float  # the street drifts sideways by bend * z**2, in 1 / metre

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Picture coordinates of a place in the world."""
        z = max(z, NEAR)
        u = self.vanish_u + FOCAL_U * (x / z + self.bend * z)
        return u, self.horizon + FOCAL_V * (self.height - y) / z


@dataclass(frozen=True)
class Side:
    """One side of the street; `sign` is -1 on the left and +1 on the right."""

    sign: int
    kerb: float  # |x| of the edge of the road
    walk: float  # width of the sidewalk
    verge: float  # width of the strip between sidewalk and houses
    lawn: float  # width of the grass between road and sidewalk
    parking: bool
    roof: float  # usual height of the houses

    @property
    def lanes_end(self) -> float:
        """|x| of the edge of the lanes, where parked cars begin."""
        return self.kerb - 2.2 * self.parking

    @property
    def walk_end(self) -> float:
        return self.kerb + self.walk

    @property
    def front(self) -> float:
        return self.kerb + self.walk + self.verge


@dataclass(frozen=True)
class Building:
    side: Side
    front: float  # |x| of the facade
    near: float
    far: float
    height: float
    roof: float  # rise of the roof, 0 for a flat one
    blank: bool  # no windows in the gable


@dataclass(frozen=True)
class Barrier:
    """Something long and upright along the street: a fence, wall, hedge or guard rail."""

    label: str
    x: float
    near: float
    far: float
    height: float


@dataclass(frozen=True)
class Tree:
    x: float
    z: float
    height: float
    radius: float  # of the crown
    trunk: float  # height of the lowest leaves, 0 for a bush


@dataclass(frozen=True)
class Vehicle:
    model: str
    x: float
    z: float  # of its middle
    heading: float  # 0 drives away from us, pi towards us


@dataclass(frozen=True)
class Cycle:
    label: str  # bicycle or motorcycle
    x: float
    z: float
    turn: float  # 0 is seen from the side, pi / 2 from behind
    ridden: bool


@dataclass(frozen=True)
class Person:
    x: float
    z: float
    height: float
    ground: float  # y of the feet


@dataclass(frozen=True)
class Post:
    kind: str  # lamp, sign, signal, bollard, mast, or bin
    x: float
    z: float
    height: float


@dataclass(frozen=True)
class Scene:
    camera: Camera
    left: Side
    right: Side
    crossing: tuple[float, float] | None  # z of the near and far edge of a cross street
    zebra: float | None
    rails: bool
    lanes: tuple[float, ...]  # x of the dashed lines
    bonnet: float  # height of the ego vehicle's bonnet in the picture, 0 for none
    skyline: list[tuple[str, float, float, float]]  # label, u from, u to, height above horizon
    things: list = field(default_factory=list)

    @property
    def middle(self) -> float:
        """x of the line between the two directions."""
        return self.lanes[0] if self.lanes else -1.5

    def is_clear(self, z: float, margin: float = 1.0) -> bool:
        """Whether a depth is outside the crossing, by at least `margin` metres."""
        if self.crossing is None:
            return True
        return not self.crossing[0] - margin < z < self.crossing[1] + margin


def sample_scene(dice: Dice) -> Scene:
    district = dice.weigh({"centre": 0.45, "avenue": 0.33, "suburb": 0.22})
    bend = dice.between(-0.0016, 0.0016) if dice.chance(0.55) else 0.0
    vanish_u, horizon, height = (dice.between(*r) for r in ((0.41, 0.59), (0.37, 0.47), (1.2, 1.5)))
    camera = Camera(vanish_u, horizon, height, bend)
    left, right = (_sample_side(dice, sign, district) for sign in (-1, 1))
    start = dice.between(16, 60)
    crossing = (start, start + dice.between(7, 12)) if dice.chance(0.4) else None
    zebra = None
    if dice.chance(0.25):
        zebra = start - 5 if crossing else dice.between(9, 30)
    width, middle = left.lanes_end + right.lanes_end, (right.lanes_end - left.lanes_end) / 2
    lanes: tuple[float, ...] = (middle,) if width > 5.5 and dice.chance(0.75) else ()
    if width > 11:
        lanes = (middle, middle - 3.1, middle + 3.1)
    scene = Scene(
        camera,
        left,
        right,
        crossing,
        zebra,
        rails=dice.chance(0.08),
        lanes=lanes,
        bonnet=dice.between(0.07, 0.12) if dice.chance(0.72) else 0.0,
        skyline=list(_sample_skyline(dice, district)),
    )
    for side in (left, right):
        scene.things.extend(_sample_lots(dice, scene, side, district))
        scene.things.extend(_sample_furniture(dice, scene, side, district))
    scene.things.extend(_sample_traffic(dice, scene))
    scene.things.extend(_sample_people(dice, scene, district))
    return scene


def _sample_side(dice: Dice, sign: int, district: str) -> Side:
    parking = dice.chance(0.42)
    kerb = (dice.between(1.8, 3.8) if sign > 0 else dice.between(3.3, 6.0)) + 2.0 * parking
    verge = {"centre": 0.25, "avenue": 0.6, "suburb": 0.9}[district]
    lawn = {"centre": 0.06, "avenue": 0.38, "suburb": 0.5}[district]
    return Side(
        sign,
        kerb,
        walk=dice.between(2.6, 5.4),
        verge=dice.between(1.0, 5.0) if dice.chance(verge) else 0.0,
        lawn=dice.between(1.0, 2.2) if dice.chance(lawn) else 0.0,
        parking=parking,
        roof={"centre": 18, "avenue": 16, "suburb": 10}[district] * dice.between(0.8, 1.3),
    )


def _sample_skyline(dice: Dice, district: str) -> Iterable[tuple[str, float, float, float]]:
    """The silhouettes at the end of the street."""
    u = -0.1
    while u < 1.1:
        width = dice.between(0.03, 0.14)
        label = "vegetation" if dice.chance(0.6 if district != "centre" else 0.35) else "building"
        yield label, u, u + width, dice.between(0.06, 0.22)
        u += width * 0.9


def _sample_lots(dice: Dice, scene: Scene, side: Side, district: str) -> Iterable:
    """Houses, gardens, and the fences and trees between them, from near to far."""
    built = {"centre": 0.86, "avenue": 0.62, "suburb": 0.5}[district]
    near = NEAR + dice.between(0, 4)
    while near < FAR:
        far = near + dice.between(9, 22)
        if scene.crossing and near < scene.crossing[1] and far > scene.crossing[0]:
            far = scene.crossing[0]
            if far - near < 3:
                near = scene.crossing[1]
                continue
        edge = side.sign * (side.walk_end + 0.1)
        fenced = dice.weigh({"fence": 6, "wall": 5, "vegetation": 3.5, "": 3, "guard rail": 0.3})
        if dice.chance(built):
            yield Building(
                side,
                side.front + (dice.between(0, 1.5) if district == "suburb" else 0),
                near,
                far - (dice.between(2, 5) if district == "suburb" else 0),
                side.roof * dice.between(0.75, 1.25),
                dice.between(2.0, 4.5) if dice.chance(0.6) else 0.0,
                dice.chance(0.5),
            )
            if side.verge > 1 and fenced and dice.chance(0.85):
                yield Barrier(fenced, edge, near, far, dice.between(0.7, 1.5))
        else:
            fenced = dice.weigh({"fence": 5, "wall": 4, "vegetation": 3, "": 3})
            if fenced:
                yield Barrier(fenced, edge, near, far, dice.between(0.9, 2.3))
            yield Building(side, side.front + dice.between(14, 24), near, far, side.roof, 3.0, True)
            for _ in range(int((far - near) / (4 if near < 70 else 8))):
                height = dice.between(4, 11)
                yield Tree(
                    side.sign * (side.front + dice.between(2, 10)),
                    dice.between(near, far),
                    height,
                    height * dice.between(0.25, 0.42),
                    dice.between(0, 1.6),
                )
        near = far


def _sample_furniture(dice: Dice, scene: Scene, side: Side, district: str) -> Iterable:
    """Trees, lamps, signs and parked cars along the kerb."""
    kerb, sign = side.kerb, side.sign
    if dice.chance({"centre": 0.5, "avenue": 0.95, "suburb": 0.65}[district]):
        step, z = dice.between(8, 15), dice.between(7, 18)
        in_verge = side.verge > 1.5 and dice.chance(0.5)
        x = sign * (side.walk_end + 0.8 if in_verge else kerb + 0.8)
        while z < 110:
            if scene.is_clear(z, 3) and dice.chance(0.85):
                height = dice.between(5.5, 10)
                yield Tree(x, z, height, height * dice.between(0.28, 0.42), dice.between(2.2, 3.2))
            z += step * dice.between(0.8, 1.3)
    z = dice.between(9, 30) if dice.chance(0.75) else FAR
    tall = dice.between(6, 9)
    while z < 80:
        yield Post("lamp", sign * (kerb + 0.4), z, tall)
        z += dice.between(22, 40)
    for _ in range(int(dice.between(0.6, 4))):
        z = dice.between(9, 55)
        height = dice.between(2.3, 3.4)
        kind = dice.weigh({"sign": 9, "mast": 1.2, "bin": 1, "bollard": 1})
        for step in range(6 if kind == "bollard" else 1):
            yield Post(kind, sign * (kerb + dice.between(0.3, 0.5)), z + 1.6 * step, height)
    ahead = scene.crossing[0] if scene.crossing else scene.zebra
    if ahead and dice.chance(0.8):
        yield Post("signal", sign * (kerb + 0.4), ahead - 0.5, dice.between(3.2, 3.8))
        if scene.crossing:
            yield Post("signal", sign * (kerb + 0.4), scene.crossing[1] + 0.5, 3.6)
    if side.parking:
        z, full = dice.between(4, 14), dice.between(0.2, 0.8)
        while z < 110:
            if dice.chance(full) and scene.is_clear(z, 4):
                model = dice.weigh({"hatch": 4, "sedan": 3, "estate": 3, "suv": 2, "van": 1})
                x = sign * (kerb - dice.between(1.0, 1.2))
                yield Vehicle(model, x, z, dice.pick([0, math.pi]) if sign < 0 else 0)
            z += dice.between(5.2, 6.4)
    for _ in range(int(dice.between(0, 4.5))):
        z = dice.between(7, 45)
        label = dice.weigh({"bicycle": 4, "motorcycle": 0.9})
        turn = dice.pick([0.2, 0.8, 1.1]) * dice.pick([-1, 1])
        yield Cycle(label, sign * (kerb + dice.between(0.5, side.walk)), z, turn, False)


def _sample_traffic(dice: Dice, scene: Scene) -> Iterable:
    """Vehicles ahead of us, towards us and across, and cyclists."""
    cars = {"hatch": 4, "sedan": 4, "estate": 3, "suv": 2, "van": 1.2}
    models = cars | {"truck": 0.35, "bus": 0.28, "caravan": 0.03, "trailer": 0.03}
    z = dice.between(11, 55)
    while z < 130:
        yield Vehicle(dice.weigh(models), dice.between(-0.3, 0.4), z, 0)
        z += dice.between(14, 80)
    oncoming = min(2 * scene.middle, -2.6)
    if scene.left.lanes_end > -oncoming + 1:
        z = dice.between(12, 60)
        while z < 130:
            yield Vehicle(dice.weigh(models), oncoming + dice.between(-0.3, 0.3), z, math.pi)
            z += dice.between(10, 70)
    if scene.crossing and dice.chance(0.4):
        z = sum(scene.crossing) / 2
        for _ in range(int(dice.between(1, 3))):
            yield Vehicle(
                dice.weigh(models), dice.between(-12, 12), z, dice.pick([-1, 1]) * math.pi / 2
            )
    if scene.rails and dice.chance(0.8):
        yield Vehicle("train", scene.middle - 1.6, dice.between(28, 60), math.pi)
    if dice.chance(0.2):
        label = dice.weigh({"bicycle": 3, "motorcycle": 1})
        x = scene.right.lanes_end - 0.6
        yield Cycle(label, dice.between(x - 1, x), dice.between(8, 30), 1.35, True)
    if dice.chance(0.06):
        yield Cycle("bicycle", dice.between(-5, 5), dice.between(9, 25), 0.1, True)


def _sample_people(dice: Dice, scene: Scene, district: str) -> Iterable:
    for side in (scene.left, scene.right):
        for _ in range(int(dice.between(0, 9.5 if district == "centre" else 5))):
            z = 7 + 45 * dice.roll() ** 1.3
            for _ in range(1 + dice.chance(0.3)):
                x = side.sign * (side.kerb + dice.between(0.3, max(side.walk - 0.3, 0.5)))
                yield Person(x, z + dice.between(-0.5, 0.5), dice.between(1.55, 1.9), KERB)
    if scene.zebra and dice.chance(0.6):
        for _ in range(int(dice.between(1, 5))):
            x = dice.between(-scene.left.kerb, scene.right.kerb)
            yield Person(x, scene.zebra + dice.between(0.3, 2.7), dice.between(1.55, 1.9), 0.0)


@dataclass(frozen=True)
class Light:
    """Time of day and weather; colours are linear RGB, 1 is white paper in full daylight."""

    name: str
    sun: np.ndarray  # (3,) light of the sun on a surface that faces it
    ambient: np.ndarray  # (3,) light of the sky
    to_sun: tuple[float, float, float]  # unit vector
    zenith: np.ndarray  # (3,) sky at the top
    skyline: np.ndarray  # (3,) sky at the horizon, and haze
    clouds: float  # share of the sky, 0..1
    haze: float  # distance in metres over which contrast drops to 1/e
    exposure: float
    white: np.ndarray  # (3,) white balance

    @property
    def sunny(self) -> bool:
        return self.sun[0] > 0.3

    @property
    def shadow(self) -> tuple[float, float]:
        """Where the shadow of a point 1 m above the ground falls: metres in x and z."""
        x, y, z = self.to_sun
        return -x / y, -z / y


# Share; sun, ambient light, sky at the zenith and at the horizon in linear RGB; then the ranges of
# the sun's elevation in degrees, the clouded share of the sky and the haze in metres.
_WEATHER: dict[str, tuple] = {
    "day": (
        0.40, (1.75, 1.6, 1.35), (0.52, 0.6, 0.74), (0.22, 0.4, 0.75), (0.75, 0.85, 0.95),
        (28, 60), (0.1, 0.6), (300, 900),
    ),
    "overcast": (
        0.36, (0.1, 0.1, 0.1), (1.0, 1.04, 1.08), (0.72, 0.76, 0.8), (0.95, 0.96, 0.97),
        (40, 60), (0.7, 1.0), (250, 800),
    ),
    "golden": (
        0.17, (1.9, 1.3, 0.7), (0.38, 0.42, 0.55), (0.25, 0.38, 0.62), (1.0, 0.82, 0.58),
        (12, 25), (0.1, 0.5), (260, 700),
    ),
    "dusk": (
        0.07, (0.02, 0.02, 0.02), (0.3, 0.34, 0.5), (0.1, 0.15, 0.32), (0.5, 0.38, 0.36),
        (10, 30), (0.2, 0.7), (200, 500),
    ),
}  # fmt: skip


def float32(values: Sequence[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def sample_light(dice: Dice) -> Light:
    name = dice.weigh({name: row[0] for name, row in _WEATHER.items()})
    _, sun, ambient, zenith, skyline, elevation, clouds, haze = _WEATHER[name]
    up = math.radians(dice.between(*elevation))
    around = dice.between(0, 2 * math.pi)
    to_sun = (math.cos(up) * math.sin(around), math.sin(up), math.cos(up) * math.cos(around))
    warmth = dice.between(-0.07, 0.07)
    return Light(
        name,
        sun=float32(sun) * dice.between(0.8, 1.15),
        ambient=float32(ambient) * dice.between(0.85, 1.15),
        to_sun=to_sun,
        zenith=float32(zenith) * dice.between(0.85, 1.15),
        skyline=float32(skyline) * dice.between(0.9, 1.1),
        clouds=dice.between(*clouds),
        haze=dice.between(*haze),
        exposure=dice.between(0.85, 1.2),
        white=float32([1 + warmth, 1 + dice.between(0.0, 0.05), 1 - warmth]),
    )
