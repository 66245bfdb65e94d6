"""For tests of messages to the user."""

import pytest

from pix2pix_utils.errors import UserError


def one_sentence(call) -> str:
    """The message of the UserError that `call` raises, on one line."""
    with pytest.raises(UserError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message
    return message
