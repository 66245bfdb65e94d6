"""The notebooks' core paths: what is folded, what never is, and the picture that comes first."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.folding import FOLDED, core_path, folds, level

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
HEADING = re.compile(r"#{2,3} (?:\d+\. )?Going further: .+")
HOW = "click the\narrow beside the heading"
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


@each_notebook
def test_exactly_the_sections_called_going_further_are_folded(path):
    book = read(path)
    called = {cell.id for cell in book.cells if re.search("^#+ .*Going further", cell.source, re.M)}
    assert called == {cell.id for cell in book.cells if FOLDED in cell.metadata} == set(folds(book))
    cells = {cell.id: cell for cell in book.cells}
    for heading, hidden in folds(book).items():
        assert HEADING.fullmatch(cells[heading].source)  # nothing below a folded heading is lost
        assert hidden


@each_notebook
def test_what_every_reader_needs_is_not_folded(path):
    book = read(path)
    hidden = {name for names in folds(book).values() for name in names}
    for cell in book.cells:
        needed = {"parameters", "exercise", "check"} & set(cell.metadata.get("tags", []))
        needed |= {
            word for word in ("Takeaways", "Exercises", "References") if f"## {word}" in cell.source
        }
        if needed or "<summary>Solution" in cell.source or "REPOSITORY, BRANCH" in cell.source:
            assert cell.id not in hidden
    assert "<img alt=" in str([cell.get("outputs") for cell in core_path(book)])


@each_notebook
def test_the_opening_says_once_how_to_unfold(path):
    book = read(path)
    told = [index for index, cell in enumerate(book.cells) if HOW in cell.source]
    assert len(told) == 1
    assert told[0] < min(index for index, cell in enumerate(book.cells) if cell.id in folds(book))


def number_before_a_picture(book) -> str | None:
    """The text or output with a number that a reader meets before the first picture, if any.

    The numbers of the notebook and of others that the text names do not count, nor does what the
    set-up cell prints, the package's version.
    """
    for cell in book.cells:
        if cell.cell_type == "markdown":
            text, picture, _ = cell.source.partition("![")
            plain = re.sub(r"^# \d+|\bnotebook \d+|`[^`]*`", "", text, flags=re.MULTILINE)
            if re.search(r"\d", plain):
                return text
            if picture:
                return None
        elif "REPOSITORY, BRANCH" not in cell.source:
            for output in cell.outputs:
                data = output.get("data", {})
                if "<img " in data.get("text/html", ""):
                    return None
                text = output.get("text", "") + data.get("text/markdown", "")
                if re.search(r"\d", text or data.get("text/plain", "")):
                    return text
    return "no picture"


@each_notebook
def test_a_picture_comes_before_the_first_number(path):
    assert number_before_a_picture(read(path)) is None


def test_a_fold_ends_at_the_next_heading_of_its_level():
    folded = new_markdown_cell("### Going further: x", id="fold", metadata={FOLDED: True})
    cells = [
        new_markdown_cell("# A title\n\n## A section", id="title"),
        folded,
        new_code_cell("1", id="hidden"),
        new_markdown_cell("#### Still in it\n\n```text\n# not a heading\n```", id="below"),
        new_markdown_cell("The end of it.\n\n## Next", id="next"),
        new_code_cell("2", id="shown"),
        new_code_cell("answer_1 = ...", id="stub", metadata={"tags": ["exercise"]}),
        new_code_cell('course.check("02.1", answer_1)', id="check"),
        new_markdown_cell("## References", id="references"),
    ]
    book = new_notebook(cells=cells)
    assert [level(cell) for cell in cells[:5]] == [1, 3, 7, 4, 2]
    assert folds(book) == {"fold": ["hidden", "below"]}
    assert [cell.id for cell in core_path(book)] == ["title", "fold", "next", "shown"]
    assert [cell.id for cell in core_path(book, ["02.1"])[4:]] == ["stub", "check"]


@pytest.mark.parametrize(
    ("first", "allowed"),
    [
        (new_markdown_cell("# 3 · A title\n\nAs in notebook 2, `SEED = 0`."), True),
        (new_markdown_cell("It has 600 pairs."), False),
        (new_markdown_cell("![A street](../street.png)\n\nIt has 600 pairs."), True),
        (new_code_cell("1", outputs=[new_output("stream", text="SSIM 0.4\n")]), False),
        (
            new_code_cell("1", outputs=[new_output("display_data", {"text/markdown": "| 1 |"})]),
            False,
        ),
        (new_code_cell("seed = 1"), True),
    ],
)
def test_a_number_before_the_picture_is_found(first, allowed):
    shown = {"text/html": '<img alt="1" src="data:image/png;base64,aGVsbG8=">'}
    picture = new_code_cell("1", outputs=[new_output("display_data", shown)])
    assert (number_before_a_picture(new_notebook(cells=[first, picture])) is None) == allowed
    assert number_before_a_picture(new_notebook(cells=[])) == "no picture"
