"""Files of tensors, written in one piece and read without executing anything in them."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pix2pix_utils.devices import is_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import atomic_write


def load_tensors(path: Path, kind: str, device: torch.device | str = "cpu") -> Any:
    """Read a file written by `torch.save` that holds only tensors and plain containers.

    `kind` names the file in messages. Raises UserError if it is missing, damaged, or holds anything
    else.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise UserError(f"there is no {kind} {path}")
        _check_sizes(path)
        return torch.load(path, map_location=device, weights_only=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot read the {kind} {path}: {error.strerror or error}") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} is not a plain file of tensors and was not loaded: "
            "it may be damaged or contain code"
        ) from None
    except Exception as error:  # torch raises many kinds for a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if is_out_of_memory(error):
            raise UserError(
                f"not enough memory to read the {kind} {path}, or it is damaged: {reason}"
            ) from None
        raise UserError(f"the {kind} {path} is damaged: {reason}") from None


def _check_sizes(path: Path) -> None:
    """Raise zipfile.BadZipFile for an archive that would unpack to more bytes than it has.

    torch writes its records uncompressed, but would also unpack compressed ones.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > path.stat().st_size:
            raise zipfile.BadZipFile(f"it would unpack to {unpacked} bytes")


def is_state_dict(value: Any) -> bool:
    """Whether a value is a dictionary of tensors by name."""
    return isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items()
    )


def save_checkpoint(path: Path, state: dict) -> None:
    """Write a checkpoint, or weights alone, in one piece: after a crash the old file is intact.

    Raises WriteError if the file cannot be written.
    """
    with atomic_write(path) as temporary:
        save_tensors(temporary, state)


def save_tensors(path: Path, state: dict) -> None:
    """`torch.save` that raises the OSError of a full disk.

    If given a path, torch raises a RuntimeError that hides the reason.
    """
    with path.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # closing the archive fails too, and hides the reason
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
