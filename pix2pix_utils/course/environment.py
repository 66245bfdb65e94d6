"""What this machine offers the course, in plain words, and what to do where it falls short.

Each `check_...` judges facts that it is given; `check_environment` collects the facts.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from packaging.version import Version

from pix2pix_utils.data.discovery import NAMES, open_source
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import build_discriminator, build_generator
from pix2pix_utils.paths import cache_root, data_root, output_root, project_root
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import configure

OLDEST_PYTHON = "3.10"
# Distribution and oldest version; the same as in pyproject.toml.
OLDEST = {
    "torch": "2.6",
    "torchvision": "0.21",
    "numpy": "1.26",
    "pillow": "10.3",
    "matplotlib": "3.8",
    "scikit-image": "0.22",
    "tqdm": "4.66",
    "filelock": "3.12",
    "ipywidgets": "8.1",
    "anywidget": "0.9",
    "torchmetrics": "1.4",
}
MEASURED_CORES = 2  # the course's minutes are measured on
MEMORY_NEEDED = 2.5e9  # bytes: twice the peak that training the largest network of `demo` took
MOST_RUNS = 12  # in one notebook


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and the remedy; empty if nothing needs to be done."""

    what: str
    found: str
    remedy: str = ""

    def row(self) -> dict[str, str]:
        """For `report.as_markdown`."""
        return {"": "look" if self.remedy else "ok", "what": self.what, "found": self.found} | {
            "what to do": self.remedy
        }


def check_environment(profile: str | None = None) -> list[Finding]:
    """Everything that decides whether the course runs here at a profile, and how fast.

    Writes nothing but empty temporary files, and needs no network.
    """
    config = configure("baseline", profile)
    output = output_root()
    return [
        check_python(platform.python_version()),
        *check_packages(),
        check_gpu(
            torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            needed=config.image_size == Config().image_size,
            driver=shutil.which("nvidia-smi") is not None,
            colab="google.colab" in sys.modules,
        ),
        check_cores(_usable_cores()),
        check_memory(_memory()),
        check_disk(shutil.disk_usage(_nearest_folder(output)).free, config),
        check_folder("folder of the runs", output),
        check_folder("folder of the cache", cache_root()),
        *(check_data_set(name, data_root()) for name in NAMES),
    ]


def check_python(version: str) -> Finding:
    old = Version(version) < Version(OLDEST_PYTHON)
    remedy = f"the course needs Python {OLDEST_PYTHON} or newer: make an environment with one"
    return Finding("Python", version, remedy if old else "")


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, None if there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_packages(version_of: Callable[[str], str | None] = installed_version) -> list[Finding]:
    """One finding for torch, one for torchvision, and one for each other package to see to."""
    findings, in_order = [], []
    for name, oldest in OLDEST.items():
        version = version_of(name)
        if version is None or Version(version) < Version(oldest):
            command = f'`python -m pip install --upgrade "{name}>={oldest}"`'
            remedy = f"{command}, then restart the kernel"
            findings.append(Finding(name, version or "missing", remedy))
        elif name in ("torch", "torchvision"):
            findings.append(Finding(name, version))
        else:
            in_order.append(name)
    return [*findings, Finding("other packages", f"{len(in_order)} are new enough")]


def check_gpu(
    name: str | None, needed: bool = False, driver: bool = False, colab: bool = False
) -> Finding:
    """`name` of the GPU that torch sees, whether the profile `needed` it, whether a `driver` says
    that there is one nonetheless, and whether this is Colab."""
    if name is not None:
        return Finding("GPU", f"{name}: the profile `full` takes hours here, not weeks")
    if driver:
        return Finding(
            "GPU",
            "there is one, but this torch cannot use it",
            "install the CUDA build of torch that https://pytorch.org names for your driver",
        )
    if not needed:
        return Finding("GPU", "none; the profiles `smoke` and `demo` need none")
    remedy = "choose the profile `demo`, or a machine with a CUDA GPU"
    if colab:
        remedy = "Runtime > Change runtime type > a GPU, or choose the profile `demo`"
    return Finding("GPU", "none", remedy)


def check_cores(count: int) -> Finding:
    remedy = f"expect about {MEASURED_CORES / count:.0f} times the minutes that the course states"
    found = f"{count}; the course's minutes are for {MEASURED_CORES}"
    return Finding("CPU cores", found, remedy if count < MEASURED_CORES else "")


def check_memory(size: int | None) -> Finding:
    """`size` in bytes of the machine's memory, None where that is unknown."""
    if size is None:
        return Finding("memory", f"unknown; {_gigabytes(MEMORY_NEEDED)} are enough for `demo`")
    remedy = "choose the profile `smoke`, or close other programs and notebooks first"
    return Finding("memory", _gigabytes(size), remedy if size < MEMORY_NEEDED else "")


def bytes_of_a_run(config: Config) -> int:
    """Disk space of a run's checkpoints, nearly all that it writes.

    `best.pt` holds the weights of both networks; `last.pt` and `previous.pt` hold them too, with
    Adam's two moments of each.
    """
    with torch.device("meta"):
        networks = (
            build_generator(config.generator, config.image_size, config.width),
            build_discriminator(config.discriminator, config.width),
        )
    weights = sum(p.numel() for network in networks for p in network.parameters())
    return (1 + 3 + 3) * 4 * weights  # float32


def check_disk(free: int, config: Config) -> Finding:
    """`free` bytes where the runs go, beside what the runs of a notebook take."""
    each = bytes_of_a_run(config)
    found = f"{_gigabytes(free)} free, a run takes about {_gigabytes(each)}"
    short = free < MOST_RUNS * each
    remedy = (
        f"up to {MOST_RUNS} runs a notebook need {_gigabytes(MOST_RUNS * each)}: make room, or "
        "name a folder on another disk in the environment variable PIX2PIX_OUTPUT"
    )
    return Finding("disk", found, remedy if short else "")


def check_folder(what: str, folder: Path) -> Finding:
    """Whether files can be written to a folder, which need not exist yet."""
    variable = "PIX2PIX_CACHE" if "cache" in what else "PIX2PIX_OUTPUT"
    try:
        with tempfile.TemporaryFile(dir=_nearest_folder(folder)):
            return Finding(what, f"{_shown(folder)}, can be written to")
    except OSError as error:
        remedy = f"name another folder in the environment variable {variable}"
        return Finding(what, f"{_shown(folder)} cannot be written to: {error.strerror}", remedy)


def check_data_set(name: str, root: Path) -> Finding:
    """Whether a data set is where the course looks for it. One that is absent needs no remedy."""
    what = f"data set {name}"
    try:
        source = open_source(name, root)
    except UserError as error:
        if any(root.glob("*")) and name in {folder.name.lower() for folder in root.iterdir()}:
            return Finding(what, "found, but it cannot be used", str(error))
        return Finding(what, "not here; `data/README.md` says how to get it")
    counts = ", ".join(f"{split} {len(source.splits[split])}" for split in SPLITS)
    return Finding(what, f"pairs: {counts}")


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: what this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _nearest_folder(path: Path) -> Path:
    """The path, or the nearest of its parents that exists."""
    path = Path(path).absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _shown(path: Path) -> str:
    """A path as the reader knows it: from the project's folder on, or from the home folder."""
    path = Path(path).absolute()
    project = project_root()
    if project is not None and path.is_relative_to(project):
        inside = path.relative_to(project).as_posix()
        return "the project's folder" if inside == "." else f"`{inside}` in the project's folder"
    if path.is_relative_to(Path.home()):
        return f"`~/{path.relative_to(Path.home()).as_posix()}`"
    return f"`{path}`"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 0.95e8 else f"{size / 1e6:.0f} MB"
