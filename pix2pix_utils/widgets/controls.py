"""The controls that several widgets have: scene, split, and shares in percent."""

from collections.abc import Callable, Sequence

import ipywidgets

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.widgets.keys import with_own_keys

WIDTH = "360px"
_LOOK = {"layout": {"width": WIDTH}, "style": {"description_width": "80px"}}


def dropdown(description: str, options: Sequence, value: object) -> ipywidgets.Dropdown:
    """A list of choices, with one chosen."""
    return ipywidgets.Dropdown(description=description, options=options, value=value, **_LOOK)


def count_slider(description: str, low: int, high: int) -> ipywidgets.IntSlider:
    """A whole number from `low` to `high`, starting at `low`."""
    return ipywidgets.IntSlider(description=description, min=low, max=high, **_LOOK)


def share_slider(description: str, value: float, step: float = 0.05) -> ipywidgets.FloatSlider:
    """A share from 0 to 1, shown in percent."""
    return ipywidgets.FloatSlider(
        description=description, max=1.0, step=step, value=value, readout_format=".0%", **_LOOK
    )


def split_and_scene(
    data: StreetData, split: str
) -> tuple[ipywidgets.Dropdown, ipywidgets.IntSlider]:
    """A choice of the split, and a slider over its scenes, which ends at the split's last one."""
    splits = dropdown("split", SPLITS, split)
    scene = count_slider("scene", 0, len(data[split]) - 1)

    def change_split(_change) -> None:
        scene.max = len(data[splits.value]) - 1  # reduces a larger value

    splits.observe(change_split, names="value")
    return splits, scene


def text() -> ipywidgets.HTML:
    """A line of words as wide as the controls."""
    return ipywidgets.HTML(layout={"width": WIDTH})


def on_change(controls: Sequence[ipywidgets.Widget], show: Callable[[], None]) -> None:
    """Call `show` whenever a control's value changes."""
    for control in controls:
        control.observe(lambda _change: show(), names="value")


def row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Widgets side by side, or stacked where there is no room, with keys of their own."""
    return with_own_keys(ipywidgets.HBox(children, layout={"flex_flow": "row wrap"}))
