"""The studio as a widget (anywidget.dev): its front end sends messages to `session.Studio`."""

from collections.abc import Mapping
from pathlib import Path

import anywidget
import traitlets

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.widgets.studio.painting import Painter
from pix2pix_utils.widgets.studio.session import Studio
from pix2pix_utils.widgets.studio.setup import Action, canvas_setup

FOLDER = Path(__file__).parent
CANVAS = "\n".join(
    (FOLDER / name).read_text("utf-8") for name in ("drawing.js", "regions.js", "canvas.js")
)
LATE = (
    "Python has not answered yet. It may be busy with another cell; after a restart, run this cell "
    "again."
)


class StreetStudio(anywidget.AnyWidget):
    """A `Studio` in a notebook; `studio` holds the reader's class map and the photos of it.

    To show another class map, call `studio.show(class_map)`, then `refresh()`.
    """

    _esm = CANVAS
    _css = FOLDER / "canvas.css"
    setup = traitlets.Dict().tag(sync=True)  # what never changes: size, classes, scenes, stamps
    answer = traitlets.Dict().tag(sync=True)  # replaced as a whole, so a view never sees half of it

    def __init__(self, studio: Studio):
        super().__init__()
        self.studio = studio
        self._answers = 0
        self.setup = canvas_setup(
            studio.palette,
            studio.size,
            [f"{studio.split} {i}: {name}" for i, name in enumerate(studio.pairs.names)],
            studio.stamps,
            [Action("save", "Save", "to a new folder")],
            LATE,
        )
        self.refresh()
        self.on_msg(self._receive)

    def refresh(self) -> None:
        """Show the studio's class map and photos in every view."""
        self._answer({"edited": True, "message": ""})

    def _receive(self, _widget, content, buffers) -> None:
        content = content if isinstance(content, Mapping) else {}
        try:
            result = self.studio.handle(content, buffers)
        except (UserError, RuntimeError, OSError) as error:
            result = {"edited": False, "refused": True, "message": str(error)}
        # returned, so that a view recognises the answer to its own question
        origin = {key: content.get(key) for key in ("view", "revision", "kind")}
        self._answer(origin | result)

    def _answer(self, result: dict) -> None:
        self._answers += 1
        photos = {
            name: (painted.photo, f"{painted.milliseconds:.0f} ms")
            for name, painted in self.studio.painted.items()
        }
        if self.studio.photo is not None:
            photos["the scene's own photo"] = (self.studio.photo, "before your edits")
        self.answer = {
            **result,
            "number": self._answers,
            "classes": self.studio.class_map.tobytes(),
            "pictures": [
                {"title": title, "note": note, "pixels": photo.tobytes()}
                for title, (photo, note) in photos.items()
            ],
        }


def street_studio(
    data: StreetData, painters: Mapping[str, Painter], split: str = "test"
) -> StreetStudio:
    """The studio for models and the scenes of a split; raises UserError if they do not fit."""
    return StreetStudio(Studio(data, painters, split))
