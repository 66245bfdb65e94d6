"""The studio without a user interface: a class map, its edits, and the photos of it.

The front end holds the class map while someone paints. Each of its messages contains the whole map,
row by row, one byte per pixel, and so depends on no earlier one. An invalid message changes
nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import output_root
from pix2pix_utils.widgets.studio import regions
from pix2pix_utils.widgets.studio.painting import Painted, Painter, check_fit, paint, save_street
from pix2pix_utils.widgets.studio.scenery import cut_stamps, drawn_stamps, typical_street

EMPTY_STREET = -1  # instead of a scene's number
STAMP_PERCENT = (20, 400)  # smallest and largest size of a stamp


class Studio:
    """A class map that is edited and painted.

    `class_map` is (S, S) uint8, `painted` holds each model's photo of it with its time, and `photo`
    is that of the scene it started from, (S, S, 3) uint8, or None.
    """

    def __init__(
        self,
        data: StreetData,
        painters: Mapping[str, Painter],
        split: str = "test",
        output: Path | None = None,
    ):
        """Start with the first scene of a split; raises UserError if a model does not fit the data.

        `save` writes below `output`, by default `paths.output_root()`.
        """
        if not painters:
            raise UserError("the studio has no model to paint with: train one, or load a run")
        self.pairs = data[split]
        self.palette = data.palette
        self.size = self.pairs.image_size
        check_fit(painters, self.palette, self.size)
        self.painters = dict(painters)
        self.split = split
        self.output = output_root() if output is None else Path(output)
        self.background = regions.background_classes(self.palette)
        self.empty_street = typical_street(data.train, self.background)
        self.stamps = drawn_stamps(self.palette, self.size) + cut_stamps(data.train)
        self.class_map = np.empty((0, 0), dtype=np.uint8)
        self.painted: dict[str, Painted] = {}
        self.photo: np.ndarray | None = None
        self.start(0)

    def start(self, scene: int) -> None:
        """Start from a scene of the split, or from an empty street (`EMPTY_STREET`)."""
        if scene == EMPTY_STREET:
            self.show(self.empty_street)
            self.photo = None
        else:
            self.show(np.array(self.pairs.classes[scene]))
            self.photo = np.array(self.pairs.photos[scene])

    def show(self, class_map: np.ndarray) -> None:
        """Paint a class map (S, S) and keep it; raises UserError if it does not fit the models."""
        painted = paint(self.painters, class_map)
        self.class_map, self.painted = np.array(class_map, dtype=np.uint8), painted

    def save(self) -> Path:
        """Write the class map and its photos to a new folder below `output/studio`; returns it."""
        photos = {name: painted.photo for name, painted in self.painted.items()}
        return save_street(self.output, self.palette, self.class_map, photos)

    def handle(self, message: Mapping, buffers: Sequence) -> dict:
        """Carry out a message of the front end.

        `kind` is one of `paint`, `fill`, `delete`, `move`, `stamp`, `scene`, `region`, `save`; the
        only buffer is the class map on the screen. Returns `edited`, whether the map is now
        different from that one, `message`, a sentence for the reader, and for `region` the bytes of
        a mask. Raises UserError for an invalid message, which changes nothing.
        """
        kind, class_map = message.get("kind"), self._class_map(buffers)
        answer = {"edited": kind in ("scene", "fill", "delete", "move", "stamp"), "message": ""}
        if kind == "paint":
            self.show(class_map)
        elif kind == "save":
            self.show(class_map)
            answer["message"] = f"saved to {self.save()}"
        elif kind == "scene":
            scene = _integer(message, "scene", EMPTY_STREET, len(self.pairs) - 1)
            self.start(scene)
            name = "an empty street" if scene == EMPTY_STREET else self.pairs.names[scene]
            answer["message"] = f"started from {name}"
        elif kind == "region":
            answer["region"] = regions.connected_region(class_map, *self._pixel(message)).tobytes()
        else:
            edited, answer["message"] = self._edit(kind, class_map, message)
            self.show(edited)
        return answer

    def _edit(
        self, kind: object, class_map: np.ndarray, message: Mapping
    ) -> tuple[np.ndarray, str]:
        """The class map after an edit, and what was done, in words."""
        row, column = self._pixel(message)
        if kind == "stamp":
            stamp = self.stamps[_integer(message, "stamp", 0, len(self.stamps) - 1)]
            shape = stamp.scaled(_integer(message, "percent", *STAMP_PERCENT))
            added = regions.put(class_map, shape, stamp.class_index, row, column)
            return added, f"added: {stamp.name}"
        region = regions.connected_region(class_map, row, column)
        name = self.palette.classes[class_map[row, column]]
        if kind == "fill":
            to = _integer(message, "class", 0, len(self.palette) - 1)
            words = f"filled: {name} with {self.palette.classes[to]}"
            return regions.recolor(class_map, region, to), words
        if kind == "delete":
            return regions.remove(class_map, region, self.background), f"deleted: {name}"
        if kind == "move":
            down = _integer(message, "rows", -self.size, self.size)
            right = _integer(message, "columns", -self.size, self.size)
            moved = regions.move(class_map, region, down, right, self.background)
            return moved, f"moved: {name}"
        raise UserError(f"there is no edit {kind!r}; choose one of: fill, delete, move, stamp")

    def _class_map(self, buffers: Sequence) -> np.ndarray:
        received = bytes(buffers[0]) if len(buffers) == 1 else b""
        if len(received) != self.size**2:
            raise UserError(
                f"the label map has {len(received)} bytes instead of {self.size**2}; "
                "run the cell again"
            )
        class_map = np.frombuffer(received, dtype=np.uint8).reshape(self.size, self.size)
        if class_map.max() >= len(self.palette):
            raise UserError(
                f"the label map has the class {class_map.max()}, but the last class is "
                f"{len(self.palette) - 1}; run the cell again"
            )
        return class_map

    def _pixel(self, message: Mapping) -> tuple[int, int]:
        last = self.size - 1
        return _integer(message, "row", 0, last), _integer(message, "column", 0, last)


def _integer(message: Mapping, key: str, low: int, high: int) -> int:
    value = message.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"'{key}' must be a whole number from {low} to {high}, not {value!r}")
    return value
