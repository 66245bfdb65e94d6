"""Open-in-Colab and Open-in-Kaggle badges: where they point, and what they leave as it was."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest

from pix2pix_utils.__main__ import main
from pix2pix_utils.course.badges import github_repository, remove_badges, write_badges
from pix2pix_utils.errors import UserError

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = PROJECT / "notebooks"
SET_UP = 'import sys\n\nREPOSITORY, BRANCH = "", ""  # for Colab\nprint(1)'


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A git checkout on the branch `main` with two notebooks, one of which has outputs."""
    folder = tmp_path / "course"
    (folder / "notebooks").mkdir(parents=True)
    for package_file in ("pix2pix_utils/__init__.py", "data/README.md"):  # what marks a project
        (folder / package_file).parent.mkdir()
        (folder / package_file).touch()
    for name in ("01_first", "02_second"):
        code = nbformat.v4.new_code_cell(SET_UP, id="b", execution_count=1)
        code.outputs = [nbformat.v4.new_output("stream", text="1 äöü\n")]
        title = nbformat.v4.new_markdown_cell(f"# {name}\n\n**A claim.**", id="a")
        book = nbformat.v4.new_notebook(cells=[title, code])
        nbformat.write(book, folder / "notebooks" / f"{name}.ipynb")
    git(tmp_path, "init", "-q", "-b", "main", "course")
    monkeypatch.chdir(folder)
    return folder


def first_cells(project):
    book = nbformat.read(project / "notebooks" / "01_first.ipynb", as_version=4)
    return [cell.source for cell in book.cells]


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ada/pix2pix-course.git",
        "https://github.com/ada/pix2pix-course",
        "https://github.com/ada/pix2pix-course/",
        "https://ada:secret@github.com/ada/pix2pix-course.git",
        "git@github.com:ada/pix2pix-course.git",
        "ssh://git@github.com/ada/pix2pix-course.git",
        "ssh://git@ssh.github.com:443/ada/pix2pix-course.git",
    ],
)
def test_every_form_of_a_github_remote_is_read(url):
    assert github_repository(url) == "ada/pix2pix-course"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://gitlab.com/ada/course.git", "gitlab.com"),
        ("git@codeberg.org:ada/course.git", "codeberg.org"),
        ("https://github.com.example.org/ada/course", "github.com.example.org"),
        ("/srv/git/course.git", "no server"),
    ],
)
def test_another_host_is_refused_with_the_reason(url, host):
    with pytest.raises(UserError, match=f"{host}.*GitHub only.*upload"):
        github_repository(url)


def test_a_github_address_that_is_no_repository_is_refused():
    with pytest.raises(UserError, match="OWNER/NAME"):
        github_repository("https://github.com/ada/course/tree/main")


def test_badges_point_to_the_remote_and_again_changes_nothing(project, capsys):
    git(project, "remote", "add", "origin", "https://ada:secret@github.com/ada/course.git")
    assert main(["badges"]) == 0
    assert "2" in capsys.readouterr().out
    title, code = first_cells(project)
    assert title == (
        "# 01_first\n\n"
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/ada/course/blob/main/notebooks/01_first.ipynb)"
        " [![Open in Kaggle](https://kaggle.com/static/images/open-in-kaggle.svg)]"
        "(https://kaggle.com/kernels/welcome?src="
        "https://github.com/ada/course/blob/main/notebooks/01_first.ipynb)"
        "\n\n**A claim.**"
    )
    assert 'REPOSITORY, BRANCH = "https://github.com/ada/course.git", "main"  # for Colab' in code
    files = sorted((project / "notebooks").glob("*"))
    assert not any("secret" in file.read_text(encoding="utf-8") for file in files)
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    assert main(["badges"]) == 0
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def test_another_remote_and_branch_replace_the_badge_and_remove_restores_the_bytes(project):
    files = sorted((project / "notebooks").glob("*"))
    before = [file.read_bytes() for file in files]
    git(project, "remote", "add", "origin", "git@github.com:ada/course.git")
    git(project, "remote", "add", "fork", "git@github.com:bob/fork.git")
    assert main(["badges"]) == 0
    assert main(["badges", "--remote", "fork", "--branch", "course/2027"]) == 0
    title, code = first_cells(project)
    assert title.count("Open in Colab") == 1 and title.count("Open in Kaggle") == 1
    assert "ada" not in title
    assert "/github/bob/fork/blob/course/2027/notebooks/01_first.ipynb" in title
    assert '"https://github.com/bob/fork.git", "course/2027"' in code and "ada" not in code
    assert main(["badges", "--remove"]) == 0
    assert [file.read_bytes() for file in files] == before


def test_without_remote_or_branch_the_error_gives_the_remedy(project, capsys):
    assert main(["badges"]) == 2
    assert "git remote add origin URL" in capsys.readouterr().err
    git(project, "remote", "add", "origin", "git@github.com:ada/course.git")
    git(project, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-qm", "x")
    git(project, "checkout", "-q", "--detach")
    assert main(["badges"]) == 2
    assert "--branch" in capsys.readouterr().err
    assert main(["badges", "--branch", 'x") or "']) == 2
    assert "rename" in capsys.readouterr().err


def test_a_folder_that_is_no_checkout_is_an_error(project, capsys):
    shutil.rmtree(project / ".git")
    assert main(["badges"]) == 2
    assert "no git remote 'origin'" in capsys.readouterr().err


def test_one_broken_notebook_leaves_all_untouched(project):
    first, second = sorted((project / "notebooks").glob("*"))
    before = first.read_bytes()
    for text in ("{", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'):
        second.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="02_second"):
            write_badges(project / "notebooks", "ada/course", "main")
        assert first.read_bytes() == before
    with pytest.raises(UserError, match="no notebooks"):
        remove_badges(project)


def test_the_notebooks_of_the_course_can_be_badged_and_restored(tmp_path):
    copies = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, copies, ignore=shutil.ignore_patterns("[!0-9]*"))
    remove_badges(copies)  # a fork may have committed its own
    before = {path.name: path.read_bytes() for path in copies.iterdir()}
    assert len(write_badges(copies, "ada/course", "main")) == len(before)
    remove_badges(copies)
    assert {path.name: path.read_bytes() for path in copies.iterdir()} == before


def test_on_github_every_repository_and_fork_writes_its_own_badges(tmp_path):
    copy = tmp_path / "notebooks" / "00_start_here.ipynb"
    copy.parent.mkdir()
    shutil.copy(NOTEBOOKS / copy.name, copy)
    workflow = (PROJECT / ".github" / "workflows" / "badges.yml").read_text(encoding="utf-8")
    (block,) = re.findall(r"shell: python.*?run: \|\n(.*?)\n +- ", workflow, re.DOTALL)
    # of the packages beside Python's own, only those that the workflow installs
    hide = "import sys; sys.modules.update(dict.fromkeys(('torch', 'numpy', 'tqdm', 'filelock')))\n"
    names = {"GITHUB_REPOSITORY": "bob/fork", "GITHUB_REF_NAME": "trunk"}
    subprocess.run(
        [sys.executable, "-c", hide + textwrap.dedent(block)],
        cwd=tmp_path, env=os.environ | names | {"PYTHONPATH": str(PROJECT)}, check=True,
    )  # fmt: skip
    assert "/github/bob/fork/blob/trunk/notebooks/00_start_here.ipynb" in copy.read_text("utf-8")
    assert "https://github.com/bob/fork.git" in copy.read_text("utf-8")
