"""The epoch scrubber: a run's validation samples and curves, epoch by epoch."""

from collections.abc import Sequence
from html import escape

import ipywidgets
import numpy as np
from PIL import Image

from pix2pix_utils import figures
from pix2pix_utils.errors import UserError
from pix2pix_utils.figures.described import Figure
from pix2pix_utils.training.runs import Run
from pix2pix_utils.widgets.charts import line_chart
from pix2pix_utils.widgets.keys import with_own_keys
from pix2pix_utils.widgets.markup import sentences
from pix2pix_utils.widgets.monitor import curve, sample_tag

FASTEST = 350  # milliseconds from one picture to the next (WCAG 2.1, 2.3.1)
CURVES = {"l1": "L1 distance", "val_ssim": "validation SSIM"}


def epoch_picture(run: Run, epoch: int) -> np.ndarray | None:
    """The saved sample grid of an epoch, (H, W, 3) uint8; None if it cannot be read."""
    try:
        return np.array(Image.open(run.samples / f"epoch-{epoch:04d}.png").convert("RGB"))
    except OSError:
        return None


def epoch_charts(history: Sequence[dict], epoch: int) -> str:
    """The curves of a run with one epoch marked, as HTML."""
    last = history[-1]["epoch"]
    charts = []
    for key, title in CURVES.items():
        points = curve(history, key)
        marked = [point for point in points if point[0] == epoch]
        charts.append(line_chart(title, {title: points}, last, marked, cursor=epoch))
    return f'<div style="display: flex; flex-wrap: wrap">{"".join(charts)}</div>'


def describe_epoch(history: Sequence[dict], epoch: int) -> str:
    """The values of an epoch and the best validation SSIM, in one sentence."""
    records = {int(record["epoch"]): record for record in history}
    record, best = records[epoch], max(records.values(), key=lambda one: one["val_ssim"])
    values = [f"{title} {record[key]:.3f}" for key, title in CURVES.items() if key in record]
    place = f"best {best['val_ssim']:.3f} after epoch {best['epoch']:.0f}"
    if record is best:
        place = "the best of this run"
    return f"Epoch {epoch} of {max(records)}: {', '.join(values)}; {place}."


def epoch_scrubber(run: Run) -> ipywidgets.VBox:
    """Move through the epochs of a run with a slider, the arrow keys or the play button.

    Raises UserError if no epoch of the run has ended.
    """
    history = _finished_epochs(run)
    first, last = int(history[0]["epoch"]), int(history[-1]["epoch"])
    limits = {"min": first, "max": last, "value": last}
    epoch = ipywidgets.IntSlider(description="epoch", layout={"width": "380px"}, **limits)
    # a long run plays in 20 s; three changes a second at most, since faster flashing can do harm
    interval = max(FASTEST, min(600, 20_000 // len(history)))
    step = max(1, round(len(history) * FASTEST / 20_000))
    play = ipywidgets.Play(interval=interval, step=step, **limits)
    ipywidgets.jslink((play, "value"), (epoch, "value"))
    caption, charts, picture = (ipywidgets.HTML() for _ in range(3))

    def show(_change=None) -> None:
        words = describe_epoch(history, epoch.value)
        caption.value = sentences(words)
        charts.value = epoch_charts(history, epoch.value)
        words += " Validation scenes: label maps, generated photos, real photos."
        picture.value = sample_tag(run, epoch.value, words)

    epoch.observe(show, names="value")
    show()
    title = ipywidgets.HTML(f"<b>{escape(run.config.experiment)}</b>")
    return with_own_keys(
        ipywidgets.VBox([title, ipywidgets.HBox([epoch, play]), caption, charts, picture])
    )


def epoch_figure(run: Run, epochs: Sequence[int]) -> Figure:
    """The curves with a few epochs marked, above the sample grids of those epochs.

    A missing grid is labelled "not saved". Raises UserError if no epoch of the run has ended.
    """
    history = _finished_epochs(run)
    figure = Figure(figsize=(3.1 * max(len(epochs), 2), 4.9), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.3))[:, 0]
    for axis, (key, title) in zip(above.subplots(1, len(CURVES)), CURVES.items(), strict=True):
        points = curve(history, key)
        axis.plot(*zip(*points, strict=True), color=figures.COLORS[0])
        marked = [point for point in points if point[0] in epochs]
        axis.plot(*zip(*marked, strict=True), "o", color="black", markerfacecolor="white")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    for axis, epoch in zip(below.subplots(1, len(epochs), squeeze=False)[0], epochs, strict=True):
        picture = epoch_picture(run, epoch)
        if picture is None:
            axis.text(0.5, 0.5, "not saved", ha="center", transform=axis.transAxes)
        else:
            axis.imshow(picture, interpolation="nearest")
        axis.set_title(f"after epoch {epoch}", fontsize=9)
        axis.set_axis_off()
    figure.details = (
        f"Curves of {' and '.join(CURVES.values())} by epoch, above grids of validation scenes: "
        "label maps, generated photos, real photos. "
        + " ".join(describe_epoch(history, epoch) for epoch in epochs)
    )
    return figure


def _finished_epochs(run: Run) -> list[dict[str, float]]:
    history = run.read_history()
    if not history:
        raise UserError(f"no epoch of the run {run.folder} has ended yet: train it first")
    return history
