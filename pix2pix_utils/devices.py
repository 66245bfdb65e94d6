"""Which device the networks run on."""

import torch

from pix2pix_utils.errors import UserError

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes a GPU if there is one. Raises UserError if `cuda` is asked for in vain."""
    if name not in DEVICES:
        raise UserError(f"there is no device '{name}'; choose one of: {', '.join(DEVICES)}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("--device cuda: torch sees no CUDA GPU here; use --device cpu or auto")
    return torch.device("cuda" if available and name != "cpu" else "cpu")
