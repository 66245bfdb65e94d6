"""The generator of a checkpoint, a run or a release, checked before anything is allocated."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.data.pairs import signed_colors
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import build_generator
from pix2pix_utils.released_models import find_checkpoint, read_manifest
from pix2pix_utils.training.checkpoints import load_checkpoint, require_same_config
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.weights import first_misfit

MAX_IMAGE_SIZE = 4096  # pixels, height and width; no checkpoint can ask for more memory


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """The generator of a checkpoint, and what is known about it."""

    network: nn.Module  # of plain torch layers, on the CPU
    palette: Palette
    config: Config
    run: Run | None  # None for a checkpoint on its own
    release: dict | None = None  # the manifest, if it is a released model: see `release`


def load_generator(path: Path, device: torch.device) -> tuple[nn.Module, Palette, int]:
    """The generator of a checkpoint file or of a run's best one, its palette and its image size.

    On a CPU it is made faster. Raises UserError as `read_generator` does.
    """
    trained = read_generator(path)
    network = accelerate_on_cpu(trained.network).to(device)
    return network, trained.palette, trained.config.image_size


def read_generator(path: Path) -> TrainedGenerator:
    """The generator of a checkpoint file or of a run's best one.

    `released` and `released/NAME` are released models, see `released_models`. Raises UserError if
    there is none, if it belongs to another run, or if its weights do not fit its configuration. All
    of this is checked before memory is allocated for the generator.
    """
    asked, run = Path(path), None
    path = find_checkpoint(asked)
    release = read_manifest() if path != asked else None
    if path.is_dir():
        run = Run.open(path)
        if not run.best_checkpoint.is_file():
            raise UserError(f"the run {path} has no best checkpoint yet: train at least one epoch")
        path = run.best_checkpoint
    state = load_checkpoint(path)
    try:
        config = Config.from_dict(state["config"])
        palette = Palette.from_dict(state["palette"])
        if run:
            require_same_config(state, run.config)
        if config.image_size > MAX_IMAGE_SIZE:
            raise UserError(f"image_size is {config.image_size}, above {MAX_IMAGE_SIZE}")
        build = partial(
            build_generator,
            config.generator,
            config.image_size,
            config.width,
            config.label_input,
        )
        with torch.device("meta"):  # shapes without memory
            network = build(torch.empty(len(palette), 3))
        if misfit := first_misfit(network, state["generator"]):
            raise UserError(misfit)
        for name, value in state["generator"].items():
            if not value.isfinite().all():
                raise UserError(f"'{name}' contains values that are not finite")
    except (UserError, KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the checkpoint {path} does not fit its configuration: {reason}") from None
    generator = build(signed_colors(palette))
    generator.load_state_dict(state["generator"])
    return TrainedGenerator(generator, palette, config, run, release)
