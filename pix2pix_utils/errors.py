"""The exception for mistakes that the user can fix; its message says how."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in the input, described in one sentence that names the value and the remedy.

    The command line prints the sentence and exits with status 2; a notebook shows it as the last
    line of the traceback.
    """


def check_choice(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise UserError if `name` is not one of the `known` names of this kind."""
    if name not in known:
        raise UserError(f"there is no {kind} '{name}'; {hint(name, known)}")


def hint(name: str, known: Iterable[str], also_known: Iterable[str] = ()) -> str:
    """The end of a message about an unknown name: the closest known one, or all of `known`."""
    close = difflib.get_close_matches(name, [*known, *also_known], n=1)
    return f"did you mean '{close[0]}'?" if close else f"choose one of: {', '.join(known)}"
