"""What a hand-in may reach; the hook is called here without being installed."""

import os
from pathlib import Path

import pytest

from pix2pix_utils.classroom.limits import Guard, Reach


@pytest.fixture
def guard(tmp_path):
    """A project that is shut except its data, and a room that is open, inside of a shut folder."""
    for name in ("project/notebooks", "project/data", "rooms/mine/work", "rooms/other"):
        (tmp_path / name).mkdir(parents=True)
    root = Path(os.path.realpath(tmp_path))
    return Guard(
        Reach(
            readable={
                str(root / "project"): False,
                str(root / "project/data"): True,
                str(root / "rooms"): False,
                str(root / "rooms/mine"): True,
            },
            writable=[str(root / "rooms/mine/work")],
        )
    )


def read(path):
    return "open", (str(path), "r", os.O_RDONLY)


def write(path):
    return "open", (str(path), "w", os.O_WRONLY)


def test_what_is_in_reach_can_be_read_and_written(guard, tmp_path):
    for place in ("project/data/x.png", "rooms/mine/package/x.py", "elsewhere/python.py"):
        guard(*read(tmp_path / place))
    guard(*write(tmp_path / "rooms/mine/work/run/last.pt"))
    guard(*write(os.devnull))
    guard("os.rename", (str(tmp_path / "rooms/mine/work/a"), str(tmp_path / "rooms/mine/work/b")))
    guard("open", (3, "w", 0))  # a file that is open already
    guard("sqlite3.connect", (":memory:",))
    assert guard.refused == []


@pytest.mark.parametrize(
    "place", ["project/notebooks/02.ipynb", "project", "rooms/other/answer.py", "project-link/x"]
)
def test_what_is_out_of_reach_cannot_be_read_in_any_way(guard, tmp_path, place):
    (tmp_path / "project-link").symlink_to(tmp_path / "project")
    path = tmp_path / place
    for event in (
        read(path),
        read(tmp_path / "rooms/mine/../.." / place),
        read(os.path.relpath(path)),
        ("os.listdir", (str(path),)),
        ("os.scandir", (os.fsencode(path),)),
        ("os.chdir", (path,)),
    ):
        with pytest.raises(PermissionError, match="tried to read"):
            guard(*event)


def test_a_folder_around_a_shut_one_cannot_be_opened_for_relative_names(guard, tmp_path):
    with pytest.raises(PermissionError):
        guard("open", (str(tmp_path), None, os.O_RDONLY))
    guard("os.listdir", (str(tmp_path),))


@pytest.mark.parametrize(
    "event",
    [
        lambda folder: write(folder / "rooms/mine/package/x.py"),
        lambda folder: ("open", (str(folder / "elsewhere/x"), None, os.O_RDWR | os.O_CREAT)),
        lambda folder: ("open", (str(folder / "elsewhere/x"), "r+", os.O_RDWR)),
        lambda folder: ("os.remove", (str(folder / "elsewhere/x"), -1)),
        lambda folder: ("os.rename", (str(folder / "rooms/mine/work/x"), str(folder / "x"))),
        lambda folder: ("sqlite3.connect", (str(folder / "x.sqlite3"),)),
    ],
)
def test_nothing_is_written_outside_of_the_room(guard, tmp_path, event):
    with pytest.raises(PermissionError, match="tried to write"):
        guard(*event(tmp_path))


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ("subprocess.Popen", "start a program"),
        ("os.system", "start a program"),
        ("os.fork", "fork"),
        ("os.kill", "send a signal"),
        ("os.symlink", "make a link"),
        ("socket.connect", "use the network"),
    ],
)
def test_programs_processes_and_the_network_are_refused_and_reported_once(guard, event, what):
    for _ in range(3):
        with pytest.raises(PermissionError, match=f"tried to {what}"):
            guard(event, ())
    assert guard.refused == [f"it tried to {what}"]
