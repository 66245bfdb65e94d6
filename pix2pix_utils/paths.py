"""Where things lie: the project, its data, the cache and the results.

Nothing is ever written outside the output folder and the cache folder.
"""

import os
from pathlib import Path


def project_root() -> Path | None:
    """The checkout that the working directory or this package lies in; None outside of one."""
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / "pix2pix_utils" / "__init__.py").is_file() and (folder / "data").is_dir():
                return folder
    return None


def output_root() -> Path:
    """Folder of `runs/` and `report/`: $PIX2PIX_OUTPUT, else the project, else the working one."""
    if folder := os.environ.get("PIX2PIX_OUTPUT"):
        return Path(folder).expanduser()
    return project_root() or Path.cwd()


def data_root() -> Path:
    """Folder that holds the data sets by name: $PIX2PIX_DATA, or `data/` of the project."""
    if folder := os.environ.get("PIX2PIX_DATA"):
        return Path(folder).expanduser()
    return (project_root() or Path.cwd()) / "data"


def cache_root() -> Path:
    """Folder of the decoded, resized images: $PIX2PIX_CACHE, or `data/cache/` of the project."""
    if folder := os.environ.get("PIX2PIX_CACHE"):
        return Path(folder).expanduser()
    return (project_root() or Path.cwd()) / "data" / "cache"
