"""The one exception that means: the user can mend this, and the message says how."""


class UserError(Exception):
    """A mistake in the input, told in one sentence that names the value and the remedy.

    The command line prints the sentence and exits with status 2; a notebook shows it as the last
    line of the traceback.
    """
