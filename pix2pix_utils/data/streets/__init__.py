"""Street scenes drawn from a seed: pairs of a class map and a photo, without any download.

A stand-in for Cityscapes (Cordts et al. 2016) that needs no registration: the same classes, about
the same share of pixels for each, and a camera like theirs, 2 : 1, whose picture is squeezed into
a square as pix2pix does (Isola et al. 2017). A scene is drawn in three steps:

1. `scene` samples a description in metres: camera, road, houses, trees, traffic, people, light.
2. `canvas` paints it back to front, with the shapes of `surroundings` and `traffic`. Every call
   paints one polygon with the number of a *surface*; a table gives the class and the colour of each
   surface, so class map and photo are aligned by construction.
3. `photo` renders the surfaces: texture, sun, shadow, haze, exposure, noise.

Shapes and looks have separate random numbers. The class map depends on the shapes alone, so no
network can predict colours, windows and light from the label map.

World coordinates are metres: x to the right, y up from the road, z ahead of the camera. Picture
coordinates u and v run from 0 to 1, from left to right and from top to bottom.
"""

import math
from collections.abc import Callable

import numpy as np

from pix2pix_utils.data.streets import surroundings, traffic
from pix2pix_utils.data.streets.canvas import Canvas
from pix2pix_utils.data.streets.photo import develop
from pix2pix_utils.data.streets.scene import (
    Barrier,
    Building,
    Cycle,
    Dice,
    Person,
    Post,
    Tree,
    Vehicle,
    sample_light,
    sample_scene,
)
from pix2pix_utils.errors import UserError

SIZES = (16, 1024)  # smallest and largest picture

_PAINTERS: dict[type, Callable[..., None]] = {
    Building: surroundings.paint_building,
    Barrier: surroundings.paint_barrier,
    Tree: surroundings.paint_tree,
    Vehicle: traffic.paint_vehicle,
    Cycle: traffic.paint_cycle,
    Person: traffic.paint_person,
    Post: traffic.paint_post,
}


def _depth(thing) -> float:
    """The depth by which things are painted, back to front; of houses and barriers, the far end."""
    if isinstance(thing, Building):
        return thing.far - 0.001 + (0.5 if thing.front > thing.side.front + 5 else 0)
    if isinstance(thing, Barrier):
        return thing.far - 0.01
    if isinstance(thing, Vehicle):
        model = traffic.MODELS[thing.model]
        reach = abs(math.cos(thing.heading)) * model.length + model.width
        return thing.z - reach / 2 + 0.3
    return thing.z


def draw_street(
    index: int, seed: int = 0, size: int = 256, look: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the street scene number `index` of a seed.

    Returns its class map (size, size) uint8 of indices into `palette.CITYSCAPES`, and its photo
    (size, size, 3) uint8. A scene depends on these numbers alone, and is the same at every size
    from 16 to 1024. Another `look` gives another photo of the same class map: other colours, other
    windows, other weather. Raises UserError for a negative number or another size.
    """
    for name, value in (("index", index), ("seed", seed), ("look", look)):
        if value < 0:
            raise UserError(f"the {name} of a street scene is 0 or more, not {value}")
    if not SIZES[0] <= size <= SIZES[1]:
        raise UserError(f"street scenes are {SIZES[0]} to {SIZES[1]} pixels wide, not {size}")
    shape, looks = Dice(seed, index, 0), Dice(seed, index, 1, look)
    scene = sample_scene(shape)
    # Several samples per pixel smooth the edges of the photo; small pictures need more of them.
    fine = max(1 if size > 512 else 2, -(-192 // size))
    canvas = Canvas(scene.camera, sample_light(looks), shape, looks, size * fine)
    surroundings.paint_backdrop(canvas, scene)
    for thing in sorted(scene.things, key=_depth, reverse=True):
        _PAINTERS[type(thing)](canvas, thing)
    if scene.bonnet:
        traffic.paint_bonnet(canvas, scene)
    labels = np.array([row[0] for row in canvas.surfaces], dtype=np.uint8)
    numbers = np.asarray(canvas.numbers)[fine // 2 :: fine, fine // 2 :: fine]
    return labels[numbers], develop(canvas, size)
