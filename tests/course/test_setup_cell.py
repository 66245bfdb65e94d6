"""The notebooks' set-up cell where the package is not installed, as in Colab.

The cell runs in a fresh interpreter that cannot find the package, and its pip writes down what it
is asked for instead of doing it. What git does, it does with a local repository.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

from pix2pix_utils.course.installation import constraints

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "pix2pix_utils"

WITHOUT_THE_PACKAGE = """
import pathlib, sys, types

project, cell = sys.argv[1:]
sys.path[:] = [entry for entry in sys.path if entry not in ("", project)]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
my_drive = pathlib.Path.cwd().with_name("my-drive")
if my_drive.is_dir():
    colab = sys.modules["google.colab"] = types.ModuleType("google.colab")
    colab.drive = types.SimpleNamespace(mount=lambda place: my_drive.rename(place))
exec(cell)
print(pix2pix_utils.__file__)
"""
PIP = """
import os, pathlib, sys

if "FAILING_PIP" in os.environ:
    sys.exit("ERROR: no matching distribution")
asked = sys.argv[1:]
kept = pathlib.Path(asked[asked.index("--constraint") + 1]).read_text()
pathlib.Path(__file__).with_name("asked.txt").write_text(asked[asked.index("--editable") + 1])
pathlib.Path(__file__).with_name("kept.txt").write_text(kept)
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


def execute(cell: str, content: Path, **variables: str) -> subprocess.CompletedProcess:
    pip = content.with_name("replaced") / "pip"
    pip.mkdir(parents=True, exist_ok=True)
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(PIP)
    # were it the real pip after all, it would change nothing
    environment = os.environ | {"PYTHONPATH": str(pip.parent), "PIP_DRY_RUN": "1"} | variables
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_PACKAGE, str(PROJECT), cell],
        cwd=content, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def installed_from(cell: str, content: Path, project: Path) -> list[str]:
    """The cell installs `project` and takes the package from it; returns what pip has to keep."""
    done = execute(cell, content)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]) == project / "pix2pix_utils" / "__init__.py"
    pip = content.with_name("replaced") / "pip"
    assert (pip / "asked.txt").read_text() == str(project)
    return (pip / "kept.txt").read_text().splitlines()


@pytest.mark.parametrize("place", ["", "pix2pix", "unpacked/pix2pix-main"])
def test_an_uploaded_project_is_found_and_every_package_stays(cell, content, place):
    kept = installed_from(cell, content, upload(content / place))
    for name in ("torch", "torchvision", "numpy", "ipywidgets", "ipython", "filelock", "pytest"):
        assert f"{name}=={version(name)}" in kept
    names = [line.partition("==")[0] for line in kept]
    assert len(names) == len(set(names)) and "pix2pix-utils" not in names


@pytest.mark.parametrize(
    "place", ["MyDrive/pix2pix", "MyDrive/Colab Notebooks/2027/a/b/gans", "Shareddrives/us/course"]
)
def test_a_project_in_drive_is_found_wherever_it_lies(cell, content, place):
    drive = content.with_name("my-drive")
    upload(drive / ".Trash-0" / "pix2pix")
    upload(drive / place)
    installed_from(cell, content, content / "drive" / place)


def test_a_notebook_inside_the_project_finds_it_above(cell, content):
    project = upload(content / "project")
    (project / "notebooks").mkdir()
    installed_from(cell, project / "notebooks", project)


@pytest.fixture
def remote(tmp_path):
    """A git repository of the project with the branch `course`."""
    source = upload(tmp_path / "source")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(source)]
    for command in (
        [*git, "init", "-q", "-b", "course"],
        [*git, "add", "."],
        [*git, "commit", "-q", "-m", "all"],
        ["git", "clone", "-q", "--bare", str(source), str(tmp_path / "remote.git")],
    ):
        subprocess.run(command, check=True)
    return tmp_path / "remote.git"


def test_a_single_notebook_clones_the_repository_of_its_badge(cell, content, remote):
    badged = _from(cell, str(remote), "course")
    installed_from(badged, content, content / "pix2pix")
    installed_from(badged, content, content / "pix2pix")  # a new kernel finds the clone


def test_the_words_of_git_and_pip_are_shown_if_they_fail(cell, content, remote):
    failed = execute(_from(cell, str(remote), "no-such-branch"), content)
    assert failed.returncode != 0
    assert "Remote branch no-such-branch not found" in failed.stderr
    upload(content / "pix2pix")
    failed = execute(cell, content, FAILING_PIP="1")
    assert failed.returncode != 0
    assert "ERROR: no matching distribution" in failed.stderr
    assert "pip could not add the course's packages" in failed.stderr


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


class Installed:
    """As importlib.metadata describes a package."""

    def __init__(self, name, version):
        self.metadata, self.version = {"Name": name}, version


def test_constraints_are_what_pip_accepts_and_the_first_of_a_name_counts():
    found = [
        Installed("PyYAML", "6.0.1"),
        Installed("torch", "2.11.0+cu128"),
        Installed("pyyaml", "5.4"),  # a second copy, further back on the path
        Installed("distro-info", "1.1+ubuntu0.2"),
        Installed("python-debian", "0.1.43ubuntu1"),  # no version to pip
        Installed("lazy.loader", "0.5rc1.post2"),
        Installed(None, "1.0"),  # left by a broken installation
        Installed("pix2pix_utils", "0.2.0"),
    ]
    assert constraints(found) == [
        "distro-info==1.1+ubuntu0.2",
        "lazy-loader==0.5rc1.post2",
        "pyyaml==6.0.1",
        "torch==2.11.0+cu128",
    ]
