"""Table rows as Markdown, CSV and LaTeX; a cell may contain any text."""

import csv
import io
from collections.abc import Mapping, Sequence

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # \\[ at the end of a line would start an optional argument
    "]": "{]}",
}


def as_markdown(rows: Sequence[Mapping]) -> str:
    """Rows with the same keys as a Markdown table."""
    header = list(rows[0])
    lines = [_markdown_row(header), "|" + " --- |" * len(header)]
    lines += [_markdown_row([row[key] for key in header]) for row in rows]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Sequence) -> str:
    texts = (" ".join(str(cell).replace("|", "\\|").split()) for cell in cells)
    return "| " + " | ".join(texts) + " |"


def as_csv(rows: Sequence[Mapping]) -> str:
    """Rows with the same keys as comma-separated values."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_latex(rows: Sequence[Mapping], caption: str, label: str) -> str:
    """Rows with the same keys as a LaTeX `table*` across two columns; needs no package."""
    header = list(rows[0])
    lines = [
        r"\begin{table*}",
        r"\centering\scriptsize",
        rf"\caption{{{latex_escape(caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{'l' * len(header)}}}",
        r"\hline",
        _latex_row(header),
        r"\hline",
        *(_latex_row([row[key] for key in header]) for row in rows),
        r"\hline",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence) -> str:
    return " & ".join(latex_escape(str(cell)) for cell in cells) + r" \\"


def latex_escape(text: str) -> str:
    """The text on one line with LaTeX's special characters escaped."""
    escaped = "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
    return escaped.replace("--", "-{}-")  # keep the two hyphens of command-line options
