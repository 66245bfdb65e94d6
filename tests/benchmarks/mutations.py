"""Plant faults in a copy of the project, one at a time, and see whether the tests notice them.

Each fault is one replaced piece of text, such as a wrong sign in a loss, and names the test files
that should fail. Prints a line for each fault and lists those that no test noticed, the survivors:

    python tests/benchmarks/mutations.py               # all faults
    python tests/benchmarks/mutations.py ssim resume   # those with one of these words in the name

Exit status: 0 if every fault was noticed, 1 if one survived, and 2 if nothing can be said: a text
to replace is not in its file exactly once, or the tests fail, or cannot run, without a fault.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("pix2pix_utils", "tests", "pyproject.toml")
JOBS = 2  # faults at a time
MAX_SECONDS = 300  # for the tests of a fault; more counts as noticed: it may never end
PASSED, FAILED = 0, 1  # pytest's exit statuses; all others mean that it could not run the tests


@dataclass(frozen=True)
class Fault:
    """`old` is replaced by `new` in a file of the package; `tests` are files below `tests/`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


METRICS = ("evaluation/test_metrics.py",)
MEASURES = ("evaluation/test_measures.py",)
CONFUSION = ("evaluation/test_confusion.py",)
STATISTICS = ("evaluation/test_statistics.py",)
LOSSES = ("losses/test_adversarial.py", "losses/test_objective.py")
MODELS = ("models/test_models.py",)
STEP = ("training/test_step.py",)
SPLITS = ("data/test_discovery.py", "data/test_folders.py")
RESUME = ("training/test_session.py",)
TRAINER = ("training/test_trainer.py",)

FAULTS = (
    Fault(
        "ssim: a wider window",
        "evaluation/metrics.py",
        "SIGMA = 1.5 ",
        "SIGMA = 1.6 ",
        METRICS,
    ),
    Fault(
        "ssim: another constant",
        "evaluation/metrics.py",
        "C2 = 0.03**2",
        "C2 = 0.05**2",
        METRICS,
    ),
    Fault(
        "psnr: twice the decibels",
        "evaluation/metrics.py",
        "return -10 * (prediction",
        "return -20 * (prediction",
        METRICS,
    ),
    Fault(
        "l1: the largest instead of the mean difference",
        "evaluation/metrics.py",
        "(prediction - target).abs().mean(dim=(1, 2, 3))",
        "(prediction - target).abs().amax(dim=(1, 2, 3))",
        METRICS,
    ),
    Fault(
        "metrics: images above 1 are accepted",
        "evaluation/metrics.py",
        "high > 1 + RANGE_TOLERANCE",
        "high > 1000",
        METRICS,
    ),
    Fault(
        "sharpness: vertical edges do not count",
        "evaluation/metrics.py",
        "return horizontal + vertical",
        "return 2 * vertical",
        METRICS + MEASURES,
    ),
    Fault(
        "sharpness: infinite for a flat photo",
        "evaluation/measures.py",
        "(gradient_energy(x) / energy).where(energy > 0, torch.nan)",
        "gradient_energy(x) / energy",
        MEASURES,
    ),
    Fault(
        "class ssim: windows are off by their border",
        "evaluation/measures.py",
        "classes[:, border:-border, border:-border]",
        "classes[:, : -2 * border, : -2 * border]",
        MEASURES,
    ),
    Fault(
        "confusion: rows and columns are swapped",
        "evaluation/confusion.py",
        "true.cpu().long() * classes + predicted.cpu().long()",
        "predicted.cpu().long() * classes + true.cpu().long()",
        CONFUSION,
    ),
    Fault(
        "confusion: the union counts the intersection twice",
        "evaluation/confusion.py",
        "true + predicted - right, 1)",
        "true + predicted, 1)",
        CONFUSION,
    ),
    Fault(
        "segmentation: photos are mirrored without their classes",
        "evaluation/segmentation.py",
        "classes = torch.where(mirrored[:, None, None], classes.flip(-1), classes)",
        "pass",
        ("evaluation/test_segmentation.py",),
    ),
    Fault(
        "prediction: batch norm and dropout as in training",
        "evaluation/predictors.py",
        "        generator.eval()\n",
        "        generator.train()\n",
        ("evaluation/test_predictors.py",),
    ),
    Fault(
        "loss: real and fake are swapped",
        "losses/adversarial.py",
        "torch.ones_like(scores) if real else torch.zeros_like(scores)",
        "torch.zeros_like(scores) if real else torch.ones_like(scores)",
        LOSSES,
    ),
    Fault(
        "loss: least squares pulls fake scores to 1",
        "losses/adversarial.py",
        "(scores - float(real))",
        "(scores - 1.0)",
        LOSSES,
    ),
    Fault(
        "loss: the l1 distance is the squared one",
        "losses/objective.py",
        '"l1": F.l1_loss',
        '"l1": F.mse_loss',
        LOSSES,
    ),
    Fault(
        "generator: an output in [0, 1]",
        "models/unet.py",
        "torch.tanh(",
        "torch.sigmoid(",
        MODELS,
    ),
    Fault(
        "generator: one dropout layer too few",
        "models/unet.py",
        "dropout=innermost - level < 3",
        "dropout=innermost - level < 2",
        MODELS,
    ),
    Fault(
        "discriminator: it does not see the label map",
        "models/patchgan.py",
        "torch.cat([label, photo], dim=1)",
        "torch.cat([photo, photo], dim=1)",
        MODELS,
    ),
    Fault(
        "augmentation: the photo is flipped, the label map is not",
        "data/augmentation.py",
        "return flipped[:, :3].contiguous(), ",
        "return label, ",
        ("data/test_augmentation.py",),
    ),
    Fault(
        "step: the generator learns to be found out",
        "training/step.py",
        "objective.adversarial(scores.float(), True)",
        "objective.adversarial(scores.float(), False)",
        STEP,
    ),
    Fault(
        "step: the discriminator's loss reaches the generator",
        "training/step.py",
        "discriminator(label, generated.detach())",
        "discriminator(label, generated)",
        STEP,
    ),
    Fault(
        "step: the distance has no weight",
        "training/step.py",
        "objective.alpha * objective.distance(generated, photo)",
        "objective.distance(generated, photo)",
        STEP,
    ),
    Fault(
        "step: gradients are summed over batches, not averaged",
        "training/step.py",
        "networks.scaler.scale(generator_loss / batches_in_all)",
        "networks.scaler.scale(generator_loss)",
        STEP,
    ),
    Fault(
        "split: the pairs drawn for validation are trained on, too",
        "data/layouts/splits.py",
        "[i for i in items if i not in drawn]",
        "list(items)",
        SPLITS,
    ),
    Fault(
        "split: the draw depends on the order of the files",
        "data/layouts/splits.py",
        "ranked = sorted(items, key",
        "ranked = list(items) or sorted(items, key",
        SPLITS,
    ),
    Fault(
        "pairs: every epoch has the same order",
        "data/pairs.py",
        "seed * 1_000_003 + epoch",
        "seed * 1_000_003",
        TRAINER,
    ),
    Fault(
        "resume: the optimisers start from nothing",
        "training/step.py",
        "part.load_state_dict(state[name])",
        '"optimizer" in name or part.load_state_dict(state[name])',
        RESUME,
    ),
    Fault(
        "resume: the epoch starts again",
        "training/trainer.py",
        'self.epoch, self.step = state["epoch"], state["step"]',
        'self.epoch, self.step = state["epoch"], 0',
        RESUME,
    ),
    Fault(
        "resume: random numbers start again",
        "training/trainer.py",
        "enumerate(remaining, start=self.step)",
        "enumerate(remaining)",
        RESUME,
    ),
    Fault(
        "resume: the losses before it are forgotten",
        "training/trainer.py",
        'LossSums(state["loss_sums"])',
        "LossSums()",
        RESUME,
    ),
    Fault(
        "training: dropout draws the same in every step",
        "training/trainer.py",
        "_seed(config.seed, self.epoch, number, batch)",
        "_seed(config.seed, self.epoch, 0, batch)",
        TRAINER,
    ),
    Fault(
        "training: the worst epoch is kept as the best",
        "training/trainer.py",
        'val_ssim > past["val_ssim"]',
        'val_ssim < past["val_ssim"]',
        RESUME,
    ),
    Fault(
        "training: the last epoch is scored as the best",
        "training/session.py",
        'trainer.networks.generator.load_state_dict(best["generator"])',
        "pass",
        RESUME,
    ),
    Fault(
        "statistics: an interval of 90 %",
        "evaluation/statistics.py",
        "tail = (1 - 0.95) / 2",
        "tail = (1 - 0.9) / 2",
        STATISTICS,
    ),
    Fault(
        "statistics: a difference with the wrong sign",
        "evaluation/statistics.py",
        "difference = scores - reference",
        "difference = reference - scores",
        STATISTICS,
    ),
    Fault(
        "statistics: the deviation of a population",
        "evaluation/statistics.py",
        "values.std(ddof=1)",
        "values.std(ddof=0)",
        STATISTICS,
    ),
    Fault(
        "statistics: a one-sided p-value",
        "evaluation/statistics.py",
        "np.abs(signs @ sums) >= abs(difference.sum())",
        "(signs @ sums) >= abs(difference.sum())",
        STATISTICS,
    ),
    Fault(
        "statistics: frames of a drive count as independent",
        "evaluation/statistics.py",
        "if groups is None else block_numbers(groups)",
        "if True else block_numbers(groups)",
        STATISTICS,
    ),
    Fault(
        "statistics: every p-value is multiplied by all",
        "evaluation/statistics.py",
        "(len(p_values) - rank) * p_values[index]",
        "len(p_values) * p_values[index]",
        STATISTICS,
    ),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORD", help="of the names of faults")
    words = parser.parse_args(arguments).words
    faults = [f for f in FAULTS if not words or any(word in f.name for word in words)]
    if not faults:
        print(f"no fault has one of these words in its name: {', '.join(words)}")
        return 2
    if wrong := [sentence for fault in faults if (sentence := misplaced(fault))]:
        print("\n".join(wrong))
        return 2
    started = time.monotonic()
    files = sorted({file for fault in faults for file in fault.tests})
    with ThreadPoolExecutor(JOBS) as pool:
        for file, status in zip(
            files, pool.map(status_of, [None] * len(files), files), strict=True
        ):
            if status != PASSED:
                print(f"tests/{file} fails without a fault (pytest's status {status})")
                wrong.append(file)
        if wrong:
            return 2
        print(f"{len(files)} test files pass without a fault")
        survivors, unknown = [], []
        statuses = pool.map(lambda fault: status_of(fault, *fault.tests), faults)
        for fault, status in zip(faults, statuses, strict=True):
            outcome = {PASSED: "SURVIVED", FAILED: "noticed"}.get(status, "the tests cannot run")
            print(f"{outcome:9}  {fault.name}", flush=True)
            if status == PASSED:
                survivors.append(fault)
            elif status != FAILED:
                unknown.append(fault)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(faults) - len(survivors) - len(unknown)} of {len(faults)} faults noticed", end="")
    print(f" in {minutes:.1f} minutes")
    for fault in survivors:
        print(f"survivor: {fault.name}: '{fault.old.strip()}' -> '{fault.new.strip()}'")
    return 2 if unknown else int(bool(survivors))


def misplaced(fault: Fault) -> str | None:
    """Why the fault cannot be planted, or None."""
    path = ROOT / "pix2pix_utils" / fault.file
    count = path.read_text(encoding="utf-8").count(fault.old) if path.is_file() else 0
    if count == 1 and fault.old != fault.new:
        return None
    return f"{fault.name}: {fault.file} has '{fault.old.strip()}' {count} times instead of once"


def status_of(fault: Fault | None, *tests: str) -> int:
    """pytest's exit status for some test files in a copy of the project with the fault."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "project"
        for name in COPIED:
            source, target = ROOT / name, copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        (copy / "data").mkdir()  # a project has one
        if fault:
            path = copy / "pix2pix_utils" / fault.file
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
        command += [f"--basetemp={folder}/temporary", *(f"tests/{file}" for file in tests)]
        environment = os.environ | {
            "PYTHONPATH": str(copy),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        try:
            done = subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, timeout=MAX_SECONDS
            )
        except subprocess.TimeoutExpired:
            return FAILED
        return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
