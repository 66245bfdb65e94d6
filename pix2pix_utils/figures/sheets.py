"""A dozen pairs at one look, to see whether a data set was read as its owner means it."""

import numpy as np
from matplotlib.patches import Patch

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.source import SPLITS, Source
from pix2pix_utils.figures.described import Figure, series
from pix2pix_utils.figures.style import BELOW

PAIRS = 12
PAIRS_IN_A_ROW = 3
OPACITY = 0.5  # of the label map over the photo
LONGEST_SIDE = 320  # pixels of a picture
CELL = 1.55  # inches; width of a picture
LETTER, KEY, LINE = 0.075, 0.55, 0.18  # inches; of the legend's text, its patches and its rows

Sample = tuple[str, np.ndarray, np.ndarray]  # name, classes (H, W), photo (H, W, 3) uint8


def contact_sheet(data: StreetData | Source) -> Figure:
    """Label map, photo and overlay of a dozen pairs from all splits, with the classes they show.

    Raises UserError if a pair cannot be read.
    """
    samples = _of_source(data) if isinstance(data, Source) else _of_data(data)
    palette = data.palette
    pairs_in_a_row = min(PAIRS_IN_A_ROW, len(samples))
    rows = -(-len(samples) // pairs_in_a_row)
    tallest = max(classes.shape[0] / classes.shape[1] for _, classes, _ in samples)
    cell = min(CELL * tallest, 2 * CELL)
    shown = np.unique(np.concatenate([np.unique(classes) for _, classes, _ in samples]))
    handles = _handles(palette, shown)
    width = 3 * CELL * pairs_in_a_row
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, int(width / (LETTER * longest + KEY)))
    legend = LINE * -(-len(handles) // columns) + 0.2
    figure = Figure(figsize=(width, rows * (cell + 0.3) + legend + 0.3))
    figure.set_layout_engine("constrained")
    figure.suptitle("Each pair: label map, photo, and both together", fontsize=9)
    axes = figure.subplots(rows, 3 * pairs_in_a_row, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for index, (name, classes, photo) in enumerate(samples):
        row, first = divmod(index, pairs_in_a_row)
        label = palette.encode(classes)
        blend = (1 - OPACITY) * photo + OPACITY * label
        for column, image in enumerate((label, photo, blend.astype(np.uint8))):
            axis = axes[row, 3 * first + column]
            axis.imshow(image, interpolation="nearest")
            if column == 1:
                title = axis.set_title(name if len(name) < 50 else f"…{name[-49:]}", fontsize=7)
                title.set_in_layout(False)  # it is as wide as three pictures
    figure.legend(handles=handles, ncols=columns, **BELOW)
    figure.details = (
        f"{len(samples)} pairs, each as label map, photo and both together: "
        f"{series([name for name, *_ in samples])}. "
        f"Classes: {', '.join(str(handle.get_label()) for handle in handles)}."
    )
    return figure


def _handles(palette: Palette, shown: np.ndarray) -> list[Patch]:
    """The key of each class; void is hatched, since some palettes have a black class as well."""
    return [
        Patch(
            facecolor=palette.colors[index] / 255,
            edgecolor="grey" if index >= palette.evaluated else "black",
            hatch="////" if index >= palette.evaluated else None,
            label=palette.classes[index] + (" (void)" if index >= palette.evaluated else ""),
        )
        for index in shown
    ]


def _of_data(data: StreetData) -> list[Sample]:
    places = [(data[split], index) for split in SPLITS for index in range(len(data[split]))]
    return [
        (pairs.names[index], pairs.classes[index], pairs.photos[index])
        for pairs, index in evenly_spaced(places, PAIRS)
    ]


def _of_source(source: Source) -> list[Sample]:
    items = [item for split in SPLITS for item in source.splits[split]]
    samples = []
    for item in evenly_spaced(items, PAIRS):
        classes, photo = item.read(source.reading)
        step = max(1, -(-max(photo.shape) // LONGEST_SIDE))
        rows = np.arange(0, photo.shape[0], step)
        columns = np.arange(0, photo.shape[1], step)
        at = np.ix_(
            rows * classes.shape[0] // photo.shape[0], columns * classes.shape[1] // photo.shape[1]
        )
        samples.append((item.name, classes[at], photo[np.ix_(rows, columns)]))
    return samples
