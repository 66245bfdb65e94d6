"""The sample browser: pairs of a data set, with the label map laid over the photo."""

import ipywidgets
import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.widgets import controls
from pix2pix_utils.widgets.markup import picture_tag, sentences

DIMMED = 0.35  # brightness of the pixels outside the highlighted class
NO_CLASS = -1  # the entry "all classes": a dropdown shows nothing for None


def browse_image(
    pairs: StreetPairs, index: int, highlight: int | None = None, opacity: float = 0.0
) -> np.ndarray:
    """A pair in one picture (S, S, 3) uint8: the label map laid over the photo.

    `opacity` 0 shows the photo, 1 the label map's colours. `highlight`, a class index, dims the
    pixels of all other classes.
    """
    classes = pairs.classes[index]
    photo = pairs.photos[index].astype(np.float32)
    mixed = (1 - opacity) * photo + opacity * pairs.palette.encode(classes)
    if highlight is not None:
        mixed[classes != highlight] *= DIMMED
    return np.rint(mixed).astype(np.uint8)


def describe_pair(pairs: StreetPairs, index: int, highlight: int | None = None) -> str:
    """The shares of the four largest classes, or of the highlighted one, in one sentence."""
    palette, classes = pairs.palette, pairs.classes[index]
    shares = np.bincount(classes.ravel(), minlength=len(palette)) / classes.size
    if highlight is not None:
        shown = [highlight]
    else:
        shown = [one for one in np.argsort(-shares, kind="stable")[:4] if shares[one] > 0]
    listed = ", ".join(f"{palette.classes[one]} {shares[one]:.1%}" for one in shown)
    return f"{pairs.names[index]}: {listed} of the pixels"


def sample_browser(data: StreetData) -> ipywidgets.HBox:
    """Browse the pairs of a data set with mouse or keyboard.

    The controls are the split, the scene, the highlighted class and the label map's opacity. The
    picture's description below them is also its text for screen readers.
    """
    split, scene = controls.split_and_scene(data, "val")
    classes = [(name, index) for index, name in enumerate(data.palette.classes)]
    highlight = controls.dropdown("highlight", [("all classes", NO_CLASS), *classes], NO_CLASS)
    opacity = controls.share_slider("label map", 0.4)
    image = ipywidgets.HTML(layout={"margin": "0 16px 0 0"})
    caption = controls.text()

    def show() -> None:
        pairs = data[split.value]
        picked = None if highlight.value == NO_CLASS else highlight.value
        words = describe_pair(pairs, scene.value, picked)
        image.value = picture_tag(browse_image(pairs, scene.value, picked, opacity.value), words)
        caption.value = sentences(words)

    controls.on_change([split, scene, highlight, opacity], show)
    show()
    return controls.row(image, ipywidgets.VBox([split, scene, highlight, opacity, caption]))
