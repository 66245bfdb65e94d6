"""The studio without a user interface: a class map and the photos of it.

The front end holds the class map and edits it. Each of its messages contains the whole map, row by
row, one byte per pixel, and so depends on no earlier one. An invalid message changes nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import output_root
from pix2pix_utils.widgets.studio.painting import Painted, Painter, check_fit, paint, save_street
from pix2pix_utils.widgets.studio.regions import background_classes
from pix2pix_utils.widgets.studio.scenery import cut_stamps, drawn_stamps, typical_street

EMPTY_STREET = -1  # instead of a scene's number


class Studio:
    """A class map that is painted.

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
        self.empty_street = typical_street(data.train, background_classes(self.palette))
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

        `kind` is one of `paint`, `scene`, `save`; the only buffer is the class map on the screen.
        Returns `edited`, whether the map is now different from that one, and `message`, a sentence
        for the reader. Raises UserError for an invalid message, which changes nothing.
        """
        kind, class_map = message.get("kind"), self._class_map(buffers)
        words = ""
        if kind == "paint":
            self.show(class_map)
        elif kind == "save":
            self.show(class_map)
            words = f"saved to {self.save()}"
        elif kind == "scene":
            scene = self._scene(message.get("scene"))
            self.start(scene)
            name = "an empty street" if scene == EMPTY_STREET else self.pairs.names[scene]
            words = f"started from {name}"
        else:
            raise UserError(f"there is no message {kind!r}; choose one of: paint, scene, save")
        return {"edited": kind == "scene", "message": words}

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

    def _scene(self, value: object) -> int:
        last = len(self.pairs) - 1
        if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value <= last:
            raise UserError(f"'scene' must be a whole number from -1 to {last}, not {value!r}")
        return value
