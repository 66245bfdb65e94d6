"""The street studio: paint a label map and see the photo appear.

`regions` edits class maps, `scenery` makes streets and stamps, `painting` lets trained generators
paint, `session` puts them together, and `widget` shows them in a notebook.
"""

from pix2pix_utils.widgets.studio.painting import (
    Painted,
    Painter,
    finished_run,
    load_painter,
    paint,
    save_street,
)
from pix2pix_utils.widgets.studio.scenery import Stamp, cut_stamps, drawn_stamps, typical_street
from pix2pix_utils.widgets.studio.session import Studio
from pix2pix_utils.widgets.studio.widget import StreetStudio, street_studio

__all__ = [
    "Painted",
    "Painter",
    "Stamp",
    "StreetStudio",
    "Studio",
    "cut_stamps",
    "drawn_stamps",
    "finished_run",
    "load_painter",
    "paint",
    "save_street",
    "street_studio",
    "typical_street",
]
