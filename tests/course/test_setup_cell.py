"""The notebooks' set-up cell where the package is not installed, as in Colab.

The cell runs in a fresh interpreter that cannot find the package. Its call of pip is recorded, not
executed; what git does, it does with a local repository.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "pix2pix_utils"

WITHOUT_THE_PACKAGE = """
import json, subprocess, sys

project, cell = sys.argv[1:]
sys.path[:] = [entry for entry in sys.path if entry not in ("", project)]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
really_run, installed = subprocess.run, []

def run(command, **settings):
    if "pip" not in command:
        return really_run(command, **settings)
    installed.append([str(part) for part in command])

subprocess.run = run
exec(cell)
print(json.dumps({"pip": installed, "package": pix2pix_utils.__file__}))
"""


@pytest.fixture(scope="module")
def cell() -> str:
    """The set-up cell, with an empty REPOSITORY."""
    path = next((PROJECT / "notebooks").glob("00_*.ipynb"))
    cells = nbformat.read(path, as_version=4).cells
    (source,) = (cell.source for cell in cells if "REPOSITORY, BRANCH" in cell.source)
    return _from(source, "", "")


def _from(source: str, repository: str, branch: str) -> str:
    lines = source.splitlines()
    (index,) = (i for i, line in enumerate(lines) if line.startswith("REPOSITORY, BRANCH = "))
    lines[index] = f"REPOSITORY, BRANCH = {repository!r}, {branch!r}"
    return "\n".join(lines)


@pytest.fixture
def content(tmp_path):
    """The folder that a Colab notebook works in."""
    folder = tmp_path / "content"
    folder.mkdir()
    return folder


def upload(folder: Path) -> Path:
    """The project as far as the cell needs it: the package and its project file."""
    shutil.copytree(PACKAGE, folder / "pix2pix_utils", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


def execute(cell: str, content: Path) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_PACKAGE, str(PROJECT), cell],
        cwd=content, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def installed_from(cell: str, content: Path, project: Path) -> None:
    """The cell takes the package from `project`, and has pip keep torch and numpy."""
    done = execute(cell, content)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert Path(told["package"]) == project / "pix2pix_utils" / "__init__.py"
    (pip,) = told["pip"]
    assert pip[pip.index("-e") + 1] == str(project)
    for name in ("torch", "torchvision", "numpy"):
        assert f"{name}=={version(name)}" in pip


@pytest.mark.parametrize("place", ["pix2pix", "unpacked/pix2pix-main"])
def test_an_uploaded_project_is_found_and_torch_stays(cell, content, place):
    installed_from(cell, content, upload(content / place))


def test_a_notebook_inside_the_project_finds_it_above(cell, content):
    project = upload(content)
    (project / "notebooks").mkdir()
    installed_from(cell, project / "notebooks", project)


def test_a_single_notebook_clones_the_repository_of_its_badge(cell, content, tmp_path):
    source = upload(tmp_path / "source")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(source)]
    remote = tmp_path / "remote.git"
    for command in (
        [*git, "init", "-q", "-b", "course"],
        [*git, "add", "."],
        [*git, "commit", "-q", "-m", "all"],
        ["git", "clone", "-q", "--bare", str(source), str(remote)],
    ):
        subprocess.run(command, check=True)
    badged = _from(cell, str(remote), "course")
    installed_from(badged, content, content / "pix2pix")
    installed_from(badged, content, content / "pix2pix")  # a new kernel finds the clone


def test_a_lonely_notebook_says_what_is_missing(cell, content):
    done = execute(cell, content)
    assert done.returncode != 0
    assert "upload the whole project" in done.stderr.splitlines()[-1]


def test_an_installed_package_is_left_alone(cell, content):
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.environ['PATH'] = ''\n{cell}"],
        cwd=content, env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(content.iterdir()) == []
