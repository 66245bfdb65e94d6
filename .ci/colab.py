"""Prove that the course runs in Colab: python .ci/colab.py

Makes an environment with Colab's versions (colab.txt), puts the project where Drive would have it,
and executes the notebooks' set-up cell in a kernel. Every package must then be there as before, and
the widget tests and all notebooks (at `smoke`) must pass. To save a download of gigabytes, torch is
that of the Python which runs this, where it has one, else Colab's.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path

PROJECT = Path(__file__).parents[1]
VERSIONS = PROJECT / ".ci" / "colab.txt"
COLABS_TORCH = ("torch==2.11.0", "torchvision==0.26.0")
LENT = ("torch", "torch-*", "torchgen", "torchvision*", "functorch", "nvidia*", "triton*", "cuda*")

# As a Colab kernel does before the first cell: it works in `content`, and Drive can be mounted.
STAND_IN = """
import sys, types, pathlib
colab, drive = types.ModuleType("google.colab"), types.ModuleType("google.colab.drive")
drive.mount = lambda place: pathlib.Path(place).symlink_to("../my-drive")
colab.drive = drive
sys.modules.update({"google.colab": colab, "google.colab.drive": drive})
"""
EXECUTE = """
import json, sys
import nbformat
from nbclient import NotebookClient

cells = [nbformat.v4.new_code_cell(source) for source in json.loads(sys.argv[1])]
NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=600).execute()
print(*(output.get("text", output) for cell in cells for output in cell.outputs))
"""


def lend_torch(borrower: Path) -> None:
    """Hard links to this Python's files of torch, of torchvision and of the CUDA libraries."""
    for pattern in LENT:
        for path in Path(sysconfig.get_path("purelib")).glob(pattern):
            copy = borrower / path.name
            if path.is_dir():
                shutil.copytree(path, copy, copy_function=os.link)
            else:
                os.link(path, copy)


def copy_project(place: Path) -> Path:
    """The files that git would commit, in a new folder."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in filter(None, done.stdout.split("\0")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, place / name)
    return place


def set_up_cell(project: Path) -> str:
    """The set-up cell as it is where the project is uploaded, without a repository to clone."""
    notebook = json.loads((project / "notebooks" / "00_start_here.ipynb").read_text("utf-8"))
    sources = ("".join(cell["source"]) for cell in notebook["cells"])
    (source,) = (source for source in sources if "REPOSITORY, BRANCH = " in source)
    return "\n".join(
        'REPOSITORY, BRANCH = "", ""' if line.startswith("REPOSITORY, ") else line
        for line in source.splitlines()
    )


class Environment:
    """A virtual environment and the folder that its commands are run in."""

    def __init__(self, folder: Path):
        self.folder, self.python = folder, folder / "environment" / "bin" / "python"
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        settings = {"PIX2PIX_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        self.variables = variables | settings

    def run(self, *arguments: str, place: str = ".") -> str:
        """What Python prints for these arguments; ends this program if it fails."""
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder / place, env=self.variables, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{' '.join(arguments)[:200]} failed:\n{done.stdout}")
        return done.stdout.strip()

    def pip(self, *arguments: str) -> str:
        return self.run("-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def make(folder: Path) -> Environment:
    """An environment with Colab's versions."""
    venv.create(folder / "environment", with_pip=True)
    environment = Environment(folder)
    torch = COLABS_TORCH
    if find_spec("torch"):
        place = environment.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        lend_torch(Path(place))
        torch = ("torch", "torchvision")
    environment.pip("install", *torch, "-r", str(VERSIONS))
    return environment


def prove(environment: Environment) -> None:
    """Run the set-up cell, compare the packages before and after, and run the tests."""
    before = environment.pip("freeze").splitlines()
    drive = "my-drive/MyDrive/Colab Notebooks/gans/course"
    project = copy_project(environment.folder / drive)
    (environment.folder / "content").mkdir()
    cells = json.dumps([STAND_IN, set_up_cell(project)])
    print(environment.run("-c", EXECUTE, cells, place="content"))
    after = environment.pip("freeze").splitlines()
    if lost := {*before} - {*after}:
        sys.exit(f"the set-up cell changed or removed: {', '.join(sorted(lost))}")
    added = sorted({*after} - {*before})
    print(f"{len(before)} packages are there as before; the set-up cell added:", *added, sep="\n")

    environment.pip("install", "pytest", "pytest-xdist", "nbval", "-c", str(VERSIONS))
    pytest = ("-m", "pytest", "-q", "-n", "2", "--dist", "loadfile")
    print(environment.run(*pytest, "tests/widgets", place=drive))
    print(environment.run(*pytest, "--nbval-lax", "notebooks", place=drive))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        prove(make(Path(folder)))
