"""The shape of the package: imports run one way, files stay readable, notebooks use its face."""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pix2pix_utils"

# each may import from those before it
ORDER = (
    "",  # the modules at the top: errors, files, tensors, paths, devices
    "data",
    "models",
    "acceleration",
    "evaluation",
    "losses",
    "training",
    "figures",
    "report",
    "cards",
    "tuning",
    "widgets",
    "export",
    "course",
    "release",
    "classroom",
    "benchmark",
)
TOPMOST = {  # may import everything
    *("__main__", "commands", "course_commands", "study", "translation")
}
FACES = (
    "classroom",
    "course",
    "data",
    "evaluation",
    "export",
    "figures",
    "losses",
    "models",
    "report",
    "training",
    "tuning",
    "widgets",
)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def imported_modules(source: str) -> list[tuple[str, str]]:
    """(module, name) of every import from this package, module without the package's own name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, module = node.module.partition(".")
            if package == "pix2pix_utils":
                found += [(module, alias.name) for alias in node.names]
    return found


def room(module: str, name: str = "") -> str:
    """The folder that a module lies in."""
    first = module.split(".")[0] or name
    return first if (PACKAGE / first).is_dir() else ""


def test_imports_run_one_way():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if inside.stem in TOPMOST and len(inside.parts) == 1:
            continue
        here = ORDER.index(inside.parts[0] if len(inside.parts) > 1 else "")
        for module, name in imported_modules(path.read_text(encoding="utf-8")):
            there = room(module, name)
            topmost = (module or name) in TOPMOST
            if topmost or ORDER.index(there) > here:
                wrong.append(f"{inside} imports {module or name}")
    assert not wrong, "\n".join(wrong)


def test_every_folder_is_small_and_every_file_can_be_read_in_one_sitting():
    for folder in [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]:
        files = [path for path in folder.iterdir() if path.suffix in (".py", ".js", ".css")]
        assert len(files) <= 16, folder
        for path in files:
            lines = path.read_text(encoding="utf-8").splitlines()
            assert len(lines) <= 450, f"{path} has {len(lines)} lines"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_from_the_face_of_the_package_in_at_most_eight_lines(path):
    import pix2pix_utils

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    sources = [source.replace("%matplotlib", "# %matplotlib") for source in sources]
    lines = [
        line
        for source in sources
        for line in source.splitlines()
        if line.lstrip().startswith(("from pix2pix_utils", "import pix2pix_utils"))
    ]
    assert len(lines) <= 8 + 1, lines  # one more: the set-up cell's
    for module, name in (found for source in sources for found in imported_modules(source)):
        face = pix2pix_utils
        for part in filter(None, module.split(".")):
            assert part in face.__all__, f"{module} is no public folder"
            face = getattr(face, part)
        assert name in face.__all__, (
            f"{name} is not in the public list of {module or 'the package'}"
        )
