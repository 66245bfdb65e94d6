"""Class maps as short text: runs, row by row, as page/streets.js reads and writes them."""

import base64

import numpy as np


def encode_runs(class_map: np.ndarray) -> str:
    """A class map (S, S), 0 to 255, as text of letters, digits, `-` and `_`.

    A run is two numbers: 0 for "as the row above" or a class + 1, and its length in pixels. A
    number is written in groups of 7 bits, lowest first; all bytes but its last have the eighth bit
    set. Of the two kinds of run, each is the longer one at its place.
    """
    width = class_map.shape[1]
    flat = np.asarray(class_map, np.uint8).ravel()
    above = _reach(np.concatenate([np.zeros(width, bool), flat[width:] == flat[:-width]]))
    alike = 1 + _reach(np.concatenate([flat[1:] == flat[:-1], [False]]))
    code = bytearray()
    at = 0
    while at < len(flat):
        length = int(max(above[at], alike[at]))
        code += _number(0 if above[at] >= alike[at] else int(flat[at]) + 1) + _number(length)
        at += length
    return base64.urlsafe_b64encode(code).decode("ascii").rstrip("=")


def _reach(holds: np.ndarray) -> np.ndarray:
    """For each element, how many from there on are true without a gap: (N,) bool to (N,) int."""
    ends = np.flatnonzero(~np.append(holds, False))
    return ends[np.searchsorted(ends, np.arange(len(holds)))] - np.arange(len(holds))


def _number(value: int) -> bytes:
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
