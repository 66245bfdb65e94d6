"""The notebooks as they are committed: executed, whole, and of no one's machine."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 1_100_000  # bytes


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_is_executed_and_clean(path):
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert "widgets" not in book.metadata  # GitHub does not render them
    assert path.stat().st_size < LARGEST
    assert not re.search(r"/(root|home|Users|tmp|content)/", str(outputs))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_follows_the_profile_and_links_to_what_exists(path):
    book = nbformat.read(path, as_version=4)
    source = "\n".join(cell.source for cell in book.cells)
    assert 'os.environ.get("PIX2PIX_PROFILE", "demo")' in source
    for target in re.findall(r"\]\(([\w./-]+\.(?:ipynb|md|py))\)", source):
        assert (path.parent / target).exists(), target
    assert source.count("<details>") == source.count("</details>")
