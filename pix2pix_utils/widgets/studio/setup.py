"""What the canvas of the studio is told once: classes, scenes, stamps, and its buttons."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pix2pix_utils.data.palette import Palette
from pix2pix_utils.widgets.studio.regions import background_classes
from pix2pix_utils.widgets.studio.scenery import Stamp

STAMP_PERCENT = (20, 400)  # smallest and largest size of a stamp


class Action(NamedTuple):
    """A button beside Undo and Redo, which sends a message of its kind."""

    kind: str
    text: str
    title: str


def canvas_setup(
    palette: Palette,
    size: int,
    scenes: Sequence[str],
    stamps: Sequence[Stamp],
    actions: Sequence[Action],
    late: str,
) -> dict[str, Any]:
    """Plain values for canvas.js, but for the stamps' shapes, which are bytes.

    `scenes` are the names of the streets to start from, besides the empty one. `late` is said when
    an answer takes long.
    """
    background = set(background_classes(palette))
    colors = palette.colors.tolist()
    return {
        "size": size,
        "classes": [
            {
                "name": name,
                "color": colors[index],
                "rare": index >= palette.evaluated,
                "background": index in background,  # may fill a gap
            }
            for index, name in enumerate(palette.classes)
        ],
        "scenes": list(scenes),
        "stamps": [
            {
                "name": stamp.name,
                "class": stamp.class_index,
                "height": stamp.shape.shape[0],
                "width": stamp.shape.shape[1],
                "shape": stamp.shape.tobytes(),
            }
            for stamp in stamps
        ],
        "percent": list(STAMP_PERCENT),
        "actions": [action._asdict() for action in actions],
        "late": late,
    }
