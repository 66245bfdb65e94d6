"""How values of a hand-in reach the process that judges: as JSON, never as pickles.

A pickle can execute anything when it is read. Here only numbers, texts, arrays and containers of
them travel as they are; functions, networks and finished runs travel as references, which `answers`
turns into stand-ins. Everything else arrives as an object without content, whose type has the
same name.
"""

import base64
import math
from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np
import torch

DEEPEST = 20  # levels of nested containers
DTYPES = {np.dtype(name).str: np.dtype(name) for name in ("bool", "float16", "float32", "float64")}
DTYPES |= {
    np.dtype(f"{sign}int{bits}").str: np.dtype(f"{sign}int{bits}")
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
LONGEST_NAME = 60


class Unreadable(Exception):
    """What arrived is not in this format."""

    def __str__(self) -> str:
        return super().__str__() or "its answer cannot be read"


def encode(value: Any, refer: Callable[[Any], Mapping[str, Any] | None], depth: int = 0) -> Any:
    """A value as JSON. `refer` gives the reference that stands for an object, or None."""
    if depth > DEEPEST:
        raise ValueError(f"an answer with more than {DEEPEST} levels of containers")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        return {"tensor": _encode_array(tensor.numpy())}
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("<").str in DTYPES:
        return {"array": _encode_array(value)}
    if isinstance(value, Mapping):
        pairs = [[encode(part, refer, depth + 1) for part in pair] for pair in value.items()]
        return {"dict": pairs}
    for name, kinds in (("tuple", tuple), ("set", Set), ("list", list)):
        if isinstance(value, kinds):
            return {name: [encode(one, refer, depth + 1) for one in value]}
    return refer(value) or {"other": type(value).__name__}


def decode(value: Any, referred: Callable[[dict[str, Any]], Any], depth: int = 0) -> Any:
    """The value that was encoded; `referred` makes the stand-in for a reference.

    Raises Unreadable for anything that `encode` does not write: the other process may be out of
    the control of its own code.
    """
    if depth > DEEPEST + 1:
        raise Unreadable
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if not isinstance(value, dict):
        raise Unreadable
    if "array" in value:
        return _decode_array(value["array"])
    if "tensor" in value:
        return torch.from_numpy(_decode_array(value["tensor"]))
    for name, kind in (("tuple", tuple), ("set", set), ("list", list)):
        if isinstance(value.get(name), list):
            return kind(decode(one, referred, depth + 1) for one in value[name])
    if isinstance(value.get("dict"), list):
        pairs = ([decode(part, referred, depth + 1) for part in pair] for pair in value["dict"])
        return {key: one for key, one in pairs}
    if isinstance(value.get("other"), str):
        return type(name_from(value["other"]), (), {})()
    return referred(value)


def name_from(text: Any) -> str:
    """A text that may serve as the name of a type."""
    name = str(text)[:LONGEST_NAME]
    return name if name.isidentifier() else "unknown"


def _encode_array(values: np.ndarray) -> dict[str, Any]:
    values = np.ascontiguousarray(values).reshape(values.shape)  # the former makes (1,) of ()
    values = values.astype(values.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(values.tobytes()).decode("ascii")
    return {"shape": list(values.shape), "dtype": values.dtype.str, "data": data}


def _decode_array(entry: Any) -> np.ndarray:
    try:
        shape, dtype = [int(side) for side in entry["shape"]], DTYPES[entry["dtype"]]
        data = base64.b64decode(entry["data"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise Unreadable from None
    if min(shape, default=0) < 0 or len(data) != math.prod(shape) * dtype.itemsize:
        raise Unreadable
    return np.frombuffer(data, dtype).reshape(shape).copy()
