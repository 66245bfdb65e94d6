"""Step 2, the traffic: vehicles, cycles, people, and the posts along the kerb."""

import math
from dataclasses import dataclass

from pix2pix_utils.data.streets.canvas import CIRCLE, Canvas, ellipse, rectangle
from pix2pix_utils.data.streets.scene import (
    KERB,
    Color,
    Cycle,
    Person,
    Post,
    Scene,
    Vehicle,
    scaled,
)


@dataclass(frozen=True)
class Model:
    """A vehicle as an extruded side view, points from the rear bumper over the roof to the front.

    Each point is (share of the length from the rear, height in metres); `parts` has a letter for
    the face from each point to the next: b is body, g glass, e one of the two ends.
    """

    label: str
    length: float
    width: float
    profile: tuple[tuple[float, float], ...]
    parts: str
    windows: tuple[tuple[tuple[float, float], ...], ...]
    wheels: tuple[float, ...]
    inset: float = 0.14  # how far the roof is narrower than the doors, on each side


def _car(length, width, height, rear, roof_a, roof_b, front, belt) -> Model:
    """A car, from the shares of its length at which its windows and roof begin and end."""
    profile = (
        (0.0, 0.28), (0.0, 0.62), (0.02, belt), (rear, belt), (roof_a, height), (roof_b, height),
        (front, belt), (0.95, belt - 0.18), (1.0, 0.55), (1.0, 0.24),
    )  # fmt: skip
    low, high = belt + 0.02, height - 0.07
    split = (roof_a + front) / 2
    windows = (
        ((rear + 0.05, low), (split - 0.015, low), (split - 0.015, high), (roof_a + 0.03, high)),
        ((split + 0.015, low), (front - 0.04, low), (roof_b - 0.01, high), (split + 0.015, high)),
    )
    return Model("car", length, width, profile, "eebgbgbee", windows, (0.19, 0.81))


def _long(label, length, height, width, cab, bay, wheels, low=0.35) -> Model:
    """A box on wheels: bus, tram, or (with windows in the cab alone) truck."""
    profile = (
        (0.0, low), (0.0, 1.75), (0.0, 2.5), (0.0, height), (0.985, height),
        (1.0, height - 0.5), (1.0, 1.25), (1.0, low),
    )  # fmt: skip
    start, windows = (cab, []) if cab else (0.03, [])
    while start < 0.95:
        end = min(start + bay, 0.98)
        windows.append(tuple(rectangle(start, 1.3, end - 0.01, min(2.5, height - 0.4))))
        start = end
    parts = "eeebbge" if cab else "egebbge"
    return Model(label, length, width, profile, parts, tuple(windows), wheels, 0.02)


MODELS = {
    "hatch": _car(3.9, 1.72, 1.48, 0.02, 0.13, 0.52, 0.74, 0.95),
    "sedan": _car(4.6, 1.8, 1.44, 0.17, 0.3, 0.54, 0.72, 0.94),
    "estate": _car(4.6, 1.8, 1.48, 0.02, 0.09, 0.55, 0.72, 0.95),
    "suv": _car(4.5, 1.88, 1.72, 0.02, 0.08, 0.55, 0.72, 1.08),
    "van": _car(5.0, 1.95, 2.1, 0.01, 0.03, 0.68, 0.86, 1.15),
    "truck": _long("truck", 8.5, 3.4, 2.4, 0.84, 0.14, (0.12, 0.25, 0.85), 0.6),
    "bus": _long("bus", 12.0, 3.1, 2.5, 0, 0.12, (0.22, 0.8)),
    "train": _long("train", 28.0, 3.4, 2.4, 0, 0.05, ()),
    "caravan": _long("caravan", 5.5, 2.5, 2.1, 0, 0.3, (0.45,)),
    "trailer": _long("trailer", 5.0, 2.3, 2.1, 0.97, 0.1, (0.45, 0.6), 0.6),
}

_PAINTS: dict[Color, float] = {  # of cars, with their shares on German roads
    (30, 31, 34): 0.26, (128, 132, 136): 0.22, (92, 95, 100): 0.14, (214, 215, 214): 0.16,
    (38, 58, 104): 0.09, (132, 28, 30): 0.07, (70, 88, 70): 0.02, (186, 150, 60): 0.02,
    (110, 76, 52): 0.02,
}  # fmt: skip
_LIVERY: dict[str, list[Color]] = {
    "bus": [(206, 172, 60), (196, 60, 52), (210, 212, 210), (60, 92, 150)],
    "train": [(196, 176, 70), (190, 56, 50), (208, 208, 200), (70, 110, 140)],
    "truck": [(210, 210, 206), (60, 84, 140), (180, 60, 50), (150, 152, 150), (84, 110, 84)],
    "caravan": [(220, 218, 210)],
    "trailer": [(170, 172, 172), (90, 96, 110)],
}


def paint_vehicle(canvas: Canvas, car: Vehicle) -> None:
    look, model = canvas.look, MODELS[car.model]
    label, half, length = model.label, model.width / 2, model.length
    sin, cos = math.sin(car.heading), math.cos(car.heading)
    project = canvas.camera.project
    if label == "car":
        paint = look.shade(look.weigh(_PAINTS), 0.2)
    else:
        paint = look.shade(look.pick(_LIVERY[label]), 0.15)
    belt = 1.0 if label == "car" else 9.0
    roof = max(h for _, h in model.profile)

    def place(along: float, across: float, up: float) -> tuple[float, float]:
        along = (along - 0.5) * length
        across -= math.copysign(model.inset, across) * max(0.0, (up - belt) / (roof - belt))
        return project(car.x + along * sin + across * cos, up, car.z + along * cos - across * sin)

    def face(shape, color, below=None, normal=(0.0, 0.0), up=0.0, sky=0.7, glow=0.0) -> None:
        a, c = normal
        world = (a * sin + c * cos, up, a * cos - c * sin)
        outline = [place(*point) for point in shape]
        canvas.fill(label, outline, car.z, color, below, normal=world, sky=sky, glow=glow)

    # The camera as the vehicle sees it; a bend moves the line of sight by bend * z**2.
    dx, dz = canvas.camera.bend * car.z**2 - car.x, -car.z
    eye_along, eye_across = dx * sin + dz * cos, dx * cos - dz * sin
    dusk = canvas.light.name == "dusk"
    glass, pale = (30, 34, 38), (96, 108, 118)
    dark, under = scaled(paint, 0.55), (16, 16, 17)
    foot = [
        (car.x + a * sin + c * cos, car.z + a * cos - c * sin)
        for a, c in rectangle(-length / 2, -half, length / 2, half)
    ]
    canvas.drop_shadow(foot, roof * 0.9)
    wide = [(car.x + (x - car.x) * 1.12, car.z + (z - car.z) * 1.06) for x, z in foot]
    canvas.touch(wide)

    def across(end, c0, c1, h0, h1) -> list:
        return [(end, c0, h0), (end, c1, h0), (end, c1, h1), (end, c0, h1)]

    low = model.profile[0][1]
    for end in (0.01, 0.99):
        if (end - 0.5) * eye_along > 0:
            for c in (-half + 0.02, half - 0.24):
                face(across(end, c, c + 0.22, 0, low + 0.1), under)
            face(across(end, 0.1 - half, half - 0.1, 0.16, low + 0.1), under)
    faces = []
    for i, part in enumerate(model.parts):
        (a0, h0), (a1, h1) = model.profile[i], model.profile[i + 1]
        run, rise = (a1 - a0) * length, h1 - h0
        norm = math.hypot(run, rise) or 1.0
        out, up = -rise / norm, run / norm
        middle = (a0 + a1 - 1) / 2 * length
        if (eye_along - middle) * out + (canvas.camera.height - (h0 + h1) / 2) * up > 0:
            faces.append((abs(eye_along - middle), a0, h0, a1, h1, part, out, up))
    for _, a0, h0, a1, h1, part, out, up in sorted(faces, reverse=True):
        quad = [(a0, -half, h0), (a0, half, h0), (a1, half, h1), (a1, -half, h1)]
        if part != "g":
            tone = paint if part == "b" or h0 > 0.5 else scaled(paint, 0.75)
            face(quad, tone, dark if abs(out) > 0.7 else tone, (out, 0), up, 0.6 + 0.5 * max(up, 0))
            continue
        face(quad, paint, None, (out, 0), up)
        m = half - 0.1
        pane = [(a0, -m, h0), (a0, m, h0), (a1, m, h1), (a1, -m, h1)]
        face(pane, pale if abs(out) < 0.9 else (58, 66, 72), glass, (out, 0), up, 0.9)
    for end, bulb, glow in ((0.0, (150, 24, 22), 0.5), (1.0, (214, 214, 204), 0.7)):
        if (end - 0.5) * eye_along <= 0 or abs(cos) < 0.3:
            continue
        level = 0.68 if label == "car" else 0.9
        for c in (-half + 0.05, half - 0.33):
            lamp = across(end, c, c + 0.28, level, level + 0.16)
            face(lamp, bulb, glow=(2.5 if dusk else 0.25) * glow)
        face(across(end, -0.26, 0.26, level - 0.2, level - 0.09), (206, 206, 200))
    for sign in (-1, 1):
        if sign * eye_across <= half:
            continue
        c = sign * half
        face([(a, c, h) for a, h in model.profile], paint, dark, (0, sign), 0.25, 0.7)
        face([(a, c, h) for a, h in rectangle(0.04, 0.14, 0.96, low + 0.04)], under)
        for window in model.windows:
            face([(a, c, h) for a, h in window], pale, glass, (0, sign), 0.2, 0.8)
        for wheel in model.wheels:
            r = 0.32 if label == "car" else 0.45
            for size, color in ((1.0, (22, 22, 23)), (0.62, (120, 122, 124))):
                disc = ellipse(wheel, r, r * size / length, r * size)
                face([(a, c, h) for a, h in disc], color)


_CLOTHES = [
    (36, 38, 46), (54, 60, 80), (44, 44, 44), (96, 92, 88), (150, 146, 138), (120, 44, 42),
    (60, 84, 66), (180, 176, 170), (84, 70, 56), (46, 74, 120), (168, 130, 70), (128, 88, 110),
]  # fmt: skip
_SKIN = [(214, 170, 140), (196, 150, 120), (150, 106, 80), (104, 72, 54)]
_HAIR = [(44, 34, 28), (28, 24, 22), (96, 72, 48), (150, 124, 84), (120, 116, 112)]


def paint_person(canvas: Canvas, who: Person) -> None:
    look, shape, h = canvas.look, canvas.shape, who.height
    stride, lean = shape.between(0.0, 0.1), shape.between(-0.02, 0.02)
    broad, flip = shape.between(0.11, 0.145), shape.pick([-1, 1])
    coat = shape.chance(0.35)
    top, legs = (look.shade(look.pick(_CLOTHES), 0.25) for _ in range(2))

    def part(points, color, below=None) -> None:
        points = [(flip * a * h, b * h) for a, b in points]
        canvas.board("person", points, who.x, who.ground, who.z, color, below=below)

    dim = scaled(legs, 0.7)
    for foot in (-stride - 0.03, stride + 0.03):
        hip = 0.045 if foot > 0 else -0.045
        cuff = [(foot + 0.03, 0.03), (foot - 0.03, 0.03)]
        part([(hip - 0.048, 0.5), (hip + 0.048, 0.5), *cuff], legs, dim)
        part(rectangle(foot - 0.035, 0, foot + 0.055, 0.04), (34, 30, 28))
    skin, hair = look.shade(look.pick(_SKIN)), look.shade(look.pick(_HAIR))
    hem = 0.36 if coat else 0.47
    sleeve = scaled(top, 0.85)
    for arm in (-1, 1):
        a, b = arm * broad, arm * (broad + 0.03) + stride * 0.4
        part([(a, 0.81), (a - arm * 0.05, 0.79), (b - arm * 0.045, 0.46), (b, 0.46)], sleeve)
        part(ellipse(b - arm * 0.02, 0.45, 0.022, 0.025), skin)
    torso = [(-broad, 0.8), (lean - 0.04, 0.845), (lean + 0.04, 0.845), (broad, 0.8)]
    torso += [(broad * 0.85, hem), (-broad * 0.85, hem)]
    part(torso, top, scaled(top, 0.7))
    part(ellipse(lean, 0.925, 0.05, 0.072), hair)
    part(ellipse(lean + 0.008, 0.912, 0.042, 0.06), skin)
    if shape.chance(0.4):
        part(rectangle(broad * 0.6, 0.4, broad * 0.6 + 0.11, 0.56), look.shade(look.pick(_CLOTHES)))
    canvas.drop_shadow([(who.x - 0.17, who.z), (who.x + 0.17, who.z)], h)
    canvas.touch([(who.x + 0.32 * c, who.z + 0.3 * s) for c, s in CIRCLE], 220)


# The tubes of a bicycle frame, x, y to x, y in metres.
_FRAME = (
    (-0.53, 0.34, -0.15, 0.85), (-0.05, 0.3, -0.15, 0.9), (-0.05, 0.3, 0.36, 0.85),
    (-0.14, 0.82, 0.36, 0.82), (0.53, 0.34, 0.34, 1.0),
)  # fmt: skip


def paint_cycle(canvas: Canvas, bike: Cycle) -> None:
    look, label = canvas.look, bike.label
    heavy = label == "motorcycle"
    paints = [(40, 42, 46), (130, 36, 36), (50, 70, 120), (150, 152, 150)]
    color = look.shade(look.pick(paints), 0.2)
    tyre, grey = (24, 24, 25), (92, 92, 90)
    ground = 0.0 if bike.ridden else KERB
    side = math.cos(bike.turn) > 0.5

    def part(points, tone, name=label, below=None) -> None:
        canvas.board(name, points, bike.x, ground, bike.z, tone, bike.turn, below=below)

    def bar(ax, ay, bx, by, width, tone, name=label) -> None:
        norm = math.hypot(bx - ax, by - ay)
        nx, ny = -(by - ay) / norm * width / 2, (bx - ax) / norm * width / 2
        ends = [(ax + nx, ay + ny), (bx + nx, by + ny), (bx - nx, by - ny), (ax - nx, ay - ny)]
        part(ends, tone, name)

    wheel, base, hub = (0.31, 0.68, 0.19) if heavy else (0.34, 0.53, 0.29)
    for a in (-base, base):
        part(ellipse(a, wheel, wheel, wheel), tyre)
        part(ellipse(a, wheel, hub, hub), grey)
    if heavy:
        bar(0.68, 0.31, 0.42, 1.05, 0.09, grey)
        bar(-0.68, 0.31, 0.0, 0.45, 0.12, tyre)
        part([(-0.3, 0.25), (0.3, 0.25), (0.36, 0.6), (-0.3, 0.6)], (46, 46, 48), below=tyre)
        part([(-0.1, 0.62), (0.42, 0.58), (0.36, 0.92), (0.05, 0.92)], color)
        part([(-0.9, 0.8), (-0.75, 0.62), (-0.1, 0.66), (0.0, 0.82), (-0.5, 0.78)], tyre)
        part(ellipse(0.5, 0.88, 0.1, 0.1), color)
        bar(0.3, 1.04, 0.46, 1.08, 0.06, tyre)
    else:
        for tube in _FRAME:
            bar(*tube, 0.055, color)
        part(rectangle(-0.28, 0.9, -0.04, 0.96), tyre)
    # Seen from the rear, the wheels overlap, and the width is that of handlebar and tyres.
    across = 0.0 if side else 0.26
    square = {"x": bike.x, "y": ground, "z": bike.z - 0.05}
    if not side:
        w = 0.09 if heavy else 0.035
        canvas.board(label, rectangle(-w, 0, w, 1.0), color=tyre, **square)
        canvas.board(label, rectangle(-across, 0.98, across, 1.04), color=tyre, **square)
        if heavy:
            tail = rectangle(-0.17, 0.4, 0.17, 0.86)
            canvas.board(label, tail, color=color, below=tyre, **square)
    if bike.ridden:
        top, legs = (look.shade(look.pick(_CLOTHES), 0.25) for _ in range(2))
        skin, cap = look.shade(look.pick(_SKIN)), look.shade(look.pick(_CLOTHES))
        if side:
            bar(-0.15, 0.95, 0.18, 0.68, 0.17, legs, "rider")
            bar(0.18, 0.7, 0.02, 0.25, 0.13, legs, "rider")
            bar(-0.17, 0.9, 0.1, 1.45, 0.3, top, "rider")
            bar(0.08, 1.38, 0.36, 1.02, 0.1, top, "rider")
            part(ellipse(0.17, 1.6, 0.1, 0.13), skin, "rider")
            part(ellipse(0.15, 1.67, 0.12, 0.09), cap, "rider")
        else:
            for s in (-1, 1):
                leg = [(s * 0.04, 0.95), (s * 0.19, 0.95), (s * 0.17, 0.3), (s * 0.08, 0.3)]
                canvas.board("rider", leg, color=legs, **square)
                arm = [(s * 0.19, 1.4), (s * 0.25, 1.35), (s * 0.33, 1.05), (s * 0.26, 1.0)]
                canvas.board("rider", arm, color=top, **square)
            torso = [(-0.18, 0.88), (0.18, 0.88), (0.22, 1.42), (0.1, 1.5)]
            torso += [(-0.1, 1.5), (-0.22, 1.42)]
            canvas.board("rider", torso, color=top, below=scaled(top, 0.7), **square)
            canvas.board("rider", ellipse(0, 1.63, 0.09, 0.12), color=skin, **square)
            canvas.board("rider", ellipse(0, 1.68, 0.11, 0.1), color=cap, **square)
    dx, dz = 0.8 * math.cos(bike.turn), 0.8 * math.sin(bike.turn)
    foot = [(bike.x - dx, bike.z - dz), (bike.x + dx, bike.z + dz)]
    canvas.drop_shadow(foot, 1.7 if bike.ridden else 0.9)
    foot = [(x + d, z) for d in (-0.2, 0.2) for x, z in foot[:: -1 if d > 0 else 1]]
    canvas.touch(foot, 200)


def paint_post(canvas: Canvas, post: Post) -> None:
    look, shape, x, z, h = canvas.look, canvas.shape, post.x, post.z, post.height
    inward = -math.copysign(1, x)
    steel = look.shade(look.pick([(120, 122, 122), (90, 94, 92), (70, 74, 72)]), 0.15)
    width = {"lamp": 0.11, "bollard": 0.11, "mast": 0.13}.get(post.kind, 0.06)

    def board(label, points, color, y=0.0, **surface) -> None:
        canvas.board(label, points, x, y, z, color, **surface)

    def stem(height: float) -> None:
        w = width / 2
        dim = scaled(steel, 0.75)
        board("pole", rectangle(-w, 0, w * 0.2, height), dim)
        board("pole", rectangle(-w * 0.2, 0, w, height), steel, normal=(0.7, 0.1, -0.7))
        canvas.drop_shadow([(x - w, z), (x + w, z)], height)
        canvas.touch([(x + 0.2 * c, z + 0.2 * s) for c, s in CIRCLE[::2]], 180)

    if post.kind == "lamp":
        stem(h)
        reach = inward * 1.6
        board("pole", [(0, h - 0.12), (reach, h + 0.1), (reach, h + 0.2), (0, h + 0.02)], steel)
        dusk = canvas.light.name == "dusk"
        head = rectangle(reach - 0.35, h + 0.02, reach + 0.35, h + 0.2)
        board("pole", head, (210, 200, 170) if dusk else steel, glow=5.0 * dusk)
    elif post.kind == "bollard":
        stem(0.95)
    elif post.kind == "mast":
        stem(h * 1.7)
    elif post.kind == "bin":
        name = shape.weigh({"unlabeled": 3, "dynamic": 2})
        color = look.shade(look.pick([(60, 66, 60), (70, 72, 78), (150, 96, 40), (50, 70, 110)]))
        s = shape.between(0.3, 0.6)
        board(name, rectangle(-s, 0.1, s, s * 2 + 0.4), color, below=scaled(color, 0.6))
        canvas.touch([(x + 0.6 * c, z + 0.6 * k) for c, k in CIRCLE], 220)
    elif post.kind == "sign":
        stem(h)
        sign = "traffic sign"
        y = h - 0.35
        form = shape.weigh({"round": 4, "triangle": 2, "board": 2, "diamond": 1.5, "big": 0.8})
        white, red, blue = (222, 222, 216), (178, 34, 34), (34, 74, 150)
        if form == "round":
            rim, inner = look.pick([(red, white), (blue, blue), (red, blue), (red, red)])
            board(sign, ellipse(0, 0, 0.33, 0.33), rim, y)
            board(sign, ellipse(0, 0, 0.24, 0.24), inner, y)
            if inner != white:
                board(sign, rectangle(-0.16, -0.05, 0.16, 0.05), white, y)
        elif form == "triangle":
            board(sign, [(-0.42, -0.32), (0.42, -0.32), (0, 0.42)], red, y)
            board(sign, [(-0.25, -0.22), (0.25, -0.22), (0, 0.22)], white, y)
        elif form == "diamond":
            board(sign, [(-0.4, 0), (0, -0.4), (0.4, 0), (0, 0.4)], white, y)
            board(sign, [(-0.28, 0), (0, -0.28), (0.28, 0), (0, 0.28)], (226, 176, 40), y)
        else:
            w, tall = (0.42, 0.3) if form == "board" else (1.1, 0.6)
            black = (34, 34, 34)
            ground, ink = look.pick([(blue, white), ((226, 188, 60), black), (white, black)])
            board(sign, rectangle(-w, -tall, w, tall), ink, y)
            board(sign, rectangle(-0.94 * w, -0.92 * tall, 0.94 * w, 0.92 * tall), ground, y)
            for row in (-0.4, 0.1, 0.5):
                line = rectangle(-w * 0.7, row * tall, w * look.between(0, 0.7), (row + 0.2) * tall)
                board(sign, line, ink, y)
    else:
        stem(h)
        on = look.pick([0, 0, 2, 2, 1])
        y = h - 0.95
        board("traffic light", rectangle(-0.2, 0, 0.2, 0.98), (30, 32, 32), y)
        bulbs = [(90, 220, 150), (250, 180, 60), (240, 50, 40)]
        for i, bulb in enumerate(bulbs):
            lamp = bulb if i == on else scaled(bulb, 0.2)
            disc = ellipse(0, 0.18 + 0.31 * i, 0.12, 0.12)
            board("traffic light", disc, lamp, y, glow=2.0 * (i == on))


def paint_bonnet(canvas: Canvas, scene: Scene) -> None:
    """The bonnet of the car that carries the camera; Cityscapes leaves it unlabeled."""
    look, height = canvas.look, scene.bonnet
    paint = look.shade(look.pick([(40, 42, 46), (60, 63, 68), (84, 88, 92)]), 0.2)
    corners = [(1.05, 1.05), (-0.05, 1.05)]
    arch = [(i / 8, 1 - height * (1 - 0.72 * abs(i / 4 - 1) ** 3.2)) for i in range(-1, 10)]
    r, g, b = scaled(paint, 0.4)
    shine = r + 96, g + 96, b + 96
    for lower, gain, dark in ((0.0, 1.0, 1.0), (0.03, 0.7, 0.5)):  # the edge mirrors the sky
        outline = [*((u, v + lower) for u, v in arch), *corners]
        top, below = scaled(shine, gain), scaled(paint, dark)
        canvas.fill("unlabeled", outline, 2, top, below, normal=(0, 0.7, 0), sky=0.9)
