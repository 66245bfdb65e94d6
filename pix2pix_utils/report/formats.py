"""Table rows as Markdown and LaTeX; a cell may contain any text."""

from collections.abc import Mapping, Sequence

_LATEX = str.maketrans(
    {
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
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
    }
)


def as_markdown(rows: Sequence[Mapping]) -> str:
    """Rows with the same keys as a Markdown table."""
    header = list(rows[0])
    lines = [header, ["---"] * len(header), *([row[key] for key in header] for row in rows)]
    cells = [[" ".join(str(cell).replace("|", r"\|").split()) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def as_latex(rows: Sequence[Mapping], caption: str, label: str) -> str:
    """Rows with the same keys as a LaTeX `table*` across two columns; needs no package."""
    header = list(rows[0])
    cells = [header, *([row[key] for key in header] for row in rows)]
    titles, *body = [" & ".join(latex_escape(str(c)) for c in line) + r" \\" for line in cells]
    lines = [
        r"\begin{table*}",
        r"\centering\scriptsize",
        rf"\caption{{{latex_escape(caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{'l' * len(header)}}}",
        r"\hline",
        titles,
        r"\hline",
        *body,
        r"\hline",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def latex_escape(text: str) -> str:
    """The text on one line with LaTeX's special characters escaped."""
    escaped = " ".join(text.split()).translate(_LATEX)
    return escaped.replace("--", "-{}-")  # keep the two hyphens of command-line options
