"""File locks, on disks that have them and on disks that have none."""

import errno
import subprocess
import sys

import pytest

from pix2pix_utils import locks
from pix2pix_utils.locks import FileLock, Timeout
from pix2pix_utils.training.runs import Run
from pix2pix_utils.tuning import presence
from pix2pix_utils.tuning.presence import Presence


@pytest.fixture(params=[errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EIO])
def no_locks(request, monkeypatch):
    """Every disk refuses a lock, each with another error."""

    def refuse(*arguments):
        raise OSError(request.param, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr(locks, "_told", set())


def test_a_lock_is_exclusive_until_it_is_released(tmp_path):
    path = tmp_path / ".lock"
    with FileLock(path), pytest.raises(Timeout), FileLock(path, timeout=0):
        pass
    with FileLock(path, timeout=0):
        pass


def test_a_killed_process_frees_its_lock(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path; from pix2pix_utils.locks import FileLock; "
        "lock = FileLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); "
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            with pytest.raises(Timeout), FileLock(tmp_path / ".lock", timeout=0):
                pass
        finally:
            process.kill()
    with FileLock(tmp_path / ".lock", timeout=10):
        pass


def test_a_disk_without_locks_is_named_once_and_holds_nobody_back(no_locks, tmp_path, capsys):
    for _ in range(2):
        with FileLock(tmp_path / ".lock"), FileLock(tmp_path / ".lock", timeout=0):
            pass
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{tmp_path} has no file locks" in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_be_written_on_a_disk_without_locks(
    no_locks, tmp_path, smoke_config, street_data
):
    run = Run.create(tmp_path, smoke_config, street_data)
    with run.locked(), run.locked():
        assert run.checkpoints.is_dir()


def test_without_locks_a_live_process_is_known_by_its_beats(no_locks, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(presence.time, "monotonic", lambda: now[0])
    mine, other = Presence(tmp_path), Presence(tmp_path)
    for beat in range(3):
        assert not mine.is_gone(0, other.token, beat)
        now[0] += presence.PATIENCE_SECONDS - 1
    now[0] += 2
    assert mine.is_gone(0, other.token, 2)
    mine.end()
