"""Checks whether this machine can run the course, and says what to do where it cannot.

Each `check_...` judges facts that are passed to it; `check_environment` collects the facts.
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
from pix2pix_utils.devices import VARIABLE
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import build_discriminator, build_generator
from pix2pix_utils.paths import cache_root, data_root, output_root, project_root
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import configure

# Distribution and oldest version, as in pyproject.toml, which is not installed with the package.
OLDEST = {
    "torch": "2.6",
    "torchvision": "0.21",
    "numpy": "1.26",
    "pillow": "10.3",
    "matplotlib": "3.8",
    "scikit-image": "0.22",
    "scipy": "1.11",
    "tqdm": "4.66",
    "filelock": "3.12",
    "ipywidgets": "7.7",
    "anywidget": "0.9",
    "torchmetrics": "1.4",
    "jinja2": "3.1",
    "optuna": "4.7",
}
MEASURED_CORES = 2  # the machine on which the course's minutes were measured
MEMORY_NEEDED = 2.5e9  # bytes: twice the peak of training the largest network of `demo`
MOST_RUNS = 12  # in one notebook
CLASSES = 30  # roughly, in a palette of streets


@dataclass(frozen=True)
class MachineCheck:
    """What was checked, what was found, and the remedy; empty if nothing needs to be done."""

    what: str
    found: str
    remedy: str = ""

    def row(self) -> dict[str, str]:
        """For `report.as_markdown`."""
        return {
            "": "look" if self.remedy else "ok",
            "what": self.what,
            "found": self.found,
            "what to do": self.remedy,
        }


def check_environment(profile: str | None = None) -> list[MachineCheck]:
    """Everything that decides whether, and how fast, the course runs here at a profile.

    It writes only empty temporary files and needs no network.
    """
    config = configure("baseline", profile)
    output = output_root()
    return [
        MachineCheck("Python", platform.python_version()),  # pip refuses an older one
        *check_packages(),
        check_gpu(
            torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            needed=config.image_size == Config().image_size,
            driver=shutil.which("nvidia-smi") is not None,
            colab="google.colab" in sys.modules,
            apple=torch.backends.mps.is_available(),
        ),
        check_cores(_usable_cores()),
        check_memory(_memory()),
        check_disk(shutil.disk_usage(_nearest_folder(output)).free, config),
        check_folder("folder of the runs", output, "PIX2PIX_OUTPUT"),
        check_folder("folder of the cache", cache_root(), "PIX2PIX_CACHE"),
        *(check_data_set(name, data_root()) for name in NAMES),
    ]


def check_packages(
    version_of: Callable[[str], str | None] = metadata.version,
) -> list[MachineCheck]:
    """One line for torch, one for torchvision, one for each other package that needs attention."""
    checks, in_order = [], 0
    for name, oldest in OLDEST.items():
        try:
            version = version_of(name)
        except metadata.PackageNotFoundError:
            version = None
        if version is None or Version(version) < Version(oldest):
            command = f'`python -m pip install --upgrade "{name}>={oldest}"`'
            remedy = f"{command}, then restart the kernel"
            checks.append(MachineCheck(name, version or "missing", remedy))
        elif name in ("torch", "torchvision"):
            checks.append(MachineCheck(name, version))
        else:
            in_order += 1
    return [*checks, MachineCheck("other packages", f"{in_order} are new enough")]


def check_gpu(
    name: str | None,
    needed: bool = False,
    driver: bool = False,
    colab: bool = False,
    apple: bool = False,
) -> MachineCheck:
    """Judge the GPU.

    `name` is that of the CUDA GPU that torch sees; `needed` says whether the profile needs one,
    `driver` whether an NVIDIA driver is installed, `colab` whether this is Colab, and `apple`
    whether torch sees an Apple GPU.
    """
    remedy = "choose the profile `demo`, or a machine with a CUDA GPU"
    if name is not None:
        return MachineCheck("GPU", f"{name}: the profile `full` takes hours here, not weeks")
    if driver:
        return MachineCheck(
            "GPU",
            "there is one, but this torch cannot use it",
            "install the CUDA build of torch that https://pytorch.org names for your driver",
        )
    if apple:
        used = os.environ.get(VARIABLE) == "mps"
        use = f"used, as {VARIABLE} says" if used else f"unused; {VARIABLE}=mps uses it"
        found = f"Apple GPU, {use}: it can be slower than the CPU, or compute wrongly"
        return MachineCheck("GPU", found, remedy if needed else "")
    if not needed:
        return MachineCheck("GPU", "none; the profiles `smoke` and `demo` need none")
    if colab:
        remedy = "Runtime > Change runtime type > a GPU, or choose the profile `demo`"
    return MachineCheck("GPU", "none", remedy)


def check_cores(count: int) -> MachineCheck:
    remedy = f"expect about {MEASURED_CORES / count:.0f} times the minutes that the course states"
    found = f"{count}; the course's minutes are for {MEASURED_CORES}"
    return MachineCheck("CPU cores", found, remedy if count < MEASURED_CORES else "")


def check_memory(size: int | None) -> MachineCheck:
    """`size` in bytes of the machine's memory, None if unknown."""
    if size is None:
        return MachineCheck("memory", f"unknown; {_gigabytes(MEMORY_NEEDED)} are enough for `demo`")
    remedy = "choose the profile `smoke`, or close other programs and notebooks first"
    return MachineCheck("memory", _gigabytes(size), remedy if size < MEMORY_NEEDED else "")


def bytes_of_a_run(config: Config) -> int:
    """Disk space of a run's checkpoints, nearly all that it writes.

    `best.pt` holds the weights of both networks; `last.pt` and `previous.pt` hold them too, with
    Adam's two moments of each and, where it is kept, the average of the generator's weights.
    """
    with torch.device("meta"):
        colors = torch.empty(CLASSES, 3)
        generator = build_generator(
            config.generator, config.image_size, config.width, config.label_input, colors
        )
        discriminator = build_discriminator(
            config.discriminator, config.width, config.label_input, colors
        )
    weights = [
        sum(p.numel() for p in network.parameters()) for network in (generator, discriminator)
    ]
    average = 2 * weights[0] if config.average_decay else 0
    return 4 * ((1 + 3 + 3) * sum(weights) + average)  # float32


def check_disk(free: int, config: Config) -> MachineCheck:
    """Judge the `free` bytes in the output folder by what the runs of a notebook take."""
    each = bytes_of_a_run(config)
    found = f"{_gigabytes(free)} free, a run takes about {_gigabytes(each)}"
    remedy = (
        f"up to {MOST_RUNS} runs a notebook need {_gigabytes(MOST_RUNS * each)}: make room, or "
        "set the environment variable PIX2PIX_OUTPUT to a folder on another disk"
    )
    return MachineCheck("disk", found, remedy if free < MOST_RUNS * each else "")


def check_folder(what: str, folder: Path, variable: str) -> MachineCheck:
    """Whether a folder, which need not exist yet, is writable; `variable` names another one."""
    try:
        with tempfile.TemporaryFile(dir=_nearest_folder(folder)):
            return MachineCheck(what, f"{_shown(folder)}, writable")
    except OSError as error:
        remedy = f"set the environment variable {variable} to another folder"
        return MachineCheck(what, f"{_shown(folder)} is not writable: {error.strerror}", remedy)


def check_data_set(name: str, root: Path) -> MachineCheck:
    """Whether a data set is where the course looks for it. One that is absent needs no remedy."""
    what = f"data set {name}"
    try:
        source = open_source(name, root)
    except UserError as error:
        if root.is_dir() and name in {folder.name.lower() for folder in root.iterdir()}:
            return MachineCheck(what, "found, but it cannot be used", str(error))
        return MachineCheck(what, "not here; `data/README.md` says how to get it")
    counts = ", ".join(f"{split} {len(source.splits[split])}" for split in SPLITS)
    return MachineCheck(what, f"pairs: {counts}")


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: those that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _nearest_folder(path: Path) -> Path:
    """The path, or the nearest of its parents that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _shown(path: Path) -> str:
    """A path relative to the project's folder or the home folder, where it is inside one."""
    path = path.absolute()
    project = project_root()
    if project is not None and path.is_relative_to(project):
        inside = path.relative_to(project).as_posix()
        return "the project's folder" if inside == "." else f"`{inside}` in the project's folder"
    if path.is_relative_to(Path.home()):
        return f"`~/{path.relative_to(Path.home()).as_posix()}`"
    return f"`{path}`"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 0.95e8 else f"{size / 1e6:.0f} MB"
