"""A notebook as one Markdown page with its stored outputs, made by nbconvert."""

import ast
import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets.config import Config

TEMPLATE = Path(__file__).with_name("notebook_template.md")
COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_NOTE = (
    "*In the running notebook, this cell shows controls. The figures above show what they do.*"
)
# Markdown would read these in a description of a picture as its own signs
SIGNS = re.compile(r"[\\`*_{}\[\]<>$|#&!~]")


def as_markdown(path: Path) -> tuple[str, dict[str, bytes]]:
    """The page of a notebook, and its pictures by their names beside the page.

    Code whose cell is hidden in JupyterLab is folded, and so is a section whose heading is
    collapsed there. A cell with controls has a note in their place. Each picture has the text
    alternative of its output, or else names the section that it is in.
    """
    book = nbformat.read(path, as_version=4)
    heading = ""
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = COMMENT.sub("", cell.source)
            headings = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)
            heading = headings[-1] if headings else heading
        elif cell.cell_type == "code":
            _replace_controls(cell)
            for output in cell.outputs:
                _describe(output, f"Figure of the section “{heading}”")
    config = Config()
    config.MarkdownExporter.filters = {"plain": _plain}
    exporter = MarkdownExporter(config=config, raw_template=TEMPLATE.read_text(encoding="utf-8"))
    names = {"unique_key": path.stem, "output_files_dir": path.stem}
    text, resources = exporter.from_notebook_node(book, resources=names)
    return text, dict(resources["outputs"])


def _replace_controls(cell: NotebookNode) -> None:
    """Put a note in the place of controls, which are stored either as nothing or as a stand-in."""
    kept = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    shown = len(kept) < len(cell.outputs) or (not kept and _shows_its_last_line(cell.source))
    if shown:
        kept.append(new_output("display_data", {"text/markdown": WIDGET_NOTE}))
    cell.outputs = kept


def _shows_its_last_line(source: str) -> bool:
    """Whether a cell ends with an expression whose value Jupyter would show."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # such as a cell with %magics
        return False
    return bool(statements) and isinstance(statements[-1], ast.Expr)


def _describe(output: NotebookNode, otherwise: str) -> None:
    for kind in ("image/png", "image/jpeg", "image/svg+xml"):
        if kind in output.get("data", {}):
            details = output.metadata.setdefault(kind, NotebookNode())
            details.setdefault("alt", otherwise)


def _plain(text: str) -> str:
    """A text on one line in which Markdown finds nothing to format."""
    return SIGNS.sub(r"\\\g<0>", " ".join(text.split()))
