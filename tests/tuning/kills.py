"""Kill the processes that share a study: is a trial lost or trained twice?

python tests/tuning/kills.py --folder FOLDER [--trials 8] [--kills 6] [--processes 2] [--seed 0]
                             [--storage URL] [--apart]

Needs a system that can fork. One process imports torch and forks a child for every `tune` command
(smoke profile, random search), since the import takes longer than a trial. One child after the
other is killed: every second one at a random moment of its training, the others just before or
behind a step of the book-keeping. After the last kill the processes work to the end. Prints a JSON
object: the kills, the trials' states and scores, how many Optuna trials of each state there were,
and the scores of a search that nobody disturbed. With `--apart`, the processes share nothing but
the storage, as on several machines.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

import optuna
import torch

from pix2pix_utils.__main__ import main as command
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.training import trainer
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import load_data_for
from pix2pix_utils.training.session import with_precision
from pix2pix_utils.tuning import presence, searching
from pix2pix_utils.tuning import study as study_module
from pix2pix_utils.tuning.plan import Plan
from pix2pix_utils.tuning.space import parse_space
from pix2pix_utils.tuning.study import Study

SEARCHES = ("alpha=1..100:log", "learning_rate=1e-4..1e-2:log")
STEPS = ("enqueue_trial", "ask", "tell")  # methods of an Optuna study
AIMED_SECONDS = 6.0  # after which one that has not reached its step is killed where it is
TRIAL_SECONDS = 1.0  # about the length of a training


@dataclass(frozen=True)
class Aim:
    """The `number`-th call of a step, from 1, and whether to die before or behind it."""

    step: str
    number: int
    behind: bool

    def __str__(self) -> str:
        return f"{'behind' if self.behind else 'before'} {self.step} {self.number}"


class Training:
    """Memory that a child shares with its parent: whether it trains."""

    def __init__(self):
        self._byte = mmap(-1, 1)

    def begin(self) -> None:
        self._byte[0] = 1

    def __bool__(self) -> bool:
        return bool(self._byte[0])


def die_at(aim: Aim) -> None:
    """In a child: kill oneself at a step."""
    original, calls = getattr(optuna.Study, aim.step), []

    def call(*arguments, **options):
        calls.append(None)
        if len(calls) == aim.number and not aim.behind:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if len(calls) == aim.number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(optuna.Study, aim.step, call)


def start(options: argparse.Namespace, folder: Path, training: Training, aim: Aim | None) -> int:
    """Fork a child that searches; returns its process id."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        trainer.SECONDS_BETWEEN_CHECKPOINTS = 0
        study_module.BEAT_SECONDS = 0.3
        presence.PATIENCE_SECONDS = 5.0  # for one that died before it had signed its trial
        searching.POLL_SECONDS = 0.1
        train_once = searching.train_once

        def observed(*arguments):
            training.begin()
            return train_once(*arguments)

        searching.train_once = observed
        if aim:
            die_at(aim)
        arguments = ["tune", "baseline", "--profile", "smoke", "--device", "cpu"]
        arguments += ["--sampler", "random", "--trials", str(options.trials)]
        arguments += [part for search in SEARCHES for part in ("--search", search)]
        calm = folder != options.folder
        place = folder if calm or not options.apart else folder / f"machine-{os.getpid()}"
        arguments += ["--output", str(place)]
        if options.storage and not calm:
            arguments += ["--storage", options.storage]
        code = command(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(pid: int) -> int | None:
    """The exit status of a child; None while it runs."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def kill_one(options: argparse.Namespace, moments: random.Random, aim: Aim | None) -> str | None:
    """Start a child and see it killed; returns where that was, or None if it worked to the end."""
    training = Training()
    pid, started = start(options, options.folder, training, aim), time.monotonic()
    deadline = None
    while True:
        time.sleep(0.02)
        now = time.monotonic()
        if (code := ended(pid)) is not None:
            assert code in (0, -signal.SIGKILL), (options.folder / "log.txt").read_text()
            return str(aim) if code else None
        if aim is None and training and deadline is None:
            deadline = now + moments.uniform(0, TRIAL_SECONDS)
        if now > (deadline or started + AIMED_SECONDS):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "in training" if deadline else "elsewhere"


def disturb(options: argparse.Namespace) -> list[str]:
    """Keep the other processes running and kill one after the other; then let them finish.

    Returns where each one died.
    """
    moments, kills = random.Random(options.seed), []
    others = [
        start(options, options.folder, Training(), None) for _ in range(options.processes - 1)
    ]
    for number in range(options.kills):
        aim = None
        if number % 2:
            aim = Aim(moments.choice(STEPS), moments.randint(1, 2), moments.random() < 0.5)
        kills.append(kill_one(options, moments, aim))
    others.append(start(options, options.folder, Training(), None))
    for pid in others:
        _, status = os.waitpid(pid, 0)
        assert status == 0, (options.folder / "log.txt").read_text()
    return [place for place in kills if place]


def study_in(folder: Path, trials: int, storage: str | None, data: StreetData) -> Study:
    config = with_precision(configure("baseline", "smoke"), torch.device("cpu"))
    plan = Plan(config, parse_space(SEARCHES, config), "random", trials)
    return Study(plan, data, folder, storage)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage")
    parser.add_argument("--apart", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.apart and options.storage is None:
        options.storage = str(options.folder / "shared.sqlite3")
    torch.set_num_threads(1)
    kills = disturb(options)
    calm = options.folder / "undisturbed"
    calm.mkdir()
    _, status = os.waitpid(start(options, calm, Training(), None), 0)
    assert status == 0, (calm / "log.txt").read_text()
    data = load_data_for(configure("baseline", "smoke"), "synthetic")
    study = study_in(options.folder, options.trials, options.storage, data)
    trials = study.trials()
    scores = [trial.val_ssim for trial in study_in(calm, options.trials, None, data).trials()]
    found = {
        "kills": kills,
        "numbers": [trial.number for trial in trials],
        "states": [trial.state for trial in trials],
        "scores": [trial.val_ssim for trial in trials],
        "undisturbed": scores,
        "optuna": Counter(trial.state.name for trial in study._optuna.trials),
        "runs": len({trial.run for trial in trials}),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
