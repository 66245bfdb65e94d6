"""The studio on the screen: paint the label map, see the photos appear (anywidget.dev).

`canvas.js` draws and sends; every message and every answer is one of `session.Studio`'s.
"""

from collections.abc import Mapping
from pathlib import Path

import anywidget
import traitlets

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.widgets.studio.painting import Painter
from pix2pix_utils.widgets.studio.session import STAMP_PERCENT, Studio


class StreetStudio(anywidget.AnyWidget):
    """A `Studio` in a notebook; `studio` holds the class map and the photos that the reader made.

    `studio.show(class_map)` followed by `refresh()` shows another class map.
    """

    _esm = Path(__file__).with_name("canvas.js")
    _css = Path(__file__).with_name("canvas.css")
    setup = traitlets.Dict().tag(sync=True)  # what never changes: size, classes, scenes, stamps
    answer = traitlets.Dict().tag(sync=True)  # set as a whole, so that a view never sees half of it

    def __init__(self, studio: Studio):
        super().__init__()
        self.studio = studio
        self._answers = 0
        self.setup = _describe(studio)
        self.refresh()
        self.on_msg(self._receive)

    def refresh(self) -> None:
        """Show the studio's class map and photos in every view."""
        self._answer({"edited": True, "message": ""})

    def _receive(self, _widget, content, buffers) -> None:
        content = content if isinstance(content, Mapping) else {}
        try:
            found = self.studio.handle(content, buffers)
        except (UserError, RuntimeError, OSError) as error:
            found = {"edited": False, "refused": True, "message": str(error)}
        # told back, so that a view knows its own question
        origin = {key: content.get(key) for key in ("view", "revision", "kind")}
        self._answer(origin | found)

    def _answer(self, found: dict) -> None:
        self._answers += 1
        pictures = [
            {
                "title": name,
                "note": f"{painted.milliseconds:.0f} ms",
                "pixels": painted.photo.tobytes(),
            }
            for name, painted in self.studio.painted.items()
        ]
        if self.studio.photo is not None:
            pictures.append(
                {
                    "title": "the scene's own photo",
                    "note": "before your edits",
                    "pixels": self.studio.photo.tobytes(),
                }
            )
        self.answer = {
            **found,
            "number": self._answers,
            "classes": self.studio.class_map.tobytes(),
            "pictures": pictures,
        }


def street_studio(
    data: StreetData, painters: Mapping[str, Painter], split: str = "test"
) -> StreetStudio:
    """The studio for models and the scenes of a split; raises UserError if they do not fit."""
    return StreetStudio(Studio(data, painters, split))


def _describe(studio: Studio) -> dict:
    palette = studio.palette
    return {
        "size": studio.size,
        "classes": [
            {"name": name, "color": color, "rare": index >= palette.evaluated}
            for index, (name, color) in enumerate(
                zip(palette.classes, palette.colors.tolist(), strict=True)
            )
        ],
        "scenes": [f"{studio.split} {i}: {name}" for i, name in enumerate(studio.pairs.names)],
        "stamps": [
            {
                "name": stamp.name,
                "class": stamp.class_index,
                "height": stamp.shape.shape[0],
                "width": stamp.shape.shape[1],
                "shape": stamp.shape.tobytes(),
            }
            for stamp in studio.stamps
        ],
        "percent": list(STAMP_PERCENT),
    }
