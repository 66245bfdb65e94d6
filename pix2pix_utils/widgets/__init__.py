"""What a reader moves: ipywidgets over the figures of this package, one module each.

Every widget has a static picture beside it, made by a plain function, that a headless run and
GitHub's renderer show instead.
"""

from pix2pix_utils.widgets.browser import browse_image, describe_pair, sample_browser
from pix2pix_utils.widgets.compare import comparison_figure, finished_runs, run_comparison
from pix2pix_utils.widgets.monitor import TrainingMonitor
from pix2pix_utils.widgets.patches import Judge, patch_figure, patch_overlay
from pix2pix_utils.widgets.scrubber import epoch_figure, epoch_scrubber

__all__ = [
    "Judge",
    "TrainingMonitor",
    "browse_image",
    "comparison_figure",
    "describe_pair",
    "epoch_figure",
    "epoch_scrubber",
    "finished_runs",
    "patch_figure",
    "patch_overlay",
    "run_comparison",
    "sample_browser",
]
