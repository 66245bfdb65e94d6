"""Step 2, the surroundings: sky, road, sidewalks, houses, fences and trees."""

import math

from pix2pix_utils.data.streets.canvas import CIRCLE, FINE_CIRCLE, Canvas, Kind, rectangle
from pix2pix_utils.data.streets.scene import (
    FOCAL_U,
    KERB,
    NEAR,
    Barrier,
    Building,
    Color,
    Scene,
    Tree,
    scaled,
)


def paint_backdrop(canvas: Canvas, scene: Scene) -> None:
    """Sky, the end of the street, road, sidewalks and markings."""
    camera, look, shape = scene.camera, canvas.look, canvas.shape
    canvas.fill("sky", rectangle(0, 0, 1, 1), 2000, (200, 210, 220), kind=Kind.SKY)
    for label, u0, u1, height in scene.skyline:
        top = camera.horizon - height
        if label == "building":
            color = look.shade(look.pick(_FACADES), 0.2)
            facade = _roll_facade(canvas, 30, 30, False)
            x0, x1 = ((u - camera.vanish_u) / FOCAL_U * 190 for u in (u0, u1))
            canvas.fill(
                label, rectangle(u0, top, u1, 0.6), 190, color, kind=Kind.FACADE, facade=facade,
                plane=(x0, 190, x1, 190), sky=0.6,
            )  # fmt: skip
        else:
            points = [(u0 - 0.02, 0.6)]
            points += [
                (u0 + (u1 - u0) * i / 8, top + shape.between(-0.012, 0.012) + 0.02 * (i in (0, 8)))
                for i in range(9)
            ]
            color = look.shade((74, 92, 52))
            canvas.fill(label, [*points, (u1 + 0.02, 0.6)], 170, color, kind=Kind.LEAVES, sky=0.6)

    grass = look.shade((96, 108, 58), 0.2)
    asphalt = look.shade((94, 95, 95), 0.18, 2)
    paving = look.shade(look.pick([(140, 134, 128), (126, 122, 120), (150, 138, 126)]), 0.12)
    canvas.strip("terrain", -400, 400, NEAR, 400, 0.0, grass, Kind.GRASS)
    left, right = scene.left, scene.right
    canvas.strip("road", -left.kerb, right.kerb, NEAR, 300, 0.0, asphalt, Kind.ROAD)
    for side in (left, right):
        verge = shape.weigh({"terrain": 8, "sidewalk": 3, "parking": 0.4, "ground": 0.4})
        sign, walk_end = side.sign, side.sign * side.walk_end
        inner, outer = sign * (side.walk_end - 0.05), sign * (side.front + 30)
        color, kind = grass, Kind.GRASS
        if verge != "terrain":
            color, kind = look.shade(paving, 0.06), Kind.PAVING
        canvas.strip(verge, inner, outer, NEAR, 300, KERB, color, kind)
        x = sign * side.kerb
        canvas.strip("sidewalk", x, walk_end, NEAR, 300, KERB, paving, Kind.PAVING)
        if side.lawn:
            lawn_end = sign * (side.kerb + side.lawn)
            canvas.strip("terrain", x, lawn_end, NEAR, 300, KERB, grass, Kind.GRASS)
        stone, normal = look.shade((150, 148, 142)), (-sign, 0, 0)
        canvas.strip("sidewalk", x, x + sign * 0.22, NEAR, 200, KERB, stone, Kind.PAINT)
        canvas.strip(
            "sidewalk", x, x, NEAR, 200, 0, stone, Kind.PAINT, KERB, normal=normal, sky=0.4
        )
    if scene.crossing:
        canvas.strip("road", -80, 80, *scene.crossing, 0.0, look.shade(asphalt, 0.03, 1), Kind.ROAD)
    for _ in range(int(look.between(0, 6))):  # repaired patches
        x, z = look.between(-left.kerb, right.kerb - 1), look.between(5, 40)
        x1 = min(x + look.between(0.5, 2), right.kerb)
        z1, patch = z + look.between(1, 8), look.shade(asphalt, 0.12, 2)
        canvas.strip("road", x, x1, z, z1, 0, patch, Kind.ROAD)
    for _ in range(int(look.between(0, 3))):  # manhole covers
        x, z = look.between(-2.5, 2), look.between(6, 25)
        outline = [camera.project(x + 0.33 * c, 0, z + 0.33 * s) for c, s in CIRCLE]
        iron = look.shade((66, 64, 62))
        canvas.fill("road", outline, z, iron, kind=Kind.PAINT, normal=(0, 1, 0), sky=1)
    paint_markings(canvas, scene)


def paint_markings(canvas: Canvas, scene: Scene) -> None:
    left, right, look = scene.left, scene.right, canvas.look
    white = look.shade((205, 205, 200), 0.1, 4)

    def mark(x0: float, x1: float, z0: float, z1: float, color: Color = white) -> None:
        canvas.strip("road", x0, x1, z0, z1, 0.0, color, Kind.PAINT)

    phase, dash = look.between(0, 6), look.pick([(3, 6), (6, 6), (4, 8)])
    for x in scene.lanes:
        z = 3 + phase
        while z < 90:
            if scene.is_clear(z):
                mark(x - 0.07, x + 0.07, z, z + dash[0])
            z += sum(dash)
    for side in (left, right):
        if side.parking and look.chance(0.6):
            x = side.sign * (side.kerb - 2.1)
            mark(x - 0.06, x + 0.06, NEAR, scene.crossing[0] if scene.crossing else 120)
    if scene.zebra:
        x = -left.kerb + 0.4
        while x < right.kerb - 0.5:
            mark(x, x + 0.5, scene.zebra, scene.zebra + 3.2)
            x += 1.0
    elif scene.crossing:
        mark(scene.middle, right.kerb, scene.crossing[0] - 1, scene.crossing[0] - 0.5)
    if scene.rails:
        for x in (scene.middle + away for away in (-2.3, -0.85, 0.85, 2.3)):
            mark(x - 0.05, x + 0.05, NEAR, 200, (74, 72, 72))


_FACADES = [
    (205, 196, 176), (190, 178, 150), (214, 208, 196), (176, 156, 124), (158, 150, 142),
    (150, 100, 78), (128, 78, 62), (196, 172, 120), (170, 130, 112), (132, 130, 128),
    (218, 212, 190), (120, 108, 98), (168, 172, 168), (196, 160, 140),
]  # fmt: skip
_ROOFS = [(120, 66, 50), (98, 62, 52), (82, 80, 82), (66, 66, 72), (134, 84, 62)]


def _roll_facade(canvas: Canvas, height: float, length: float, blank: bool) -> int:
    """Add the window pattern of one facade to the table; returns its number."""
    look = canvas.look
    storey = look.between(2.9, 3.7)
    base = look.between(3.2, 4.4)
    lit = {"dusk": 0.4, "overcast": 0.06}.get(canvas.light.name, 0.02)
    canvas.facades.append(
        (
            look.between(1.9, 3.6),  # 0: width of a bay
            storey,  # 1
            0.0 if blank else look.between(0.32, 0.66),  # 2: window width as a share of the bay
            look.between(0.42, 0.66),  # 3: window height as a share of the storey
            base,  # 4: height of the ground floor
            base + storey * max(1, int((height - base) / storey + 0.15)),  # 5: top of last storey
            length,  # 6
            float(look.chance(0.4)),  # 7: shops in the ground floor
            look.between(0, 4096),  # 8: salt
            look.pick([1.5, 1.35, 0.4, 1.0]),  # 9: brightness of the frames against the wall
            lit,  # 10: share of lit windows
            look.between(0.7, 1.2),  # 11: contrast of the ledges
            look.between(0.05, 0.5),  # 12: reflection of the sky in the glass
            float(look.chance(0.3)),  # 13: balconies
        )
    )
    return len(canvas.facades) - 1


def paint_building(canvas: Canvas, b: Building) -> None:
    look, project, sign = canvas.look, canvas.camera.project, b.side.sign
    x, back = sign * b.front, sign * (b.front + 12)
    color = look.shade(look.pick(_FACADES), 0.15)
    ridge, middle = b.height + b.roof, sign * (b.front + 6)
    facade = _roll_facade(canvas, b.height, b.far - b.near, False)
    gable = _roll_facade(canvas, b.height, 12, b.blank)
    if b.roof:
        tiles = look.shade(look.pick(_ROOFS))
        eaves = x - sign * 0.4
        outline = [project(eaves, b.height, b.near), project(eaves, b.height, b.far)]
        outline += [project(middle, ridge, b.far), project(middle, ridge, b.near)]
        canvas.fill("building", outline, b.near, tiles, normal=(-sign * 0.5, 0.8, 0), sky=0.9)
    end = look.shade(color, 0.06, 3)
    canvas.wall(
        "building", x, b.near, back, b.near, 0, b.height, end, Kind.FACADE,
        normal=(0, 0, -1), facade=gable, sky=0.6,
    )  # fmt: skip
    if b.roof:
        peak = [project(x, b.height, b.near), project(middle, ridge, b.near)]
        peak.append(project(back, b.height, b.near))
        canvas.fill("building", peak, b.near, end, normal=(0, 0, -1), sky=0.6)
    canvas.wall(
        "building", x, b.near, x, b.far, 0, b.height, color, Kind.FACADE,
        normal=(-sign, 0, 0), facade=facade, sky=0.62,
    )  # fmt: skip
    canvas.drop_shadow(rectangle(x, b.near, back, b.far), b.height)
    canvas.touch(rectangle(x, b.near, x - sign * 0.7, b.far), 170)


def paint_barrier(canvas: Canvas, b: Barrier) -> None:
    look, normal = canvas.look, (-math.copysign(1, b.x), 0, 0)
    near, far = max(b.near, NEAR), b.far
    if b.label == "vegetation":
        green = look.shade((70, 92, 46), 0.2)
        project = canvas.camera.project
        steps = max(4, int((far - near) * 1.5))
        depths = [far + (near - far) * i / steps for i in range(steps + 1)]
        outline = [project(b.x, b.height + canvas.shape.between(-0.1, 0.1), z) for z in depths]
        outline += [project(b.x, 0, near), project(b.x, 0, far)]
        dark = scaled(green, 0.5)
        canvas.fill(
            "vegetation",
            outline,
            (near + far) / 2,
            green,
            dark,
            Kind.LEAVES,
            normal=normal,
            sky=0.7,
        )
    else:
        kind, colors = {
            "fence": (Kind.BARS, [(70, 72, 70), (60, 80, 62), (170, 168, 160), (120, 90, 66)]),
            "wall": (
                Kind.STONE,
                [(150, 142, 128), (140, 100, 82), (128, 126, 122), (170, 162, 150)],
            ),
            "guard rail": (Kind.STONE, [(150, 152, 156)]),
        }[b.label]
        color = look.shade(look.pick(colors))
        base = 0.35 if b.label == "guard rail" else 0.0
        canvas.wall(
            b.label, b.x, near, b.x, far, base, b.height, color, kind, normal=normal, sky=0.65,
            facade=_roll_facade(canvas, 3, far - near, True),
        )  # fmt: skip
        if kind == Kind.STONE:
            bottom, top, coping = b.height - 0.1, b.height, look.shade(color)
            canvas.wall(
                b.label, b.x, near, b.x, far, bottom, top, coping, Kind.PLAIN,
                normal=(0, 1, 0), sky=0.9,
            )  # fmt: skip
    canvas.drop_shadow([(b.x, near), (b.x, far)], b.height)
    canvas.touch(rectangle(b.x, near, b.x + normal[0] * 0.4, far), 170)


_LEAVES = [(86, 108, 48), (70, 96, 44), (98, 112, 56), (62, 84, 48), (112, 116, 52)]


def paint_tree(canvas: Canvas, tree: Tree) -> None:
    look, shape = canvas.look, canvas.shape
    x, z, radius = tree.x, tree.z, tree.radius
    if not canvas.sees(x, z, radius):
        return
    green = look.shade(look.pick(_LEAVES), 0.15)
    if tree.trunk:
        bark, w = look.shade((74, 62, 50), 0.2), 0.03 * tree.height * 0.7
        trunk = [(-w, 0), (w, 0), (w * 0.7, tree.trunk + radius), (-w * 0.7, tree.trunk + radius)]
        canvas.board("vegetation", trunk, x, 0, z, bark, normal=(0, 0, -0.6), sky=0.5)
        canvas.drop_shadow([(x - w, z), (x + w, z)], tree.trunk + 1)
        canvas.touch([(x + 0.4 * c, z + 0.4 * s) for c, s in CIRCLE], 200)
    middle = (tree.height + tree.trunk) / 2
    tall = (tree.height - tree.trunk) / 2
    clumps = []
    for _ in range(13 if z < 22 else 6 if z < 50 else 3):
        angle, away = shape.between(0, 2 * math.pi), math.sqrt(shape.roll()) * 0.72
        clumps.append((away * math.cos(angle), away * math.sin(angle), shape.between(0.34, 0.52)))
    clumps.sort(key=lambda clump: clump[1])  # the upper ones, in the light, come last
    kx, kz = canvas.light.shadow
    project = canvas.camera.project
    rim = FINE_CIRCLE if z < 25 else CIRCLE
    for a, b, r in [(0, -0.05, 0.72), *clumps]:
        outline = [
            (a * radius + r * radius * c * k, b * tall + r * tall * s * k)
            for (c, s), k in ((point, shape.between(0.82, 1.14)) for point in rim)
        ]
        lit = 0.75 + 0.35 * b - 0.15 * (r > 0.7)
        top, below = (scaled(scaled(green, lit), f) for f in (1.1, 0.7))
        normal = (0.8 * a, 0.45 + 0.5 * b, -0.5)
        canvas.board(
            "vegetation", outline, x, middle, z, top, below=below, kind=Kind.LEAVES, normal=normal,
            sky=0.75 + 0.25 * b,
        )  # fmt: skip
        if not canvas.light.sunny:
            continue
        height = middle + b * tall
        blob = [
            project(x + kx * height + radius * (a + r * c), 0, z + kz * height + radius * r * s)
            for c, s in CIRCLE[::2]
        ]
        canvas.dapple(blob)
