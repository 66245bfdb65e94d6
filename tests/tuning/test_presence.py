"""Which processes are alive: the lock of their file, and the beats of those far away."""

import pytest

from pix2pix_utils.tuning import presence
from pix2pix_utils.tuning.presence import Presence


@pytest.fixture
def clock(monkeypatch):
    """A clock to be set: a list of one number, in seconds."""
    now = [0.0]
    monkeypatch.setattr(presence.time, "monotonic", lambda: now[0])
    return now


def test_a_process_is_gone_as_soon_as_its_lock_is_free(tmp_path):
    mine, other = Presence(tmp_path), Presence(tmp_path)
    assert not mine.is_gone(0, other.token, None)
    other._lock.release()  # what the operating system does when a process is killed
    assert mine.is_gone(0, other.token, 17)
    assert not (tmp_path / f"{other.token}.lock").exists()  # nothing is left of it
    assert not mine.is_gone(0, mine.token, None)
    mine.end()
    assert not (tmp_path / f"{mine.token}.lock").exists()


def test_a_process_elsewhere_is_gone_when_its_beat_stands_still(tmp_path, clock):
    mine = Presence(tmp_path)
    for beat in range(5):  # it is alive, however long that takes
        assert not mine.is_gone(3, "elsewhere", beat)
        clock[0] += presence.PATIENCE_SECONDS - 1
    assert not mine.is_gone(3, "elsewhere", 5)
    clock[0] += presence.PATIENCE_SECONDS - 1
    assert not mine.is_gone(3, "elsewhere", 5)
    clock[0] += 2
    assert mine.is_gone(3, "elsewhere", 5)


def test_a_trial_whose_process_died_before_it_signed_is_given_up_too(tmp_path, clock):
    mine = Presence(tmp_path)
    assert not mine.is_gone(3, None, None)
    clock[0] += presence.PATIENCE_SECONDS + 1
    assert mine.is_gone(3, None, None)
