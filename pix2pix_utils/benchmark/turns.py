"""Minutes to a score: training loops take turns on the same pairs, and are scored after each turn.

Since every loop trains for a while before the next one does, anything else that keeps the machine
busy slows all of them alike. Only training counts as time: reading batches and updating, and
compiling where a loop is compiled. Scoring does not, nor does reading the state at a resumption.
"""

import hashlib
import json
import math
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from pix2pix_utils.benchmark.loops import Plan
from pix2pix_utils.benchmark.machine import wait_for
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.devices import describe_environment, explain_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.confusion import segmentation_scores
from pix2pix_utils.evaluation.measures import measure
from pix2pix_utils.evaluation.predictors import Predictor, generator_predictor
from pix2pix_utils.evaluation.reference import ORACLE, REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.segmentation import Segmenter, segmenter
from pix2pix_utils.files import read_json, remove_leftovers, write_json
from pix2pix_utils.locks import FileLock, Timeout
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.code_version import code_version, read_source
from pix2pix_utils.training.session import out_of_memory_advice, set_process_wide_options
from pix2pix_utils.training.trainer import Trainer
from pix2pix_utils.training.validation import measure_statistics

TURNS = 30
OWN_MODULES = ("loops", "steps", "turns")  # of this package, which decide the result
PROTOCOL = (
    "Every loop trains on the same pairs, in turns, and is scored on val after each turn; seconds "
    "are those of reading batches, updating and compiling, and not of scoring.",
    "The loops of [3] znxlwm/pytorch-pix2pix and [4] junyanz/pytorch-CycleGAN-and-pix2pix have "
    "these repositories' batch size, learning rate and width, and are scored in train mode, as "
    "they test: with dropout and each image's own statistics; all others have the profile's "
    "settings and are scored in eval mode.",
    "The loops of [3] and [4] train the networks of the row baseline in fp32 with torch's own "
    "layers, at a constant learning rate, without random crops or flips.",
)
LEVELS = ("class colour", "class and row colour")  # reference predictors
LEVEL = "class and row colour"  # whose SSIM a loop is to reach


def turn_ends(minutes: float) -> list[float]:
    """Seconds of training after which each turn ends; they are closer at the steep beginning."""
    return [60 * minutes * (turn / TURNS) ** 2 for turn in range(1, TURNS + 1)]


def seconds_until(points: Sequence[dict], val_ssim: float) -> float | None:
    """Training seconds at the first point that has at least this SSIM on val; None if none has."""
    reached = (point["seconds"] for point in points if point["val_ssim"] >= val_ssim)
    return next(reached, None)


@dataclass
class Loop:
    """A loop that is training. Its points are its trainer's history, one for every turn."""

    plan: Plan
    trainer: Trainer

    @property
    def points(self) -> list[dict]:
        """Per turn: training `seconds` and `updates` so far, `val_ssim` and `class_iou`."""
        return self.trainer.history

    @property
    def seconds(self) -> float:
        return self.points[-1]["seconds"] if self.points else 0.0

    def take_turn(self, end: float, judge: Segmenter) -> None:
        """Train until `end` seconds in all, for at least one update; then score.

        Raises UserError if the training has diverged.
        """
        seconds = self._train(end)
        trainer = self.trainer
        updates = trainer.epoch * trainer.steps_per_epoch + trainer.step
        if trainer.networks.average is not None:
            measure_statistics(
                trainer.networks.average, trainer.data.train, trainer.config.batch_size
            )
        predict = generator_predictor(trainer.networks.final_generator, self.plan.inference)
        scores = score(predict, trainer.data, judge)
        if not math.isfinite(scores["val_ssim"]):
            raise UserError(
                f"the SSIM on val is {scores['val_ssim']} after {updates} updates: training has "
                f"diverged; try a smaller learning rate than {trainer.config.learning_rate}"
            )
        self.points.append({"seconds": round(seconds, 3), "updates": updates, **scores})

    def _train(self, end: float) -> float:
        """Returns the training seconds in all."""
        trainer, seconds = self.trainer, self.seconds
        trainer.networks.generator.train()
        trainer.networks.discriminator.train()
        clock = time.perf_counter()
        while seconds < end:
            for batches, batches_in_all, _ in trainer.coming_steps():
                trainer.update(batches, batches_in_all)
                trainer.step += 1
                wait_for(trainer.device)
                now = time.perf_counter()
                seconds, clock = seconds + now - clock, now
                if seconds >= end:
                    break
            if trainer.step == trainer.steps_per_epoch:
                trainer.epoch, trainer.step = trainer.epoch + 1, 0
        return seconds


def score(predict: Predictor, data: StreetData, judge: Segmenter) -> dict[str, float]:
    """Mean SSIM on val, and the class IoU that the segmentation network finds there."""
    measured = measure(predict, data.val, judge)
    assert measured.confusion is not None
    return {
        "val_ssim": float(measured.images["ssim"].mean()),
        "class_iou": segmentation_scores(measured.confusion, data.palette)["class IoU"],
    }


def train_in_turns(
    plans: Sequence[Plan],
    data: StreetData,
    output: Path,
    device: torch.device,
    minutes: float,
    progress: bool = True,
) -> tuple[dict, Path]:
    """Train each loop for so many minutes, or to its last epoch, in turns; returns the result.

    The second value is the folder, below `output/benchmark`: `result.json` is what is returned, and
    is written after every turn, as is the loop's state in `checkpoints/`. So after an interruption
    the same call goes on with the turn that was interrupted. A finished comparison is returned
    as it is, unless the code, the versions of the libraries or the machine are others. The
    checkpoints are then removed.

    A loop that fails, since there is no C++ compiler to compile it or since its training diverges,
    takes no further turns; `left_out` says why. Raises UserError if another process is at it.
    """
    environment = describe_environment(device)
    folder = Path(output) / "benchmark" / _name(plans, data, environment, minutes)
    with _locked(folder):
        if (folder / "result.json").is_file():
            result = read_json(folder / "result.json")
            if result.get("finished"):
                return result, folder
        set_process_wide_options()
        judge = segmenter(data, output, device, progress)
        result = {
            "environment": environment,
            "dataset": data.name,
            "fingerprint": data.fingerprint,
            "image_size": data.train.image_size,
            "pairs": {"train": len(data.train), "val": len(data.val)},
            "seed": plans[0].config.seed,
            "minutes": minutes,
            "protocol": list(PROTOCOL),
            "segmentation_network": judge.folder.name,
            "levels": {
                name: score(fit(data.train), data, judge)
                for name, fit in (REFERENCE_PREDICTORS | ORACLE).items()
                if name in (*LEVELS, *ORACLE)
            },
        }
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            loops, left_out = _take_all_turns(plans, data, folder, device, judge, result, progress)
        result = _filled(result, loops, left_out, finished=True)
        write_json(folder / "result.json", result)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return result, folder


def _take_all_turns(
    plans: Sequence[Plan],
    data: StreetData,
    folder: Path,
    device: torch.device,
    judge: Segmenter,
    result: dict,
    progress: bool,
) -> tuple[list[Loop], dict[str, str]]:
    """The loops after their last turns, and by name why some have stopped before."""
    loops = [_start_or_resume(plan, data, folder, device) for plan in plans]
    left_out: dict[str, str] = {}
    ends = turn_ends(result["minutes"])
    with tqdm(total=len(ends) * len(loops), unit="turn", disable=not progress) as bar:
        for end in ends:
            for loop in loops:
                plan, name = loop.plan, loop.plan.name
                if name not in left_out and loop.seconds < end:
                    bar.set_description(name)
                    try:
                        with explain_out_of_memory(out_of_memory_advice(plan.config, device)):
                            loop.take_turn(end, judge)
                    except UserError as error:
                        left_out[name] = str(error)
                    else:
                        save_checkpoint(_checkpoint(folder, plan), loop.trainer.state())
                        write_json(folder / "result.json", _filled(result, loops, left_out))
                bar.update()
    return loops, left_out


def _start_or_resume(plan: Plan, data: StreetData, folder: Path, device: torch.device) -> Loop:
    trainer = plan.build(data, device)
    path = _checkpoint(folder, plan)
    if path.is_file():
        try:
            trainer.load_state(load_checkpoint(path))
        except UserError as error:
            raise UserError(f"cannot resume from {path}: {error}; remove {folder}") from None
    return Loop(plan, trainer)


def _checkpoint(folder: Path, plan: Plan) -> Path:
    return folder / "checkpoints" / f"{re.sub(r'[^a-z0-9]+', '-', plan.name)}.pt"


def _filled(
    result: dict, loops: Sequence[Loop], left_out: dict[str, str], finished: bool = False
) -> dict:
    """The result with the points so far."""
    level = result["levels"][LEVEL]["val_ssim"]
    rows = [
        {
            "name": loop.plan.name,
            "settings": loop.plan.settings(),
            "scored_in": f"{loop.plan.inference} mode",
            "points": loop.points,
            "seconds_until_class_and_row_colour": seconds_until(loop.points, level),
        }
        for loop in loops
        if loop.points
    ]
    return {**result, "loops": rows, "left_out": left_out, "finished": finished}


def _name(plans: Sequence[Plan], data: StreetData, environment: dict, minutes: float) -> str:
    """The folder's name, with a hash of everything that decides the result."""
    machine = {key: value for key, value in environment.items() if key != "date"}
    loops = [[p.name, p.inference, p.config.to_dict(), code_version(p.config)] for p in plans]
    code = [read_source(f"pix2pix_utils.benchmark.{module}") for module in OWN_MODULES]
    identity = json.dumps([machine, loops, code, data.fingerprint, minutes, TURNS], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return f"minutes-{data.name}-{data.train.image_size}px-{digest}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Create the folder, and keep other processes out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            for part in (folder, folder / "checkpoints"):
                remove_leftovers(part)
            yield
    except Timeout:
        raise UserError(
            f"another process trains in {folder}; wait for it to end, or stop it"
        ) from None


def check_minutes(minutes: float) -> None:
    """Raise UserError unless it is a positive, finite number."""
    if not 0 < minutes < math.inf:
        raise UserError(f"--minutes is {minutes:g}, but it must be positive and finite")
