"""Adds the course's packages to the ones that a notebook's kernel has, for Colab and Kaggle.

    python pix2pix_utils/course/installation.py

Every package that is installed keeps its version. Colab's front end shows the widgets of its own
ipywidgets only, and a kernel that has loaded one numpy breaks when another one takes its place.
The notebooks' set-up cell runs this file before the package can be imported, so it needs the
standard library alone.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# pip refuses a constraint with any other version, as some packages of a Linux distribution have
VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc|\.post|\.dev)\d+)*(\+[a-z0-9]+([._-][a-z0-9]+)*)?")


def constraints(distributions: Iterable[metadata.Distribution]) -> list[str]:
    """A line `name==version` for every package; of two with the same name the first is in use."""
    versions: dict[str, str] = {}
    for distribution in distributions:
        name = distribution.metadata["Name"]
        if name:  # none in what a broken installation has left
            versions.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    versions.pop("pix2pix-utils", None)
    return [f"{name}=={v}" for name, v in sorted(versions.items()) if VERSION.fullmatch(v)]


def main() -> int:
    """Install the project in place; returns pip's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "constraints.txt"
        kept.write_text("\n".join(constraints(metadata.distributions())), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(kept)]
        status = subprocess.run([*pip, "--editable", str(PROJECT)], check=False).returncode
    if status:
        print("pip could not add the course's packages to those that are here; its words are above")
    return status


if __name__ == "__main__":
    sys.exit(main())
