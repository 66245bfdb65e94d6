"""A run is a folder: what was trained, on what, with what result, and everything to resume it.

config.json        the configuration
data.json          where the data was, its fingerprint, how it was split, the name of every pair
environment.json   versions and hardware
history.csv        one line per epoch
samples/           the same validation scenes after every epoch
checkpoints/       last.pt to resume from, previous.pt the one before, best.pt by validation SSIM
scores.csv         SSIM of every image with the best checkpoint
result.json        the summary; written last, so a run that has it is finished
"""

import csv
import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

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
        """The run of this configuration on this data below `output/runs`, new or existing.

        The folder's name contains a hash of the configuration and the data's fingerprint, so the
        same two always give the same run. Raises WriteError if the folder cannot be written, and
        UserError if another process is just creating it.
        """
        identity = json.dumps([config.to_dict(), data.fingerprint], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        size = f"{config.image_size}px"
        name = f"{config.experiment}-{data.name}-{size}-seed{config.seed}-{digest}"
        run = cls(Path(output) / "runs" / name, config)
        config_file = run.folder / "config.json"
        if not config_file.exists():
            recorded = ("name", "location", "fingerprint", "split_rule", "splits")
            with run.locked():
                write_json(run.folder / "data.json", {key: getattr(data, key) for key in recorded})
                write_json(config_file, config.to_dict())
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

    def data(self) -> dict:
        """Where the data was and how it was split."""
        return read_json(self.folder / "data.json")

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
        """One record per image and inference mode: inference, split, name, ssim."""
        return _read_table(self.folder / "scores.csv")

    def write_result(self, result: dict) -> None:
        write_json(self.folder / "result.json", result)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the run's folders, lock them, and remove temporary files of killed processes.

        Raises UserError if another process holds the lock, WriteError if the folder is read-only.
        """
        folders = (self.folder, self.checkpoints, self.samples)
        lock = FileLock(self.folder / ".lock")
        holder = self.folder / ".lock-holder"
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
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
