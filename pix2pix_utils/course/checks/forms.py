"""Reads answers in any reasonable form; what cannot be read raises WrongForm with a hint."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pix2pix_utils.training.runs import Run


class WrongForm(Exception):
    """The answer is not of the kind that was asked for; the message is a hint for the reader."""


def function(answer: Any) -> Callable[..., Any]:
    """A function or anything else that can be called."""
    if not callable(answer):
        raise WrongForm(f"The answer is a function; this is {_kind(answer)}.")
    return answer


def number(answer: Any) -> float:
    """A number: int, float, or an array or tensor with a single value; no bool, no text."""
    values = array(answer)
    if values.size != 1:
        raise WrongForm(f"One number is asked for; this has {values.size} values.")
    return float(values.reshape(()))


def numbers(answer: Any, count: int) -> list[float]:
    """`count` numbers in a tuple, list, array or tensor."""
    values = array(answer)
    if values.shape != (count,):
        raise WrongForm(f"The answer has {count} numbers; this has the shape {values.shape}.")
    return values.tolist()


def array(answer: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Numbers of any shape, or of the given one, as float64, from any device."""
    if isinstance(answer, (list, tuple)):
        answer = [x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x for x in answer]
    if isinstance(answer, torch.Tensor):
        answer = answer.detach().cpu().double().numpy()
    try:
        values = np.asarray(answer)
    except ValueError:  # rows of different length
        raise WrongForm("The values do not form an array.") from None
    if values.dtype.kind not in "iuf":
        raise WrongForm(f"Numbers are asked for; this is {_kind(answer)}.")
    if shape is not None and values.shape != shape:
        raise WrongForm(f"The shape {shape} is asked for; this has {values.shape}.")
    return values.astype(np.float64)


def word(answer: Any) -> str:
    """A text without its case and the spaces around it."""
    if not isinstance(answer, str):
        raise WrongForm(f"A word is asked for; this is {_kind(answer)}.")
    return answer.strip().casefold()


def finished_run(answer: Any) -> Run:
    """A run that has been trained to its end."""
    if not isinstance(answer, Run):
        raise WrongForm(f"The answer is what `lesson.train` returns; this is {_kind(answer)}.")
    if not answer.is_finished:
        raise WrongForm("This run is not finished: train it again to continue.")
    return answer


def _kind(answer: Any) -> str:
    return "None" if answer is None else f"of the type {type(answer).__name__}"
