"""The generator of a checkpoint or of a finished run, checked before anything is allocated."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import GENERATORS, build_generator
from pix2pix_utils.models.unet import IMAGE_SIZES
from pix2pix_utils.training.checkpoints import load_checkpoint, require_same_config
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.weights import first_misfit

MAX_IMAGE_SIZE = 4096  # pixels, height and width; no checkpoint can ask for more memory


def load_generator(path: Path, device: torch.device) -> tuple[nn.Module, Palette, int]:
    """The generator of a checkpoint, or of a run's best one, its palette and its image size.

    Raises UserError if there is none, if a run holds another run's, or if its weights do not fit
    its configuration; nothing of the size that the configuration says is allocated before that is
    known.
    """
    path, run = Path(path), None
    if path.is_dir():
        run = Run.open(path)
        if not run.best_checkpoint.is_file():
            raise UserError(f"the run {path} has no best checkpoint yet: train one epoch at least")
        path = run.best_checkpoint
    state = load_checkpoint(path)
    weights = state["generator"]
    try:
        for key in _of_type(dict, state["config"]):
            _of_type(str, key)
        config = Config.from_dict(state["config"])
        palette = Palette.from_dict(_of_type(dict, state["palette"]))
        if run:
            require_same_config(state, run.config)
        _check_weights(weights, config)
    except (UserError, KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the checkpoint {path} does not fit its configuration: {reason}") from None
    generator = build_generator(config.generator, config.image_size, config.width)
    generator.load_state_dict(weights)
    return generator.to(device), palette, config.image_size


def _of_type(kind: type, value):
    if not isinstance(value, kind):
        raise TypeError(f"it holds {type(value).__name__} where {kind.__name__} belongs")
    return value


def _check_weights(weights: dict[str, Tensor], config: Config) -> None:
    """Raise UserError unless these are the finite weights of the configured generator."""
    for value in _of_type(dict, weights).values():
        _of_type(Tensor, value)
    if config.image_size > MAX_IMAGE_SIZE:
        raise UserError(f"image_size is {config.image_size}, above {MAX_IMAGE_SIZE}")
    try:
        misfit = first_misfit(_without_memory(config), weights)
    except RuntimeError:  # numbers beyond 64 bits
        misfit = f"no network can have width={config.width}"
    if misfit:
        raise UserError(_other_settings(weights, config) or misfit)
    for name, value in weights.items():
        if not value.isfinite().all():
            raise UserError(f"'{name}' holds numbers that are not finite")


def _without_memory(config: Config) -> nn.Module:
    with torch.device("meta"):  # shapes only
        return build_generator(config.generator, config.image_size, config.width)


def _other_settings(weights: dict[str, Tensor], config: Config) -> str | None:
    """In words, the settings that these weights belong to, if there are such.

    Their names tell the generator and the image size, their shapes the width.
    """
    first = next((w for w in weights.values() if w.ndim == 4 and w.shape[1] == 3), None)
    widths = [config.width] if first is None else [config.width, first.shape[0]]
    kinds = [(config.generator, size) for size in (config.image_size, *IMAGE_SIZES)]
    kinds += [(generator, config.image_size) for generator in GENERATORS]
    for generator, size in dict.fromkeys(kinds):
        for width in widths:
            settings: dict[str, Any] = {"generator": generator, "image_size": size, "width": width}
            try:
                network = _without_memory(replace(config, **settings))
            except UserError:  # no such size
                break
            except RuntimeError:  # no such width
                continue
            if network.state_dict().keys() != weights.keys():
                break
            if first_misfit(network, weights) is None:
                wrong = [key for key in settings if settings[key] != getattr(config, key)]
                said = ", ".join(f"{key}={getattr(config, key)}" for key in wrong)
                true = ", ".join(f"{key}={settings[key]}" for key in wrong)
                return f"it says {said}, but its weights are those of {true}"
        else:
            return None  # some tensors are those of another network
    return None
