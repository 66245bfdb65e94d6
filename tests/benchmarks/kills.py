"""Stop trainings at random moments, in every way there is: does going on lose or change anything?

python tests/benchmarks/kills.py --kills 50 [--seed 0] [--experiment baseline]

Needs a system that can fork. One process imports torch and forks a child for every `train` command
(smoke profile, a checkpoint behind every step), since the import takes longer than the training.
Each trial has an output and a cache of its own, is stopped one to three times, and then goes on to
its end: it must leave the same files as a run that nobody disturbed, apart from times.

Half of the moments are uniform over the life of a training. The other half are aimed at a write:
when its temporary file is about to be opened, half written (cut to half for kill -9), whole but
not yet renamed, or just renamed.
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

import numpy as np
import torch

from pix2pix_utils import files, tensors
from pix2pix_utils.__main__ import main as command
from pix2pix_utils.data import cache
from pix2pix_utils.training import pretraining, runs, session, trainer
from pix2pix_utils.training.checkpoints import load_checkpoint

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# exit statuses: 130 and 143 when it was told, -15 for SIGTERM before there is anything to keep
EXPECTED = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130}}
WRITTEN = ("index.json", "data.json", "code.json", "config.json", "environment.json",
           ".lock-holder", "last.pt", "best.pt", "history.csv", "samples", "weights", "scores.csv",
           "result.json")  # fmt: skip
PHASES = ("start", "cache", "new run", "pretraining", "steps", "validation", "result", "end",
          *(f"write {kind}" for kind in WRITTEN))  # fmt: skip
MOMENTS = ("opened", "half", "whole", "renamed")
TIMES = ("seconds", "train_seconds", "date")  # keys whose values may differ


@dataclass(frozen=True)
class Aim:
    """The `number`-th write of a kind of file, from 1, and the moment in it."""

    kind: str
    number: int
    moment: str


class Observed:
    """Memory that a child shares with its parent: its phase, whether it reached the place that was
    aimed at, and how often it wrote what."""

    def __init__(self):
        self._bytes = mmap(-1, 2 + len(WRITTEN))

    @property
    def phase(self) -> str:
        return PHASES[self._bytes[0]]

    @phase.setter
    def phase(self, name: str) -> None:
        self._bytes[0] = PHASES.index(name)

    @property
    def reached(self) -> bool:
        return bool(self._bytes[1])

    def reach(self) -> None:
        self._bytes[1] = 1

    def count(self, kind: str) -> int:
        """One more write of this kind; how many there are now."""
        place = 2 + WRITTEN.index(kind)
        self._bytes[place] += 1
        return self._bytes[place]

    def counts(self) -> dict[str, int]:
        return dict(zip(WRITTEN, self._bytes[2:], strict=True))


def kind_of(path: Path) -> str:
    return {".png": "samples", ".pth": "weights"}.get(path.suffix, path.name)


@contextmanager
def within(observed: Observed, phase: str) -> Iterator[None]:
    before, observed.phase = observed.phase, phase
    yield
    observed.phase = before


def observe(observed: Observed, aim: Aim | None, signum: int) -> None:
    """In a child: tell the phase, and stop oneself where it was aimed at."""
    writes: list[tuple[str, int, Path]] = []  # that are going on

    def arrive(moment: str) -> None:
        kind, number, temporary = writes[-1]
        if aim == Aim(kind, number, moment):
            if moment == "half" and signum == signal.SIGKILL:
                os.truncate(temporary, temporary.stat().st_size // 2)
            observed.reach()
            os.kill(os.getpid(), signum)

    atomic_write, save_tensors, write = files.atomic_write, runs.save_tensors, Path.write_text

    @contextmanager
    def observed_write(path: Path) -> Iterator[Path]:
        kind = kind_of(path)
        with within(observed, f"write {kind}"):
            writes.append((kind, observed.count(kind), path))
            arrive("opened")
            with atomic_write(path) as temporary:
                writes[-1] = (*writes[-1][:2], temporary)
                yield temporary
                arrive("whole")
            arrive("renamed")
            writes.pop()

    def half_way(original):
        def call(*arguments, **options):
            original(*arguments, **options)
            if writes:
                arrive("half")

        return call

    def phased(owner, name: str, phase: str) -> None:
        original = getattr(owner, name)

        def call(*arguments, **options):
            with within(observed, phase):
                return original(*arguments, **options)

        setattr(owner, name, call)

    for module in (files, tensors, runs, trainer):
        for name, new in (
            ("atomic_write", observed_write),
            ("save_tensors", half_way(save_tensors)),
        ):
            if hasattr(module, name):
                setattr(module, name, new)
    Path.write_text = half_way(write)
    phased(cache, "_build", "cache")
    phased(runs.Run, "create", "new run")
    phased(pretraining, "_pretrain", "pretraining")
    phased(trainer.Trainer, "_finish_steps", "steps")
    phased(trainer.Trainer, "_finish_epoch", "validation")
    phased(session, "_write_result", "result")


def start(folder: Path, experiment: str, observed: Observed, aim: Aim | None, signum: int) -> int:
    """Fork a child that trains below `folder`; returns its process id."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
        os.environ["PIX2PIX_CACHE"] = str(folder / "cache")
        trainer.SECONDS_BETWEEN_CHECKPOINTS = 0
        observe(observed, aim, signum)
        arguments = ["train", experiment, "--profile", "smoke", "--device", "cpu"]
        code = command([*arguments, "--output", str(folder / "output")])
        if code == 0:
            observed.phase = "end"
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def differences(expected: Path, found: Path) -> list[str]:
    """What is not the same in two trials' folders, apart from times."""
    listings = [
        {
            path.relative_to(folder)
            for part in ("output", "cache")
            for path in (folder / part).rglob("*")
        }
        for folder in (expected, found)
    ]
    wrong = [f"{path} is only in one of them" for path in sorted(listings[0] ^ listings[1])]
    for path in sorted(listings[0] & listings[1]):
        if (expected / path).is_file() and content(expected / path) != content(found / path):
            wrong.append(f"{path} differs")
    return wrong


def content(path: Path):
    """What a file says, without times; tensors as bytes."""
    if path.suffix == ".pt":
        state = plain(load_checkpoint(path))
        # what was saved when it was stopped at the end is the last one twice
        return state["config"] if path.name == "previous.pt" else state
    if path.name == ".lock-holder":
        return None  # a process id
    if path.name == "environment.json":  # one entry for every time that it was started
        return plain(json.loads(path.read_text(encoding="utf-8"))["sessions"][0])
    if path.suffix == ".json":
        return plain(json.loads(path.read_text(encoding="utf-8")))
    if path.name == "history.csv":  # the column of seconds is the last
        return re.sub(r",[^,\n]*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return path.read_bytes()


def plain(value):
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key not in TIMES}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def campaign(kills: int, seed: int, experiment: str, folder: Path) -> int:
    """Stop trainings until `kills` of them hit; prints what happened; 0 if nothing was lost."""
    random = np.random.default_rng(seed)
    observed = Observed()
    whole = folder / "whole"
    whole.mkdir()
    started = time.monotonic()
    if code := wait(start(whole, experiment, observed, None, signal.SIGKILL)):
        print(f"the undisturbed run ended with {code}:\n{(whole / 'log.txt').read_text()}")
        return 1
    life = time.monotonic() - started
    writes = {kind: count for kind, count in observed.counts().items() if count}
    hits: Counter = Counter()  # (signal, phase)
    ends: Counter = Counter()  # (signal, exit status)
    findings, trials, late = [], 0, 0
    while sum(hits.values()) < kills:
        trial = folder / f"trial-{trials}"
        trial.mkdir()
        trials += 1
        story = []
        for _ in range(int(random.integers(1, 4))):
            if sum(hits.values()) == kills:
                break
            signum = SIGNALS[sum(hits.values()) % len(SIGNALS)]
            aim, moment, observed = None, random.uniform(0, 0.9 * life), Observed()
            if random.random() < 0.5:
                kind = sorted(writes)[random.integers(0, len(writes))]
                aim = Aim(
                    kind, int(random.integers(1, writes[kind] + 1)), str(random.choice(MOMENTS))
                )
            pid = start(trial, experiment, observed, aim, signum)
            if aim is None:
                time.sleep(moment)
                phase = observed.phase
                os.kill(pid, signum)  # a child that has ended waits to be asked for its status
            else:
                phase = f"write {aim.kind}"
            code = wait(pid)
            if (phase == "end") if aim is None else not observed.reached:
                late += 1  # it was over before, or had that write behind it
                break
            story.append(f"{signum.name} at {aim or f'{moment:.2f} s'} in '{phase}': {code}")
            hits[signum.name, phase] += 1
            ends[signum.name, code] += 1
            if code not in EXPECTED[signum]:
                findings.append(f"trial {trials - 1}: {'; '.join(story)}")
        code = wait(start(trial, experiment, Observed(), None, signal.SIGKILL))
        wrong = differences(whole, trial) if code == 0 else [f"going on ended with {code}"]
        if "Traceback" in (trial / "log.txt").read_text():
            wrong.append("a traceback was printed")
        if wrong:
            findings.append(f"trial {trials - 1}: {'; '.join(story)} -> {'; '.join(wrong)}")
            print(findings[-1], (trial / "log.txt").read_text()[-2000:], sep="\n", flush=True)
    print(f"{kills} stops in {trials} trainings of {life:.1f} s ({late} came too late)")
    for phase in PHASES:
        counts = {signum.name: hits[signum.name, phase] for signum in SIGNALS}
        if any(counts.values()):
            print(f"  {phase:24}" + "".join(f"{name} {n:<4}" for name, n in counts.items()))
    print("exit statuses: " + ", ".join(f"{s} {c}: {n}" for (s, c), n in sorted(ends.items())))
    print(f"{trials - len(findings)} of {trials} ended as the undisturbed one")
    for finding in findings:
        print(f"  {finding}")
    return 1 if findings else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--experiment", default="baseline")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a fork takes no other thread along
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        return campaign(arguments.kills, arguments.seed, arguments.experiment, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
