"""Several tasks at the same time, each in a process of its own with its share of the cores.

A small network's layers are too short for several threads: on two cores, two networks of 64-pixel
photos that train side by side are done long before two that train one after the other.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from pix2pix_utils.errors import UserError

Task = Callable[[], object]


def default_processes(device: torch.device, tasks: int) -> int:
    """As many processes as this one has threads, but no more than tasks; 1 on a GPU."""
    return min(torch.get_num_threads(), tasks) if device.type == "cpu" else 1


def run_side_by_side(tasks: Mapping[str, Task], processes: int) -> dict[str, str]:
    """Call the tasks, in order, in so many processes; returns by name why tasks have failed.

    A task is a picklable function without arguments, such as a `partial`. What it returns is lost.
    Each process has its share of this one's threads, and a line of its own for progress bars. On
    Ctrl-C or SIGTERM the tasks are told to stop (SIGTERM), and the interrupt is raised when all
    have done so. Only the main thread can call this.
    """
    threads = max(1, torch.get_num_threads() // processes)
    waiting = list(tasks.items())
    running: dict[int, tuple[str, BaseProcess, Connection]] = {}  # by the line of their bar
    failures = {}
    try:
        while waiting or running:
            for line in range(processes):
                if waiting and line not in running:
                    name, task = waiting.pop(0)
                    running[line] = (name, *_start(task, threads, line))
            wait([process.sentinel for _, process, _ in running.values()])
            for line, (name, process, answer) in list(running.items()):
                if not process.is_alive():
                    del running[line]
                    if reason := _reason(process, answer):
                        failures[name] = reason
    finally:
        for _, process, _ in running.values():
            process.terminate()
        for _, process, _ in running.values():
            process.join()
    return failures


def _start(task: Task, threads: int, line: int) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    answer, channel = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(task, threads, channel))
    with _inherited(line):
        process.start()
    channel.close()
    return process, answer


@contextmanager
def _inherited(line: int) -> Iterator[None]:
    """What a process that is started meanwhile finds.

    Ctrl-C, which reaches every process of a terminal, would print a traceback while the new one
    imports; so it is ignored there until a training handles it.
    """
    os.environ["TQDM_POSITION"] = str(line)  # tqdm reads it when it is imported
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        del os.environ["TQDM_POSITION"]


def _call(task: Task, threads: int, channel: Connection) -> None:
    torch.set_num_threads(threads)
    try:
        task()
    except KeyboardInterrupt:
        pass  # this process was told to stop, and so was the one that started it
    except (UserError, RuntimeError, OSError) as error:
        channel.send(str(error))


def _reason(process: BaseProcess, answer: Connection) -> str:
    """Why an ended process has failed; empty if it has not."""
    process.join()
    try:
        return answer.recv()
    except EOFError:
        code = process.exitcode or 0
    finally:
        answer.close()
    if code < 0:
        return f"its process was killed by signal {-code}; if memory was short, use --jobs 1"
    return f"its process ended with exit status {code}" if code else ""
