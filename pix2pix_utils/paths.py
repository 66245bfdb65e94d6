"""Folders of the project, its data, the cache and the results.

Runs, their segmentation networks and reports are written to the output folder, decoded images to
the cache folder. Downloaded data sets and pretrained weights go to the data folder; only the
networks of LPIPS, KID and FID go to torch's own folder, `torch.hub.get_dir()`.
"""

import os
from pathlib import Path

from pix2pix_utils.errors import UserError


def project_root() -> Path | None:
    """The checkout that contains the working directory or this package; None outside of one."""
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / "pix2pix_utils" / "__init__.py").is_file() and (folder / "data").is_dir():
                return folder
    return None


def notebooks_folder() -> Path:
    """`notebooks/` of the project; raises UserError outside of one."""
    project = project_root()
    if project is None:
        raise UserError("there are no notebooks here: run this in the project's folder")
    return project / "notebooks"


def output_root() -> Path:
    """Folder of `runs/` and `report/`: $PIX2PIX_OUTPUT, the project or the working directory."""
    return _root("PIX2PIX_OUTPUT", "")


def data_root() -> Path:
    """Folder with a folder for each data set: $PIX2PIX_DATA, or `data/` of the project."""
    return _root("PIX2PIX_DATA", "data")


def cache_root() -> Path:
    """Folder of the decoded, resized images: $PIX2PIX_CACHE, or `data/cache/` of the project."""
    return _root("PIX2PIX_CACHE", "data/cache")


def _root(variable: str, default: str) -> Path:
    if folder := os.environ.get(variable):
        return Path(folder).expanduser()
    return (project_root() or Path.cwd()) / default
