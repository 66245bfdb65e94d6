"""Tasks in processes of their own: all are done, failures are named, a stop reaches all."""

import os
import signal
import time
from functools import partial

import pytest
import torch

from pix2pix_utils.acceleration.side_by_side import default_processes, run_side_by_side
from pix2pix_utils.errors import UserError


def note(path, seconds=0.0):
    """Write down which process this is, with how many threads and on which line, and when."""
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # no traceback while it imports
    start = time.time()
    time.sleep(seconds)
    words = (os.getpid(), torch.get_num_threads(), os.environ.get("TQDM_POSITION"))
    path.write_text(" ".join(map(str, (*words, start, time.time()))))


def refuse():
    raise UserError("the value is wrong")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


def stop_when_ready(ready, parent):
    while not ready.exists():
        time.sleep(0.05)
    os.kill(parent, signal.SIGINT)


def wait_to_be_stopped(path):
    def write_down(signum, frame):
        path.write_text(signal.Signals(signum).name)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, write_down)
    path.with_suffix(".ready").touch()
    time.sleep(60)


def test_tasks_share_the_threads_and_each_has_a_line_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    paths = [tmp_path / name for name in "abc"]
    failures = run_side_by_side({str(p): partial(note, p, 1.0) for p in paths}, 2)
    assert failures == {} and "TQDM_POSITION" not in os.environ
    noted = [path.read_text().split() for path in paths]
    assert len({process for process, *_ in noted}) == 3
    assert {threads for _, threads, *_ in noted} == {"2"}
    assert {line for _, _, line, *_ in noted} == {"0", "1"}
    (_, _, _, start_a, end_a), (_, _, _, start_b, end_b), (_, _, _, start_c, _) = noted
    assert float(start_a) < float(end_b) and float(start_b) < float(end_a)  # at the same time
    assert float(start_c) >= min(float(end_a), float(end_b))  # when one of them was done


def test_a_task_that_fails_is_named_with_its_reason_and_the_others_go_on(tmp_path):
    done = tmp_path / "done"
    tasks = {"refused": refuse, "killed": die, "left": leave, "good": partial(note, done)}
    failures = run_side_by_side(tasks, 2)
    assert failures.pop("refused") == "the value is wrong"
    assert "signal 9" in failures["killed"] and "--jobs 1" in failures.pop("killed")
    assert "exit status 3" in failures.pop("left")
    assert failures == {} and done.exists()


def test_an_interrupt_stops_every_process_before_it_is_raised(tmp_path):
    told = tmp_path / "told"
    tasks = {
        "long": partial(wait_to_be_stopped, told),
        "stop": partial(stop_when_ready, told.with_suffix(".ready"), os.getpid()),
    }
    with pytest.raises(KeyboardInterrupt):
        run_side_by_side(tasks, 2)
    assert told.read_text() == "SIGTERM"


def test_by_default_there_are_as_many_as_threads_or_tasks_and_one_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [default_processes(cpu, tasks) for tasks in (1, 3, 9)] == [1, 3, 4]
    assert default_processes(gpu, 9) == 1
