"""Open-in-Colab and Open-in-Kaggle badges, which point to the repository of this checkout.

Both open a single notebook from GitHub, and that notebook's set-up cell fetches the rest. The
badges and the line of the set-up cell that names the repository are therefore written together. On
GitHub `.github/workflows/badges.yml` does it in every repository and fork, for its own address.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import write_text

COLAB = "https://colab.research.google.com"
KAGGLE = "https://kaggle.com"
BADGE_LINE = re.compile(rf"\n*^\[!\[Open in Colab\]\({COLAB}/[^\n]*$", re.MULTILINE)
SOURCE_LINE = re.compile(r'^REPOSITORY, BRANCH = "[^"\n]*", "[^"\n]*"', re.MULTILINE)
# https://github.com/owner/name.git, git@github.com:owner/name, ssh://git@github.com/owner/name
REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[^/:]+)(?::\d+)?/|(?:[^@/]+@)?(?P<scp>[^/:]+):)"
    r"(?P<path>.+?)(?:\.git)?/?"
)


def github_repository(url: str) -> str:
    """`owner/name` of a GitHub remote, without any user name or token in the URL.

    Raises UserError for any other host, since Colab opens notebooks from GitHub only.
    """
    found = REMOTE.fullmatch(url.strip())
    host = (found["host"] or found["scp"]).lower() if found else "no server"
    if not found or host not in ("github.com", "www.github.com", "ssh.github.com"):
        raise UserError(
            f"the remote is on {host}, and Colab opens notebooks from GitHub only: push the "
            "project to github.com, or upload its folder to Colab, which needs no badge"
        )
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", found["path"]):
        raise UserError(f"'{found['path']}' is not a GitHub repository, which is OWNER/NAME")
    return found["path"]


def current_remote(project: Path, remote: str) -> str:
    """URL of a git remote of the checkout; raises UserError if there is none."""
    problem = (
        f"{project} has no git remote '{remote}': add it with `git remote add {remote} URL`, "
        "or name another one with --remote"
    )
    return _git(project, problem, "remote", "get-url", remote)


def current_branch(project: Path) -> str:
    """The branch that is checked out; raises UserError if there is none."""
    problem = f"{project} has no branch checked out: name one with --branch"
    return _git(project, problem, "symbolic-ref", "--short", "HEAD")


def write_badges(notebooks: Path, repository: str, branch: str) -> list[Path]:
    """Add the badges to every notebook of a folder in the GitHub repository `owner/name`.

    Returns the notebooks that changed; calling it again changes nothing. Raises UserError, before
    any file is written, for a branch name that cannot be part of a URL and for a notebook without a
    title or a set-up cell.
    """
    if not re.fullmatch(r"[\w./-]+", branch):
        raise UserError(f"the branch '{branch}' cannot be part of a link: rename it")
    folder = f"{repository}/blob/{branch}/{notebooks.name}"
    colab = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{folder}"
    kaggle = f"[![Open in Kaggle]({KAGGLE}/static/images/open-in-kaggle.svg)]"
    kaggle += f"({KAGGLE}/kernels/welcome?src=https://github.com/{folder}"
    return _rewrite(
        notebooks,
        lambda name: f"\n\n{colab}/{name}) {kaggle}/{name})",
        f'REPOSITORY, BRANCH = "https://github.com/{repository}.git", "{branch}"',
    )


def remove_badges(notebooks: Path) -> list[Path]:
    """Remove the badges; returns the notebooks that changed."""
    return _rewrite(notebooks, lambda name: "", 'REPOSITORY, BRANCH = "", ""')


def _rewrite(notebooks: Path, badge_of: Callable[[str], str], source_line: str) -> list[Path]:
    """Put the badges below every title and the line into every set-up cell."""
    paths = sorted(notebooks.glob("*.ipynb"))
    if not paths:
        raise UserError(f"there are no notebooks in {notebooks}")
    changed = {}
    for path in paths:
        before = path.read_text(encoding="utf-8")
        try:
            book = nbformat.reads(before, as_version=4)
        except Exception as error:  # nbformat raises many kinds for a file that is not a notebook
            raise UserError(f"{path} is not a notebook: {error}") from None
        title = book.cells[0] if book.cells else None
        setup = [cell for cell in book.cells if SOURCE_LINE.search(cell.source)]
        if title is None or not title.source.startswith("# ") or len(setup) != 1:
            raise UserError(
                f"{path} must begin with a title and have one set-up cell with a line "
                "REPOSITORY, BRANCH: take the cell from another notebook"
            )
        heading, _, rest = BADGE_LINE.sub("", title.source).partition("\n")
        title.source = heading + badge_of(path.name) + (f"\n{rest}" if rest else "")
        setup[0].source = SOURCE_LINE.sub(lambda _: source_line, setup[0].source)
        after = nbformat.writes(book) + "\n"
        if after != before:
            changed[path] = after
    for path, text in changed.items():
        write_text(path, text)
    return list(changed)


def _git(project: Path, problem: str, *arguments: str) -> str:
    """The output of a git command; raises UserError, with `problem` if the command fails."""
    command = ["git", "-C", str(project), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        raise UserError("git is not installed: install it, or upload the folder to Colab") from None
    except subprocess.CalledProcessError:
        raise UserError(problem) from None
