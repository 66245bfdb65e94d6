"""Compares answers with what is right."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def close(one: Any, two: Any, tolerance: float = 1e-6) -> bool:
    """Whether two numbers or arrays of one shape agree, tensors included; nan agrees with none."""
    first, second = np.asarray(one, dtype=float), np.asarray(two, dtype=float)
    return first.shape == second.shape and bool(np.all(np.abs(first - second) <= tolerance))


def settings_that_differ(run: Any, asked: Mapping[str, Any]) -> str:
    """The settings of a run that are not as asked, in words; empty if all are."""
    own = {name: getattr(run.config, name) for name in asked}
    wrong = [f"{name} is {own[name]}" for name, value in asked.items() if own[name] != value]
    return ", ".join(wrong)
