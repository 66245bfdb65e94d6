"""A run is a folder: what was trained, on what, with what result, and everything to go on with it.

config.json        the configuration
data.json          where the data was, its fingerprint, how it was split, every pair's name
environment.json   versions and hardware
history.csv        one line an epoch
samples/           the same validation scenes after every epoch
checkpoints/       last.pt to go on from, previous.pt the one before, best.pt by validation SSIM
scores.csv         SSIM of every image with the best checkpoint
result.json        the summary; written last, so its presence means that the run is finished
"""

import csv
import hashlib
import io
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from pix2pix_utils.data.dataset import StreetData, load_data
from pix2pix_utils.devices import describe_environment
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import (
    WriteError,
    atomic_write,
    read_json,
    remove_leftovers,
    write_json,
    write_text,
)
from pix2pix_utils.tensors import save_tensors
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.config import Config


@dataclass(frozen=True)
class Run:
    """A run's folder and configuration."""

    folder: Path
    config: Config

    @classmethod
    def create(cls, output: Path, config: Config, data: StreetData) -> "Run":
        """The run of this configuration on this data below `output/runs`; made if it is new.

        The folder's name holds a hash of the configuration and the data's fingerprint: the same
        again finds the same run, anything else is another run. Raises UserError if it cannot be
        written, or if another process is about to make it.
        """
        identity = json.dumps([config.to_dict(), data.fingerprint], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        size = f"{config.image_size}px"
        name = f"{config.experiment}-{data.name}-{size}-seed{config.seed}-{digest}"
        run = cls(Path(output) / "runs" / name, config)
        if not run._config_file.exists():
            try:
                for folder in (run.checkpoints, run.samples):
                    folder.mkdir(parents=True, exist_ok=True)
                with run.locked():
                    write_json(
                        run.folder / "data.json",
                        {
                            "name": data.name,
                            "location": data.location,
                            "fingerprint": data.fingerprint,
                            "split_rule": data.split_rule,
                            "splits": data.splits,
                        },
                    )
                    write_json(run._config_file, config.to_dict())
            except OSError as error:
                raise UserError(
                    f"cannot write the run to {run.folder}: {error.strerror}; "
                    "choose another folder with --output"
                ) from None
        return run

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """An existing run; raises UserError if the folder holds none."""
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"there is no run folder {folder}")
        if not (folder / "config.json").is_file():
            raise UserError(f"{folder} is not a run: it has no config.json")
        return cls(folder, Config.from_dict(read_json(folder / "config.json")))

    @property
    def _config_file(self) -> Path:
        return self.folder / "config.json"

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

    def data(self) -> dict:
        """Where the data was and how it was split."""
        return read_json(self.folder / "data.json")

    def result(self) -> dict:
        """The summary of a finished run; raises UserError for an unfinished one."""
        if not self.is_finished:
            raise UserError(f"the run {self.folder} is not finished: train it again to go on")
        return read_json(self.folder / "result.json")

    def save_last(self, state: dict) -> None:
        """Write the checkpoint to go on from; the one before stays as `previous.pt`.

        Neither of the two is touched before the new one is whole: on a full disk both stay.
        """
        with atomic_write(self.last_checkpoint) as temporary:
            save_tensors(temporary, state)
            if self.last_checkpoint.is_file():
                self.last_checkpoint.replace(self.previous_checkpoint)

    def load_last(self) -> dict | None:
        """The checkpoint to go on from, or the one before where the last is missing or damaged.

        On the CPU: a GPU that is full would look like a damaged file. None if there is neither
        yet. Raises UserError if both are damaged.
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
                    tqdm.write(f"{reasons[0]}; going on from {path.name}", file=sys.stderr)
                return state
        if reasons:
            raise UserError("; ".join(reasons))
        return None

    def write_environment(self, device: torch.device) -> None:
        write_json(self.folder / "environment.json", describe_environment(device))

    def write_history(self, history: Sequence[dict]) -> None:
        self._write_table("history.csv", history)

    def read_history(self) -> list[dict[str, float]]:
        """One record an epoch; empty before the first has ended."""
        path = self.folder / "history.csv"
        if not path.is_file():
            return []
        return [{key: float(value) for key, value in row.items()} for row in _read_table(path)]

    def write_scores(self, scores: Sequence[dict]) -> None:
        self._write_table("scores.csv", scores)

    def read_scores(self) -> list[dict[str, str]]:
        """One record an image: split, name, ssim."""
        return _read_table(self.folder / "scores.csv")

    def write_result(self, result: dict) -> None:
        write_json(self.folder / "result.json", result)

    def _write_table(self, name: str, rows: Sequence[dict]) -> None:
        text = io.StringIO()
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(text, columns, restval="nan", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.folder / name, text.getvalue())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run against other processes, and remove what a killed one left half written.

        Raises UserError if another process has it.
        """
        lock = FileLock(self.folder / ".lock")
        holder = self.folder / ".lock-holder"
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = holder.read_text(encoding="utf-8") if holder.is_file() else "another process"
            raise UserError(
                f"{who} is training in {self.folder}; wait for it to end, or stop it"
            ) from None
        except OSError as error:
            raise WriteError(self.folder, error) from None
        try:
            for folder in (self.folder, self.checkpoints, self.samples):
                remove_leftovers(folder)
            with suppress(OSError):  # on a full disk: the lock holds without its name
                write_text(holder, f"process {os.getpid()} on {platform.node()}")
            yield
        finally:
            lock.release()


def load_data_for(config: Config, dataset: str, data_root: Path | None = None) -> StreetData:
    """The data set at the size and with the number of pairs that a configuration asks for."""
    return load_data(
        dataset,
        image_size=config.image_size,
        data_root=data_root,
        limits=config.pair_limits,
        data_seed=config.data_seed,
    )


def load_data_of(run: Run, dataset: str | None = None, data_root: Path | None = None) -> StreetData:
    """The data that a run was trained on, from where it lay or from `dataset`.

    Raises UserError if it is not the same data any more.
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
