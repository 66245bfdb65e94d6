"""Slides for a lecture, taken from the notebooks by lists of cells.

Each session of the course has a list, `notebooks/teaching/session-N.toml`: its notebooks and
exercises, and which figures, pieces of code and paragraphs go on its slides. So the notebooks need
no tags for slides, and a deck always shows the outputs that they have.
nbconvert makes the pages, and reveal.js turns them.
"""

import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import SlidesExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import write_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REVEAL = "https://unpkg.com/reveal.js@4.6.1"
SCRIPTS = ("dist/reveal.js", "plugin/notes/notes.js")
STYLES = ("dist/reveal.css",)
TEMPLATE = Path(__file__).with_name("slides.html")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Slide:
    """One slide: a title, then text, then what a cell of a notebook shows.

    `cell` is the number of a notebook and the id of a cell, such as "01/class-shares". `show` says
    which side of a code cell is meant, "output" or "code". `part` is the beginning of a line in a
    Markdown cell: the slide has the text from there to the next heading, bold paragraph or folded
    solution. `notes` is for the speaker's view.
    """

    title: str
    text: str = ""
    cell: str = ""
    show: str = "output"
    part: str = ""
    notes: str = ""


def write_decks(teaching: Path, output: Path, reveal: Path | None = None) -> list[Path]:
    """Write one HTML file of slides for each `session-*.toml` in the folder `teaching`.

    The notebooks lie in the folder above it. `reveal` is the unpacked npm package reveal.js, which
    is then copied into each file, so that it needs no network; without it, the files load it from
    unpkg.com. Returns the files written. Raises UserError for a list that names what does not
    exist, before any file is written, and for a folder without reveal.js.
    """
    sessions = sorted(teaching.glob("session-*.toml"))
    if not sessions:
        raise UserError(f"there are no lists of slides (session-*.toml) in {teaching}")
    library = _library(reveal)
    pages = {path: _page(compose(path, teaching.parent), library) for path in sessions}
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for path, page in pages.items():
        written.append(output / f"{path.stem}.html")
        write_text(written[-1], page)
    return written


def compose(session: Path, notebooks: Path) -> NotebookNode:
    """The notebook that has a session's slides as cells, with the metadata that nbconvert reads.

    Raises UserError if the list is not valid or names a notebook, a cell or a part that is not
    there.
    """
    try:
        content = tomllib.loads(session.read_text(encoding="utf-8"))
        title, entries = content["title"], content["slide"]
        slides = [Slide(**entry) for entry in entries]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        known = ", ".join(field.name for field in fields(Slide))
        raise UserError(
            f"{session} is not a list of slides ({error}): it needs a title and [[slide]] tables "
            f"with a title and any of {known}"
        ) from None
    books: dict[str, dict[str, NotebookNode]] = {}
    cells = []
    for number, slide in enumerate(slides, start=1):
        try:
            shown = _shown(slide, notebooks, books) if slide.cell else None
        except UserError as error:
            raise UserError(f"{session.name}, slide '{slide.title}': {error}") from None
        heading = "#" if number == 1 else "##"
        cells.append(new_markdown_cell(f"{heading} {slide.title}\n\n{slide.text}"))
        kinds = ["slide"]
        if shown is not None:
            cells.append(shown)
            kinds.append("-")
        if slide.notes:
            cells.append(new_markdown_cell(slide.notes))
            kinds.append("notes")
        for kind, cell in zip(kinds, cells[-len(kinds) :], strict=True):
            cell.metadata["slideshow"] = {"slide_type": kind}
            cell.id = f"slide-{number}-{'shown' if kind == '-' else kind}"
    return new_notebook(cells=cells, metadata={"title": title})


def _shown(
    slide: Slide, notebooks: Path, books: dict[str, dict[str, NotebookNode]]
) -> NotebookNode:
    """A copy of the slide's cell with only what the slide shows of it."""
    number, _, name = slide.cell.partition("/")
    if number not in books:
        paths = list(notebooks.glob(f"{number}_*.ipynb"))
        if len(paths) != 1:
            raise UserError(f"there is no notebook {number} in {notebooks}")
        book = nbformat.read(paths[0], as_version=4)
        books[number] = {cell.id: cell for cell in book.cells}
    if name not in books[number]:
        raise UserError(f"notebook {number} has no cell '{name}'")
    cell = nbformat.from_dict(books[number][name])
    cell.metadata = NotebookNode(
        title=slide.title
    )  # says what a figure shows, if nothing else does
    if cell.cell_type == "markdown":
        cell.source = _part(COMMENT.sub("", cell.source), slide.part)
    elif slide.show == "code":
        cell.outputs = []
    elif slide.show == "output":
        if not cell.outputs:
            raise UserError(f"the cell '{slide.cell}' has no output: run its notebook first")
        cell.metadata["tags"] = ["output-only"]
    else:
        raise UserError(f"show is '{slide.show}', but it must be 'output' or 'code'")
    return cell


def _part(source: str, start: str) -> str:
    """The lines from the one that begins with `start` to the end of that part, without a heading.

    The whole source if `start` is empty; raises UserError if no line begins like that.
    """
    if not start:
        return source
    lines = source.splitlines()
    first = next((k for k, line in enumerate(lines) if line.startswith(start)), None)
    if first is None:
        raise UserError(f"its cell has no line that begins with '{start}'")
    ends = ("#", "**", "<details")
    last = first + 1
    while last < len(lines) and not lines[last].startswith(ends):
        last += 1
    return "\n".join(lines[first + start.startswith("#") : last]).strip()


def _library(folder: Path | None) -> dict[str, Any]:
    """reveal.js for the template: the text of its files, or their addresses."""
    if folder is None:
        return {
            "scripts": [f"{REVEAL}/{name}" for name in SCRIPTS],
            "styles": [f"{REVEAL}/{name}" for name in STYLES],
        }
    for name in (*SCRIPTS, *STYLES):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} is not reveal.js, since it has no {name}: unpack what "
                f"`npm pack {REVEAL.rpartition('/')[2]}` downloads, and name the folder `package`"
            )
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (*SCRIPTS, *STYLES)}
    return {
        "embedded": True,  # "</script" in a script would end it
        "scripts": [texts[name].replace("</script", r"<\/script") for name in SCRIPTS],
        "styles": [texts[name] for name in STYLES],
    }


def _page(book: NotebookNode, library: dict[str, Any]) -> str:
    config = Config()
    config.TagRemovePreprocessor.remove_input_tags = {"output-only"}
    config.SlidesExporter.exclude_input_prompt = True
    config.SlidesExporter.exclude_output_prompt = True
    exporter = SlidesExporter(config=config, raw_template=TEMPLATE.read_text(encoding="utf-8"))
    exporter.register_preprocessor(TagRemovePreprocessor(config=config), enabled=True)
    page, _ = exporter.from_notebook_node(book, resources={"library": library})
    return page
