"""The released models in `data/released` of the project: found by name, and checked.

`released/NAME` stands for a model wherever a checkpoint is accepted, and `released` for the first
one. A file is used only if its SHA-256 is the one in `manifest.json`.

    data/released/
        manifest.json   for each model: file, size, SHA-256, configuration, scores; see `release`
        NAME.pt         a checkpoint: configuration, palette and the generator's weights
        README.md       the model card
"""

import hashlib
from pathlib import Path

from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.files import explain_os_error, read_json
from pix2pix_utils.paths import project_root

RELEASED = "released"
MANIFEST = "manifest.json"
HOW_TO_MAKE = (
    "train models on drawn streets and release them with `python -m pix2pix_utils release RUN_DIR`"
)


def released_folder() -> Path:
    """`data/released` of the project; raises UserError outside of one."""
    root = project_root()
    if root is None:
        raise UserError(
            "the released models are in data/released of the project's folder, which is not here: "
            "run this in that folder"
        )
    return root / "data" / RELEASED


def read_manifest(folder: Path | None = None) -> dict:
    """The manifest of a release, by default of the project's.

    Raises UserError if there is no release, or if the file is damaged.
    """
    shown = f"data/{RELEASED}" if folder is None else folder
    folder = released_folder() if folder is None else Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"there are no released models in {shown} yet: {HOW_TO_MAKE}")
    manifest = read_json(path)
    models = manifest.get("models")
    entries = models.values() if isinstance(models, dict) else ()
    if not entries or not all(
        isinstance(entry, dict) and isinstance(entry.get("sha256"), str) for entry in entries
    ):
        raise UserError(f"{path} lists no models with their SHA-256: {_RESTORE}")
    return manifest


def released_names() -> list[str]:
    """The names of the project's released models, as in `released/NAME`; the first is `released`.

    Raises UserError if there are none.
    """
    return [f"{RELEASED}/{name}" for name in read_manifest()["models"]]


def find_checkpoint(path: Path | str) -> Path:
    """The checked file of `released` or `released/NAME`; any other path is returned as it is.

    A folder of the same name is reached by any other spelling of its path, such as an absolute one.
    Raises UserError if there is no such model, or if its file is missing or not the released one.
    """
    path = Path(path)
    if path.parts[:1] != (RELEASED,) or len(path.parts) > 2:
        return path
    folder = released_folder()
    models = read_manifest()["models"]
    name = path.parts[1] if len(path.parts) == 2 else next(iter(models))
    check_choice("released model", name, models)
    file = folder / f"{name}.pt"
    if not file.is_file():
        raise UserError(f"the released model {file} is missing: {_RESTORE}")
    with explain_os_error(f"read {file}"):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    expected = models[name]["sha256"]
    if digest != expected:
        raise UserError(
            f"{file} is not the released file: its SHA-256 begins with {digest[:8]} instead of "
            f"{expected[:8]}; {_RESTORE}"
        )
    return file


_RESTORE = f"restore data/{RELEASED} with `git checkout -- data/{RELEASED}`, or download it again"
