"""Training checkpoints: read without executing anything, and compared with a configuration."""

from pathlib import Path

import torch

from pix2pix_utils.errors import UserError
from pix2pix_utils.tensors import load_tensors
from pix2pix_utils.training.config import Config


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read a checkpoint without executing anything in it.

    Raises UserError if the file is missing, damaged, or not one of this package's.
    """
    state = load_tensors(path, "checkpoint", device)
    if not isinstance(state, dict) or not {"config", "palette", "generator"} <= state.keys():
        raise UserError(f"{path} holds no checkpoint of this package (no config and generator)")
    return state


def require_same_config(state: dict, config: Config) -> None:
    """Raise UserError with the first setting that a checkpoint was not trained with."""
    for key, value in config.to_dict().items():
        if state["config"].get(key) != value:
            raise UserError(
                f"the checkpoint was trained with {key}={state['config'].get(key)}, "
                f"but this run has {key}={value}"
            )
