"""For keyboard and screen reader: keys stay in a widget, the focus shows, controls have names."""

from pathlib import Path
from typing import TypeVar

import anywidget
import ipywidgets

AnyBox = TypeVar("AnyBox", bound=ipywidgets.Box)


class _OwnKeys(anywidget.AnyWidget):
    """Shows nothing; keeps plain keys inside the box whose child it is, and names its controls."""

    _esm = Path(__file__).with_name("keys.js")
    _css = Path(__file__).with_name("keys.css")


def with_own_keys(box: AnyBox) -> AnyBox:
    """The box itself, whose letters, arrows and space bar no longer reach JupyterLab.

    Shift+Enter and keys pressed with Ctrl, Alt or Cmd still do. The focus gets an outline, sliders
    the name of their description, and the buttons of a `Play` their own.
    """
    box.children = (*box.children, _OwnKeys(layout={"display": "none"}))
    box.add_class("own-keys")
    return box
