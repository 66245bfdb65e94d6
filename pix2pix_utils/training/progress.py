"""Progress of a training run: mean losses of the epoch, the progress bar and the callback."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from tqdm.auto import tqdm

from pix2pix_utils.acceleration.distributed import is_main
from pix2pix_utils.training.runs import Run

SECONDS_BETWEEN_READINGS = 0.5  # reading the losses waits for the device


@dataclass(frozen=True)
class Progress:
    """The state of a training run, as passed to the callback `on_progress`."""

    run: Run
    epoch: int  # finished epochs
    epochs: int
    step: int  # finished updates of the current epoch
    steps_per_epoch: int
    losses: dict[str, float]  # means over the current epoch so far; empty right after an epoch
    history: list[dict]  # one record an epoch, as in history.csv


ProgressCallback = Callable[[Progress], None]


class ProgressDisplay:
    """Shows progress in a bar and passes it to a callback, in the main process only."""

    def __init__(self, bar: tqdm, on_progress: ProgressCallback | None):
        self._bar = bar
        self._on_progress = on_progress
        self._read_at = time.monotonic()

    def update(self, pairs: int, read: Callable[[], Progress]) -> None:
        """Count `pairs` more images; twice a second, `read` the losses and show them."""
        self._bar.update(pairs)
        if is_main() and time.monotonic() - self._read_at > SECONDS_BETWEEN_READINGS:
            progress = read()
            self._show(progress)
            self.report(progress)
            self._read_at = time.monotonic()

    def report(self, progress: Progress) -> None:
        """Call the callback, if there is one."""
        if self._on_progress and is_main():
            self._on_progress(progress)

    def _show(self, progress: Progress) -> None:
        shown = {}
        for short, name in (("G", "generator_loss"), ("D", "discriminator_loss")):
            if name in progress.losses:
                shown[short] = f"{progress.losses[name]:.2f}"
        if progress.history:
            shown["val SSIM"] = f"{progress.history[-1]['val_ssim']:.3f}"
        title = f"{progress.run.config.experiment} {progress.epoch + 1}/{progress.epochs}"
        self._bar.set_description(title, refresh=False)
        self._bar.set_postfix(shown)


class LossSums:
    """For each loss, its sum over the batches of the current epoch, and how many there were."""

    def __init__(self, sums: dict[str, tuple[Tensor, int]] | None = None):
        self.sums = sums or {}

    def add(self, losses: dict[str, Tensor], batches: int) -> None:
        """Add losses that are already summed over `batches`."""
        for name, value in losses.items():
            total, count = self.sums.get(name, (0, 0))
            self.sums[name] = (total + value, count + batches)

    def means(self) -> dict[str, float]:
        return {name: float(total) / count for name, (total, count) in self.sums.items() if count}
