"""The training monitor: losses and validation samples during a training run.

    monitor = TrainingMonitor()
    display(monitor.widget)
    run = train(config, data, output_root(), device, on_progress=monitor)
    monitor.show(run)  # a run that was already finished calls no monitor

It rewrites three HTML fields in place, so the notebook's output does not grow.
"""

import time
from collections.abc import Sequence

import ipywidgets

from pix2pix_utils.training.progress import Progress
from pix2pix_utils.training.runs import Run
from pix2pix_utils.widgets.charts import Point, line_chart
from pix2pix_utils.widgets.markup import picture_tag, sentences

SECONDS_BETWEEN_DRAWINGS = 0.5
LARGEST_SHARE = 0.01  # of the time that may go into drawing
SAMPLE_WIDTH = 520  # pixels on the screen
PANELS = {
    "generator loss": {"generator": "generator_loss"},
    "discriminator loss": {"discriminator": "discriminator_loss"},
    "share taken for real": {"real": "real_taken_for_real", "generated": "fake_taken_for_real"},
    "validation SSIM": {"SSIM": "val_ssim"},
}


class TrainingMonitor:
    """Draws the progress of a training run: display its `widget`, then pass it as `on_progress`.

    It draws at most twice a second, less often where drawing takes long, and always at the end. It
    never raises into the training: an error is shown and kept in `problem`. One monitor may follow
    several runs one after the other.
    """

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self._head = ipywidgets.HTML(sentences("Waiting for a training to begin."))
        self._curves = ipywidgets.HTML()
        self._samples = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self._head, self._curves, self._samples])
        self._run: Run | None = None
        self._shown_epoch = -1  # the epoch of the samples
        self._draw_at = 0.0
        self._began = (0.0, 0)  # when this run was first seen, and its steps at that time

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        try:
            if self._run is None or progress.run.folder != self._run.folder:
                self._run, self._shown_epoch = progress.run, -1
                self._began, self._draw_at = (now, _steps(progress)), 0.0
            if progress.epoch >= progress.epochs or now >= self._draw_at:
                self._draw(progress, now)
                cost = time.monotonic() - now
                pause = max(SECONDS_BETWEEN_DRAWINGS, cost / LARGEST_SHARE)
                self._draw_at = time.monotonic() + pause
        except Exception as error:  # a drawing error must not stop training
            self.problem = error
            self._head.value = sentences(f"The monitor failed, the training continues: {error!r}")

    def show(self, run: Run) -> None:
        """Draw the state of a run's folder, for a run that was loaded instead of trained."""
        history = run.read_history()
        self(Progress(run, len(history), run.config.epochs, 0, 1, {}, history))

    def _draw(self, progress: Progress, now: float) -> None:
        began, steps_before = self._began
        steps, all_steps = _steps(progress), progress.epochs * progress.steps_per_epoch
        seconds_left = None
        if steps > steps_before:
            seconds_left = (now - began) * (all_steps - steps) / (steps - steps_before)
        self._head.value = (
            f"{sentences(describe_progress(progress, seconds_left))}"
            f'<progress aria-label="training steps" style="width: {SAMPLE_WIDTH}px" '
            f'max="{all_steps}" value="{steps}"></progress>'
        )
        self._curves.value = curve_panels(progress)
        if progress.epoch != self._shown_epoch:
            self._samples.value = sample_panel(progress.run, progress.epoch)
            self._shown_epoch = progress.epoch


def _steps(progress: Progress) -> int:
    return progress.epoch * progress.steps_per_epoch + progress.step


def describe_progress(progress: Progress, seconds_left: float | None = None) -> str:
    """The state of a training run in a few sentences.

    The losses are those of the current epoch, or of the last one right after its end.
    """
    name, done, epochs = progress.run.config.experiment, progress.epoch, progress.epochs
    if done >= epochs:
        words = [f"{name}: finished, {done} of {epochs} epochs."]
    elif progress.step == 0:
        words = [f"{name}: {done} of {epochs} epochs are done."]
    else:
        step = f"step {progress.step} of {progress.steps_per_epoch}"
        words = [f"{name}: epoch {done + 1} of {epochs}, {step}."]
    if done < epochs and seconds_left is not None:
        words.append(f"{duration_in_words(seconds_left).capitalize()} left.")
    losses = progress.losses or (progress.history[-1] if progress.history else {})
    if "l1" in losses:
        words.append(f"L1 distance {losses['l1']:.3f}.")
    if "discriminator_loss" in losses:
        words.append(
            f"Discriminator loss {losses['discriminator_loss']:.2f}: it takes "
            f"{losses['real_taken_for_real']:.0%} of the real and "
            f"{losses['fake_taken_for_real']:.0%} of the generated patches for real."
        )
    if progress.history:
        best = max(progress.history, key=lambda record: record["val_ssim"])
        words.append(
            f"Validation SSIM {progress.history[-1]['val_ssim']:.3f}, "
            f"best {best['val_ssim']:.3f} after epoch {best['epoch']:.0f}."
        )
    return " ".join(words)


def duration_in_words(seconds: float) -> str:
    """A duration in words, rounded as in speech.

    >>> duration_in_words(500)
    'about 8 minutes'
    """
    if seconds < 50:
        return "less than a minute"
    if seconds < 90:
        return "about a minute"
    for unit, length, most in (("minutes", 60, 90), ("hours", 3600, 36)):
        if seconds < most * length:
            return f"about {round(seconds / length)} {unit}"
    return f"about {round(seconds / 86400)} days"


def curve_panels(progress: Progress) -> str:
    """Losses, the discriminator's verdicts and validation SSIM by epoch, as HTML.

    A hollow mark is the mean over the current epoch so far. A run without a discriminator has no
    panels for one.
    """
    so_far = progress.epoch + progress.step / max(progress.steps_per_epoch, 1)
    panels = []
    for title, keys in PANELS.items():
        curves = {name: curve(progress.history, key) for name, key in keys.items()}
        rings = [(so_far, progress.losses[key]) for key in keys.values() if key in progress.losses]
        if any(curves.values()) or rings:
            panels.append(line_chart(title, curves, progress.epochs, rings))
    note = sentences("Hollow: the mean over the current epoch so far." if progress.losses else "")
    return f'<div style="display: flex; flex-wrap: wrap">{"".join(panels)}</div>{note}'


def curve(history: Sequence[dict], key: str) -> list[Point]:
    """Epoch and value of every record that has the key."""
    return [(record["epoch"], record[key]) for record in history if key in record]


def sample_panel(run: Run, epoch: int) -> str:
    """The validation scenes after an epoch, as HTML."""
    if epoch < 1:
        return sentences("The validation scenes appear here after the first epoch.")
    words = f"Validation scenes after epoch {epoch}: label maps, generated photos, real photos"
    return sentences(f"{words}, from top to bottom:") + sample_tag(run, epoch, words)


def sample_tag(run: Run, epoch: int, words: str) -> str:
    """The saved sample grid of an epoch as HTML, or a sentence if it cannot be read."""
    path = run.samples / f"epoch-{epoch:04d}.png"
    try:
        return picture_tag(path.read_bytes(), words, SAMPLE_WIDTH)
    except OSError:
        return sentences(f"The picture {path.name} is missing or damaged.")
