"""The training monitor: losses and validation samples while a training runs.

    monitor = TrainingMonitor()
    display(monitor.widget)
    run = train(config, data, output_root(), device, watch=monitor)
    monitor.show(run)  # a finished run is loaded, not watched

It changes three fields of text in place, so the notebook's output does not grow. `curve_panels`,
`sample_panel` and `describe_reading` make what stands in them and know nothing of notebooks.
"""

import time
from collections.abc import Sequence

import ipywidgets

from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trainer import Progress
from pix2pix_utils.widgets.markup import Point, file_tag, line_chart, sentences

SECONDS_BETWEEN_DRAWINGS = 0.5
LARGEST_SHARE = 0.01  # of the time that may go into drawing
SAMPLE_WIDTH = 520  # pixels on the screen


class TrainingMonitor:
    """Draws what a training reports: pass it as `watch`, display its `widget` before.

    It draws twice a second at most, less often where drawing takes long, and always at the end. It
    raises nothing into the training: what went wrong is kept in `problem` and shown. One monitor
    may follow several runs one after the other.
    """

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self._head = ipywidgets.HTML(sentences("Waiting for a training to begin."))
        self._curves = ipywidgets.HTML()
        self.read_samples = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self._head, self._curves, self.read_samples])
        self._run: Run | None = None
        self._shown_epoch = -1  # the samples' epoch
        self._draw_at = 0.0
        self._began = (0.0, 0)  # when this run was first seen, and its steps at that time

    def __call__(self, reading: Progress) -> None:
        now = time.monotonic()
        try:
            if self._run is None or reading.run.folder != self._run.folder:
                self._run, self._shown_epoch = reading.run, -1
                self._began, self._draw_at = (now, _steps(reading)), 0.0
            if reading.epoch >= reading.epochs or now >= self._draw_at:
                self.draw_share(reading, now)
                cost = time.monotonic() - now
                pause = max(SECONDS_BETWEEN_DRAWINGS, cost / LARGEST_SHARE)
                self._draw_at = time.monotonic() + pause
        except Exception as error:  # a picture is no reason to stop a training
            self.problem = error
            self._head.value = sentences(f"The monitor failed, the training goes on: {error!r}")

    def show(self, run: Run) -> None:
        """Draw the state that a run's folder has, as after a run that was loaded."""
        history = run.read_history()
        self(Progress(run, len(history), run.config.epochs, 0, 1, {}, history))

    def draw_share(self, reading: Progress, now: float) -> None:
        began, steps = self._began
        done, left = _steps(reading) - steps, _all_steps(reading) - _steps(reading)
        seconds_left = (now - began) * left / done if done else None
        self._head.value = head(reading, seconds_left)
        self._curves.value = curve_panels(reading)
        if reading.epoch != self._shown_epoch:
            self.read_samples.value = sample_panel(reading.run, reading.epoch)
            self._shown_epoch = reading.epoch


def _steps(reading: Progress) -> int:
    return reading.epoch * reading.steps_per_epoch + reading.step


def _all_steps(reading: Progress) -> int:
    return reading.epochs * reading.steps_per_epoch


def head(reading: Progress, seconds_left: float | None) -> str:
    """The state in words and as a bar, as HTML."""
    return (
        f"{sentences(describe_reading(reading, seconds_left))}"
        f'<progress aria-label="training steps" style="width: {SAMPLE_WIDTH}px" '
        f'max="{_all_steps(reading)}" value="{_steps(reading)}"></progress>'
    )


def describe_reading(reading: Progress, seconds_left: float | None = None) -> str:
    """The state of a training in a few sentences.

    The losses are those of the current epoch, or of the last one right after its end.
    """
    name = reading.run.config.experiment
    if reading.epoch >= reading.epochs:
        said = [f"{name}: finished, {reading.epoch} of {reading.epochs} epochs."]
    elif reading.step == 0:
        said = [f"{name}: {reading.epoch} of {reading.epochs} epochs are done."]
    else:
        said = [
            f"{name}: epoch {reading.epoch + 1} of {reading.epochs}, "
            f"step {reading.step} of {reading.steps_per_epoch}."
        ]
    if reading.epoch < reading.epochs and seconds_left is not None:
        said.append(f"{duration_in_words(seconds_left).capitalize()} left.")
    now = reading.losses or (reading.history[-1] if reading.history else {})
    said += _losses_in_words(now)
    if reading.history:
        best = max(reading.history, key=lambda record: record["val_ssim"])
        said.append(
            f"Validation SSIM {reading.history[-1]['val_ssim']:.3f}, "
            f"best {best['val_ssim']:.3f} after epoch {best['epoch']:.0f}."
        )
    return " ".join(said)


def _losses_in_words(losses: dict[str, float]) -> list[str]:
    said = []
    if "l1" in losses:
        said.append(f"L1 distance {losses['l1']:.3f}.")
    if "discriminator_loss" in losses:
        said.append(
            f"Discriminator loss {losses['discriminator_loss']:.2f}: it takes "
            f"{losses['real_taken_for_real']:.0%} of the real and "
            f"{losses['fake_taken_for_real']:.0%} of the generated patches for real."
        )
    return said


def duration_in_words(seconds: float) -> str:
    """A duration as one would say it: rounded, and never more exact than it is known.

    >>> duration_in_words(500)
    'about 8 minutes'
    """
    if seconds < 50:
        return "less than a minute"
    if seconds < 90:
        return "about a minute"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} minutes"
    if seconds < 36 * 3600:
        return f"about {round(seconds / 3600)} hours"
    return f"about {round(seconds / 86400)} days"


PANELS = {
    "generator loss": {"generator": "generator_loss"},
    "discriminator loss": {"discriminator": "discriminator_loss"},
    "share taken for real": {"real": "real_taken_for_real", "generated": "fake_taken_for_real"},
    "validation SSIM": {"SSIM": "val_ssim"},
}


def curve_panels(reading: Progress) -> str:
    """Losses, verdicts and validation SSIM by epoch, as HTML.

    A hollow mark is the mean over the current epoch so far. A run without a discriminator has no
    panels for one.
    """
    so_far = reading.epoch + reading.step / max(reading.steps_per_epoch, 1)
    panels = []
    for title, keys in PANELS.items():
        curves = {name: curve(reading.history, key) for name, key in keys.items()}
        rings = [(so_far, reading.losses[key]) for key in keys.values() if key in reading.losses]
        if any(curves.values()) or rings:
            panels.append(line_chart(title, curves, reading.epochs, rings))
    note = sentences("Hollow: the mean over the current epoch so far." if reading.losses else "")
    return f'<div style="display: flex; flex-wrap: wrap">{"".join(panels)}</div>{note}'


def curve(history: Sequence[dict], key: str) -> list[Point]:
    """Epoch and value of every record that has the key."""
    return [(record["epoch"], record[key]) for record in history if key in record]


def sample_panel(run: Run, epoch: int) -> str:
    """The validation scenes after an epoch, as HTML."""
    if epoch < 1:
        return sentences("The validation scenes appear here after the first epoch.")
    words = f"Validation scenes after epoch {epoch}: label maps, generated photos, real photos"
    path = run.samples / f"epoch-{epoch:04d}.png"
    return sentences(f"{words}, from top to bottom:") + file_tag(path, words, SAMPLE_WIDTH)
