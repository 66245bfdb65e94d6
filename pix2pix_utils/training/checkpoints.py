"""Training checkpoints: read without executing anything, and checked against the run."""

from collections.abc import Iterable
from pathlib import Path

import torch

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.tensors import is_state_dict, load_tensors
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.weights import first_misfit


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read a checkpoint without executing anything in it.

    Its `config` and `palette` are dictionaries, its `generator` is a state dict. Raises UserError
    if the file is missing, damaged or no checkpoint of this package.
    """
    state = load_tensors(path, "checkpoint", device)
    if (
        not isinstance(state, dict)
        or not isinstance(state.get("config"), dict)
        or not isinstance(state.get("palette"), dict)
        or not is_state_dict(state.get("generator"))
    ):
        raise UserError(f"{path} is not a checkpoint of this package (no config and generator)")
    return state


def check_checkpoint(
    state: dict, keys: Iterable[str], config: Config, data: StreetData, networks: Networks
) -> None:
    """Raise UserError if a checkpoint does not belong to this configuration and data set.

    It also raises if one of `keys` is missing.
    """
    keys = set(keys)
    if missing := keys - state.keys():
        raise UserError(f"the checkpoint is of another kind: it has no {min(missing)}")
    require_same_config(state, config)
    if state["palette"] != data.palette.to_dict():
        raise UserError(f"the checkpoint was trained with other classes than those of {data.name}")
    if state["fingerprint"] != data.fingerprint:
        raise UserError(
            f"the checkpoint was trained on data with the fingerprint {state['fingerprint']}, "
            f"but that of {data.location} is {data.fingerprint}"
        )
    for name in ("generator", "discriminator", "average"):
        network = getattr(networks, name)
        if name not in keys or network is None:
            continue
        if misfit := first_misfit(network, state[name], f"{name}."):
            raise UserError(f"the checkpoint does not fit its own configuration: {misfit}")


def require_same_config(state: dict, config: Config) -> None:
    """Raise UserError with the first setting that differs from the checkpoint's.

    A setting that an older checkpoint does not know has its default.
    """
    trained = Config.from_dict(state["config"]).to_dict()
    for key, value in config.to_dict().items():
        if trained[key] != value:
            raise UserError(
                f"the checkpoint was trained with {key}={trained[key]}, "
                f"but this run has {key}={value}"
            )
