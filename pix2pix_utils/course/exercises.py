"""Checks a reader's answers to exercises."""

from collections.abc import Callable
from typing import Any


def check(number: int, answer: Any, right: Callable[[Any], Any], hint: str) -> None:
    """Print one line: not answered yet, right, or not yet with a hint.

    An answer of `...` counts as not given. If `right` raises, the answer is wrong, and the first
    line of the error is printed, so that a notebook always runs to its end.

    >>> check(1, 6 * 7, lambda answer: answer == 42, hint="Six times seven.")
    exercise 1: right
    """
    if answer is ...:
        print(f"exercise {number}: not answered yet")
        return
    try:
        verdict = "right" if right(answer) else f"not yet. {hint}"
    except Exception as error:  # a wrong answer may raise anything
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        verdict = f"not yet ({reason}). {hint}"
    print(f"exercise {number}: {verdict}")
