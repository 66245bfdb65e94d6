"""Numbers that the notebooks' text takes from outputs are still in those outputs.

A comment behind a sentence, which no reader sees, names the cell and the numbers:

    The network reaches 0.41 after 2 of 5 epochs. <!-- from train-cell: 0.41, 2, 5 -->

Each number must stand in the text since the comment before it, and in what the cell has printed
(streams, tables, values; figures are not read). Where a new run prints another number, the test
fails until somebody has read the sentence again.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
SOURCE = re.compile(r"\s*from\s+([\w-]+):\s+([^:]+)")
NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d[\d,]*\d|\d)?\.?\d+(?:e-?\d+)?(?!\.?\d)")


def numbers_in(text: str) -> set[str]:
    """All numbers of a text, written alike: `.5` as `0.5`, `1,000` as `1000`, no plus sign."""
    return {as_written(found) for found in NUMBER.findall(text.replace("\N{MINUS SIGN}", "-"))}


def as_written(number: str) -> str:
    number = number.strip().lstrip("+").replace(",", "")
    return re.sub(r"^(-?)\.", r"\g<1>0.", number)


def printed(cell) -> str:
    """What a code cell has printed or displayed as text."""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        parts += [output.get("text", ""), data.get("text/markdown", "")]
        if not any(kind.startswith("image/") for kind in data) and "text/markdown" not in data:
            parts.append(data.get("text/plain", ""))
    return "\n".join(parts)


def stale_numbers(book) -> list[str]:
    """One complaint for each number that is not where its comment says."""
    complaints = []
    cells = {cell.id: cell for cell in book.cells if cell.cell_type == "code"}
    for cell in book.cells:
        if cell.cell_type != "markdown":
            continue
        start = 0
        for comment in COMMENT.finditer(cell.source):
            sentence = COMMENT.sub("", cell.source[start : comment.start()])
            start = comment.end()
            found = SOURCE.fullmatch(comment[1].rstrip())
            if found is None or found[1] not in cells:
                complaints.append(f"{comment[0]} names no cell, or no numbers")
                continue
            for number in map(as_written, re.split(r",\s+", found[2])):
                if number not in numbers_in(sentence):
                    complaints.append(f"{number} is not in the text before {comment[0]}")
                if number not in numbers_in(printed(cells[found[1]])):
                    complaints.append(f"{number} is not in the output of {found[1]}: {sentence}")
    return complaints


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_text_says_what_the_outputs_say(path):
    assert not stale_numbers(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_have_names_of_their_own(path):
    names = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    assert len(names) == len(set(names))


def notebook(text: str, *outputs: str):
    streams = [new_output("stream", name="stdout", text=output) for output in outputs]
    return new_notebook(
        cells=[new_code_cell(id="scores", outputs=streams), new_markdown_cell(text, id="text")]
    )


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("It has 0.41. <!-- from scores: 0.41 -->", "SSIM 0.41\n"),
        ("It has .41 at 43 %. <!-- from scores: .41, 43 -->", "SSIM 0.41 at 43%\n"),
        ("From -0.25 to 1,060. <!-- from scores: -0.25, 1,060 -->", "[-0.25, 1060]"),
        ("Gains +0.025.\n<!--\nfrom scores: 0.025\n-->", "| +0.025 [+0.023, +0.028] |"),
        ("It ends at 5. <!-- from scores: 5 -->", "after epoch 5."),
        ("One 1.<!-- from scores: 1 --> Two 2. <!-- from scores: 2 -->", "1 2"),
    ],
)
def test_a_number_that_was_printed_is_accepted(text, output):
    assert stale_numbers(notebook(text, output)) == []


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("It has 0.41. <!-- from scores: 0.41 -->", "SSIM 0.42\n"),  # a run moved it
        ("It has 0.41. <!-- from scores: 0.41 -->", "SSIM 0.417\n"),
        ("It has 0.41. <!-- from scores: 0.41 -->", "SSIM 10.41\n"),
        ("It has 1. <!-- from scores: 1 -->", "SSIM 0.1\n"),
        ("It loses -0.2. <!-- from scores: -0.2 -->", "0.2\n"),
        ("It has 0.42. <!-- from scores: 0.41 -->", "SSIM 0.41\n"),  # the text was changed
        ("It has 0.41. <!-- from score: 0.41 -->", "SSIM 0.41\n"),
        ("It has 0.41. <!-- scores 0.41 -->", "SSIM 0.41\n"),
        ("One 1.<!-- from scores: 1 --> Two. <!-- from scores: 1 -->", "1"),
    ],
)
def test_a_number_that_moved_or_a_wrong_comment_is_found(text, output):
    assert len(stale_numbers(notebook(text, output))) == 1
