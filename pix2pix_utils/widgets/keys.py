"""Widgets for the keyboard: keys pressed in one stay in it, and the focus can be seen."""

from pathlib import Path
from typing import TypeVar

import anywidget
import ipywidgets

AnyBox = TypeVar("AnyBox", bound=ipywidgets.Box)


class _OwnKeys(anywidget.AnyWidget):
    """Shows nothing; keeps plain keys inside the box that it is a child of (`keys.js`)."""

    _esm = Path(__file__).with_name("keys.js")
    _css = Path(__file__).with_name("keys.css")


def with_own_keys(box: AnyBox) -> AnyBox:
    """The box itself, in which letters, arrows and the space bar no longer reach JupyterLab.

    Shift+Enter and whatever is pressed with Ctrl, Alt or Cmd still do. What has the focus bears an
    outline.
    """
    box.children = (*box.children, _OwnKeys(layout={"display": "none"}))
    box.add_class("own-keys")
    return box
