"""What the tests of exercise checks share: right answers pass; wrong and lazy ones get a hint."""

import pytest


def passes(exercise, answer, **context) -> bool:
    """Whether the check accepts; otherwise it says something."""
    said = exercise(answer, **context)
    assert said is None or (said.endswith(".") and "\n" not in said), said
    return said is None


def fails(exercise, answer, **context) -> bool:
    """Whether the check refuses, with a hint or an exception."""
    try:
        return not passes(exercise, answer, **context)
    except AssertionError:
        raise
    except Exception:  # `check` prints the first line of any error
        return True


def each(right=(), wrong=(), lazy=()):
    """Parameters of a test that takes an answer and whether it is right."""
    cases = [(answer, True) for answer in right] + [(answer, False) for answer in (*wrong, *lazy)]
    kinds = ["right"] * len(right) + ["wrong"] * len(wrong) + ["lazy"] * len(lazy)
    assert len(right) >= 1 and len(wrong) >= 3 and len(lazy) >= 1
    return pytest.mark.parametrize(("answer", "is_right"), cases, ids=kinds)


def judged(is_right, exercise, answer, **context):
    assert (passes if is_right else fails)(exercise, answer, **context)
