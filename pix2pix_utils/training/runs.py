"""A run is a folder: what was trained, on what, with what result, and everything to resume it.

config.json        the configuration, with the precision that the device gave
data.json          where the data was, its fingerprint, how it was split, the name of every pair
code.json          the version of the code, as a hash of each module that decides the numbers
environment.json   versions and hardware of every session that trained the run
history.csv        one line per epoch
samples/           the same validation scenes after every epoch
checkpoints/       last.pt to resume from, previous.pt the one before, best.pt of the epoch that is
                   kept, the best by validation SSIM unless `keep` says otherwise
scores.csv         SSIM of every image with the best checkpoint
result.json        the summary; written last, so a run that has it is finished
"""

import csv
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from pix2pix_utils.acceleration.distributed import is_main
from pix2pix_utils.data.dataset import StreetData, load_data
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import (
    WriteError,
    as_csv,
    atomic_write,
    read_json,
    remove_leftovers,
    write_json,
    write_text,
)
from pix2pix_utils.locks import FileLock, Timeout
from pix2pix_utils.tensors import save_checkpoint, save_tensors
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.code_version import changed_parts, code_version
from pix2pix_utils.training.config import Config


@dataclass(frozen=True)
class Run:
    """A run's folder and configuration."""

    folder: Path
    config: Config

    @classmethod
    def create(cls, output: Path, config: Config, data: StreetData, reuse: bool = False) -> "Run":
        """The run of this configuration on this data below `output/runs`, new or existing.

        An existing run is recognised by its configuration, the data's fingerprint and the version
        of the code, whatever its folder and the data's are called; with `reuse`, the code may
        differ. A new run begins where one with fewer epochs and otherwise the same ended. If there
        is a run that differs only in code, precision or epochs, one line on stderr says what
        becomes of it. Raises WriteError if the folder cannot be written, and UserError if another
        process is just creating or continuing it.
        """
        code = code_version(config)
        runs = [
            run for run in find_runs(output)[0] if run.data()["fingerprint"] == data.fingerprint
        ]
        runs.sort(key=lambda run: run.code() != code)  # the newest run of the present code first
        usable = [run for run in runs if reuse or run.code() == code]
        for run in usable:
            if run.config == config:
                run._note_use(data)
                return run
        shorter = _continuable(config, usable)
        if shorter:
            code = shorter.run.code()
        else:
            _explain_new_run(config, code, runs)
        identity = json.dumps([config.to_dict(), data.fingerprint, code], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        size = f"{config.image_size}px"
        name = f"{config.experiment}-{data.name}-{size}-seed{config.seed}-{digest}"
        run = cls(Path(output) / "runs" / name, config)
        with run.locked(), shorter.run.locked() if shorter else nullcontext():
            run._write_data(data)
            write_json(run.folder / "code.json", code)
            if shorter:
                run._take_over(shorter)
            write_json(run.folder / "config.json", config.to_dict())  # last: now it is a run
        return run

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """The run in an existing folder; raises UserError if there is none."""
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"there is no run folder {folder}")
        if not (folder / "config.json").is_file():
            raise UserError(f"{folder} is not a run: it has no config.json")
        return cls(folder, Config.from_dict(read_json(folder / "config.json")))

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def last_checkpoint(self) -> Path:
        return self.checkpoints / "last.pt"

    @property
    def previous_checkpoint(self) -> Path:
        return self.checkpoints / "previous.pt"

    @property
    def best_checkpoint(self) -> Path:
        return self.checkpoints / "best.pt"

    @property
    def is_finished(self) -> bool:
        return (self.folder / "result.json").is_file()

    @property
    def modified(self) -> float:
        """When the run was finished, or created if it is not, in seconds since 1970."""
        name = "result.json" if self.is_finished else "config.json"
        return (self.folder / name).stat().st_mtime

    def data(self) -> dict:
        """Where the data was and how it was split."""
        return read_json(self.folder / "data.json")

    def code(self) -> dict[str, str]:
        """The version of the code that the run was created with: see `code_version`."""
        return read_json(self.folder / "code.json")

    def changed_code(self) -> list[str]:
        """The modules that decide the run's numbers and have changed since it was created."""
        return changed_parts(self.code(), code_version(self.config))

    def sessions(self) -> list[dict]:
        """Versions and hardware of every session that trained the run, oldest first."""
        return read_json(self.folder / "environment.json")["sessions"]

    def add_session(self, environment: dict) -> None:
        """Append the versions and hardware of a session to `environment.json`."""
        path = self.folder / "environment.json"
        sessions = self.sessions() if path.is_file() else []
        write_json(path, {"sessions": [*sessions, environment]})

    def result(self) -> dict:
        """The summary of a finished run; raises UserError for an unfinished one."""
        if not self.is_finished:
            raise UserError(f"the run {self.folder} is not finished: train it again to resume")
        return read_json(self.folder / "result.json")

    def save_last(self, state: dict) -> None:
        """Write the checkpoint to resume from; the one before is kept as `previous.pt`.

        Both stay untouched until the new one is complete, so a full disk loses neither.
        """
        with atomic_write(self.last_checkpoint) as temporary:
            save_tensors(temporary, state)
            if self.last_checkpoint.is_file():
                self.last_checkpoint.replace(self.previous_checkpoint)

    def load_last(self) -> dict | None:
        """The checkpoint to resume from, or the one before if the last is missing or damaged.

        Its tensors are on the CPU: otherwise running out of GPU memory would be mistaken for a
        damaged file. None if there is no checkpoint yet. Raises UserError if both are damaged.
        """
        reasons = []
        for path in (self.last_checkpoint, self.previous_checkpoint):
            if path.is_file():
                try:
                    state = load_checkpoint(path)
                except UserError as error:
                    reasons.append(str(error))
                    continue
                if reasons:
                    tqdm.write(f"{reasons[0]}; resuming from {path.name}", file=sys.stderr)
                return state
        if reasons:
            raise UserError("; ".join(reasons))
        return None

    def write_history(self, history: Sequence[dict]) -> None:
        write_text(self.folder / "history.csv", as_csv(history))

    def read_history(self) -> list[dict[str, float]]:
        """One record per epoch; empty until the first has ended."""
        path = self.folder / "history.csv"
        if not path.is_file():
            return []
        return [{key: float(value) for key, value in row.items()} for row in _read_table(path)]

    def write_scores(self, scores: Sequence[dict]) -> None:
        write_text(self.folder / "scores.csv", as_csv(scores))

    def read_scores(self) -> list[dict[str, str]]:
        """One record per image and inference mode: inference, split, name, group, ssim."""
        return _read_table(self.folder / "scores.csv")

    def write_result(self, result: dict) -> None:
        write_json(self.folder / "result.json", result)

    def _write_data(self, data: StreetData) -> None:
        recorded = ("name", "location", "fingerprint", "split_rule", "splits")
        write_json(self.folder / "data.json", {key: getattr(data, key) for key in recorded})

    def _note_use(self, data: StreetData) -> None:
        """Record where the data is now, and say if the code has changed since."""
        if is_main() and self.data()["location"] != data.location:
            with suppress(WriteError):  # a read-only run can be used, too
                self._write_data(data)
        if changed := self.changed_code():
            done = "returned" if self.is_finished else "resumed"
            _say(
                f"{self.folder} is {done}, although {_listed(changed)} changed after it was created"
            )

    def _take_over(self, shorter: "_Continuable") -> None:
        """Copy what a run with fewer epochs has learned and recorded."""
        source = shorter.run.folder
        recorded = [source / "environment.json", source / "history.csv"]
        for path in [*recorded, *shorter.run.samples.glob("epoch-*.png")]:
            with atomic_write(self.folder / path.relative_to(source)) as temporary:
                shutil.copyfile(path, temporary)
        config = self.config.to_dict()
        save_checkpoint(self.best_checkpoint, shorter.best | {"config": config})
        self.save_last(shorter.last | {"config": config})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the run's folders, lock them, and remove temporary files of killed processes.

        Raises UserError if another process holds the lock, WriteError if the folder is read-only.
        """
        folders = (self.folder, self.checkpoints, self.samples)
        lock = FileLock(self.folder / ".lock", timeout=0)
        holder = self.folder / ".lock-holder"
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            who = holder.read_text(encoding="utf-8") if holder.is_file() else "another process"
            raise UserError(
                f"{who} is training in {self.folder}; wait for it to end, or stop it"
            ) from None
        except OSError as error:
            raise WriteError(self.folder, error) from None
        try:
            for folder in folders:
                remove_leftovers(folder)
            with suppress(OSError):  # on a full disk: the lock works without a name
                write_text(holder, f"process {os.getpid()} on {platform.node()}")
            yield
        finally:
            lock.release()


def find_runs(output: Path) -> tuple[list[Run], dict[str, str]]:
    """All runs below `output/runs`, newest first, and a reason for every folder that holds none."""
    runs, unusable = [], {}
    folder = Path(output) / "runs"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.is_dir() or path.name.startswith("."):
            continue
        try:
            run = Run.open(path)
            run.code()
            run.data()["fingerprint"]
            if run.is_finished:
                run.result()["ssim"]["eval"]
        except (UserError, KeyError, TypeError) as error:
            unusable[path.name] = str(error)
            continue
        runs.append(run)
    return sorted(runs, key=lambda run: run.modified, reverse=True), unusable


@dataclass(frozen=True)
class _Continuable:
    """A run with fewer epochs than wanted, and its last and best checkpoints."""

    run: Run
    last: dict
    best: dict


def _continuable(config: Config, runs: Sequence[Run]) -> _Continuable | None:
    """Of the runs that have only fewer epochs than `config`, the one that has got furthest."""
    shorter = [
        run
        for run in runs
        if run.config.epochs < config.epochs and _differing(run.config, config) == ["epochs"]
    ]
    for run in sorted(shorter, key=lambda run: len(run.read_history()), reverse=True):
        if not run.read_history():
            break  # nothing is lost by beginning again
        try:
            if config.decay_from < 1:
                raise UserError("its learning rates fall to 0 by the end of its last epoch")
            if config.weights == "synthetic":
                raise UserError("its weights were pretrained for half as many epochs as it has")
            if config.weights == "streets":
                raise UserError("its weights were pretrained for as many updates as it has")
            last, best = run.load_last(), load_checkpoint(run.best_checkpoint)
            if last is None:
                raise UserError("its checkpoint last.pt is gone")
        except UserError as error:
            _say(f"a new run begins, since {run.folder} cannot be continued: {error}")
        else:
            epochs = len(last["history"])
            _say(f"continuing {run.folder}, so its {epochs} epochs are not trained anew")
            return _Continuable(run, last, best)
    return None


def _explain_new_run(config: Config, code: dict[str, str], runs: Sequence[Run]) -> None:
    """Say why a new run begins, if there is one that differs in code, precision or epochs alone."""
    for run in runs:
        settings, changed = _differing(run.config, config), changed_parts(run.code(), code)
        does = "returns" if run.is_finished else "resumes"
        if changed and not settings:
            return _say(
                f"a new run begins, since {_listed(changed)} changed after {run.folder} was "
                f"created; --reuse (in a notebook, reuse=True) {does} that one"
            )
        if settings == ["precision"] and not changed:
            return _say(
                f"a new run begins in {config.precision}, since {run.folder} was trained in "
                f"{run.config.precision}; --set precision={run.config.precision} {does} that one"
            )
        if settings == ["epochs"] and not changed and run.config.epochs > config.epochs:
            return _say(
                f"a new run begins, since {run.folder} has {run.config.epochs} epochs and no "
                f"checkpoint of epoch {config.epochs}"
            )
    return None


def _differing(a: Config, b: Config) -> list[str]:
    """The names of the settings in which two configurations differ."""
    ours, theirs = a.to_dict(), b.to_dict()
    return [key for key in ours if ours[key] != theirs[key]]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more modules" if names[3:] else "")


def _say(sentence: str) -> None:
    if is_main():
        tqdm.write(sentence, file=sys.stderr)


def load_data_for(config: Config, dataset: str, data_root: Path | None = None) -> StreetData:
    """The data set with the image size and the number of pairs of a configuration."""
    return load_data(
        dataset,
        image_size=config.image_size,
        data_root=data_root,
        limits=config.pair_limits,
        data_seed=config.data_seed,
    )


def load_data_of(run: Run, dataset: str | None = None, data_root: Path | None = None) -> StreetData:
    """The data that a run was trained on, from its old location or from `dataset`.

    Raises UserError if the data has changed.
    """
    recorded = run.data()
    data = load_data_for(run.config, dataset or recorded["location"], data_root)
    if data.fingerprint != recorded["fingerprint"]:
        raise UserError(
            f"the data set {data.location} is not what {run.folder} was trained on "
            f"(fingerprint {data.fingerprint}, not {recorded['fingerprint']})"
        )
    return data


def _read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
