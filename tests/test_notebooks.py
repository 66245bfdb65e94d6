"""The notebooks as they are committed: executed, whole, and of no one's machine."""

import html
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 800_000  # bytes
LONGEST_CELL = 32  # lines
FIRST_SCREEN = 26  # lines of text and code, without those that are folded
START = NOTEBOOKS[0]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def set_up_cell(book) -> str:
    """The cell that finds or installs the package, without what badges write into it."""
    (source,) = (cell.source for cell in book.cells if "REPOSITORY, BRANCH" in cell.source)
    return re.sub(r'^(REPOSITORY, BRANCH) = "[^"]*", "[^"]*"', r"\1", source, flags=re.MULTILINE)


def markdown(book) -> str:
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


def pictures(output) -> list[str]:
    """The `img` elements of an output."""
    return re.findall(r"<img\b[^>]*>", output.get("data", {}).get("text/html", ""))


@each_notebook
def test_a_committed_notebook_is_executed_and_clean(path):
    book = read(path)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert "widgets" not in book.metadata  # GitHub does not render them
    assert path.stat().st_size < LARGEST
    assert not re.search(r"/(root|home|Users|tmp|content)/", str(outputs))


@each_notebook
def test_a_notebook_links_to_what_exists_and_closes_what_it_folds(path):
    source = "\n".join(cell.source for cell in read(path).cells)
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)", markdown(read(path))):
        assert (path.parent / target).exists(), target
    assert source.count("<details>") == source.count("</details>")
    numbers = {int(path.stem[:2]) for path in NOTEBOOKS}
    assert {int(n) for n in re.findall(r"\bnotebook (\d+)\b", source, re.IGNORECASE)} <= numbers


@each_notebook
def test_a_notebook_follows_the_profile(path):
    source = "\n".join(cell.source for cell in read(path).cells)
    assert 'os.environ.get("PIX2PIX_PROFILE", "demo")' in source


@each_notebook
def test_the_set_up_cell_is_the_same_everywhere_and_short(path):
    book = read(path)
    assert set_up_cell(book) == set_up_cell(read(START))
    assert len(set_up_cell(book).splitlines()) <= LONGEST_CELL
    first = next(cell for cell in book.cells if cell.cell_type == "code")
    assert "REPOSITORY, BRANCH" in first.source


@each_notebook
def test_the_first_screen_has_a_picture_and_the_set_up_is_folded(path):
    lines = 0
    for cell in read(path).cells:
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if cell.source.startswith("%matplotlib") or "REPOSITORY, BRANCH" in cell.source:
            assert folded, cell.source
        if any(pictures(output) for output in cell.get("outputs", [])):
            break
        lines += 0 if folded else len(cell.source.splitlines())
    assert lines <= FIRST_SCREEN


@each_notebook
def test_every_picture_in_the_text_says_what_it_shows(path):
    text = markdown(read(path))
    for alternative in re.findall(r"!\[([^\]]*)\]\(", text):
        assert len(alternative) > 10, alternative
    for tag in re.findall(r"<img\b[^>]*>", text):
        assert re.search(r'\balt="[^"]{10,}"', tag), tag


@each_notebook
def test_every_figure_says_what_it_shows(path):
    """JupyterLab and nbconvert give no text alternative to outputs of the kind image/png."""
    figures, alternatives = 0, []
    for cell in read(path).cells:
        written = "".join(re.findall(r'"(.*?)"', cell.source.partition(".described_as(")[2]))
        for output in cell.get("outputs", []):
            assert not any(kind.startswith("image/") for kind in output.get("data", {})), cell.id
            for tag in pictures(output):
                alternative = html.unescape(re.search(r'\balt="([^"]*)"', tag)[1])
                assert len(alternative) > 40, cell.id
                assert alternative.startswith(written), cell.id
                assert output.data["text/plain"] == alternative
                figures += 1
                alternatives.append(alternative)
    assert figures >= 1
    assert len(set(alternatives)) == figures  # no two of a notebook are the same


@each_notebook
def test_cells_can_be_read_without_scrolling(path):
    for cell in read(path).cells:
        if cell.cell_type == "code" and not cell.source.startswith("%matplotlib"):  # imports
            assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source


def test_the_first_notebook_maps_the_course_and_trains_nothing():
    book = read(START)
    text = markdown(book)
    for path in NOTEBOOKS[1:]:
        assert f"]({path.name})" in text, path.name
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    assert not re.search(r"train\w*\(", code)
