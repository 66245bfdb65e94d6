"""Files of tensors, read without executing anything in them."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from pix2pix_utils.errors import UserError


def load_tensors(path: Path, kind: str, device: torch.device | str = "cpu") -> Any:
    """What `torch.save` wrote, as long as it is tensors and plain containers.

    `kind` is what a message calls the file. Raises UserError if it is missing, damaged, or holds
    anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no {kind} {path}")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} is not a plain file of tensors and was not loaded: "
            "it may be damaged, or hold code"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"the {kind} {path} is damaged: {reason}") from None
