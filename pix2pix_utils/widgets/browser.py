"""The sample browser: one pair at a time, the label map laid over the photo, one class picked out.

`browse_image` makes the picture and knows nothing of notebooks; `sample_browser` puts sliders
before it. The picture is a PNG made with Pillow, which takes a few milliseconds, so it follows a
slider without flicker.
"""

import ipywidgets
import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.widgets.keys import with_own_keys
from pix2pix_utils.widgets.markup import picture_tag, sentences

DIMMED = 0.35  # brightness of the pixels outside the highlighted class
NO_CLASS = -1  # the entry "all classes": a dropdown takes None for no selection


def browse_image(
    pairs: StreetPairs, index: int, highlight: int | None = None, opacity: float = 0.0
) -> np.ndarray:
    """A pair in one picture (S, S, 3) uint8: the label map laid over the photo.

    `opacity` 0 shows the photo, 1 the label map's colours. `highlight`, a class index, leaves the
    pixels of that class as they are and dims all others.
    """
    classes = pairs.classes[index]
    photo = pairs.photos[index].astype(np.float32)
    mixed = (1 - opacity) * photo + opacity * pairs.palette.encode(classes)
    if highlight is not None:
        mixed[classes != highlight] *= DIMMED
    return np.rint(mixed).astype(np.uint8)


def describe_pair(pairs: StreetPairs, index: int, highlight: int | None = None) -> str:
    """The picture in one sentence: the largest classes, or the share of the highlighted one."""
    palette, classes = pairs.palette, pairs.classes[index]
    shares = np.bincount(classes.ravel(), minlength=len(palette)) / classes.size
    if highlight is not None:
        shown = [highlight]
    else:
        shown = [one for one in np.argsort(-shares, kind="stable")[:4] if shares[one] > 0]
    listed = ", ".join(f"{palette.classes[one]} {shares[one]:.1%}" for one in shown)
    return f"{pairs.names[index]}: {listed} of the pixels"


def sample_browser(data: StreetData) -> ipywidgets.HBox:
    """Look through the pairs of a data set with mouse or keyboard.

    Split, number of the scene, highlighted class and opacity of the label map; below them the
    picture in words, which is also its text for screen readers.
    """
    narrow = {"layout": ipywidgets.Layout(width="340px"), "style": {"description_width": "70px"}}
    split = ipywidgets.Dropdown(description="split", options=SPLITS, value="val", **narrow)
    scene = ipywidgets.IntSlider(description="scene", max=len(data.val) - 1, **narrow)
    classes = [(name, index) for index, name in enumerate(data.palette.classes)]
    highlight = ipywidgets.Dropdown(
        description="highlight", options=[("all classes", NO_CLASS), *classes], **narrow
    )
    opacity = ipywidgets.FloatSlider(
        description="label map", max=1.0, step=0.05, value=0.4, readout_format=".0%", **narrow
    )
    image = ipywidgets.HTML(layout=ipywidgets.Layout(margin="0 16px 0 0"))
    caption = ipywidgets.HTML(layout=ipywidgets.Layout(width="340px"))

    def show(_change=None) -> None:
        pairs = data[split.value]
        picked = None if highlight.value == NO_CLASS else highlight.value
        words = describe_pair(pairs, scene.value, picked)
        image.value = picture_tag(browse_image(pairs, scene.value, picked, opacity.value), words)
        caption.value = sentences(words)

    def change_split(_change) -> None:
        scene.max = len(data[split.value]) - 1  # a larger value is cut to it
        show()

    split.observe(change_split, names="value")
    for control in (scene, highlight, opacity):
        control.observe(show, names="value")
    show()
    controls = ipywidgets.VBox([split, scene, highlight, opacity, caption])
    return with_own_keys(ipywidgets.HBox([image, controls], layout={"flex_flow": "row wrap"}))
