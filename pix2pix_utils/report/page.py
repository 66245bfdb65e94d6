"""The report as one HTML page that needs nothing beside it: no network, no script, no other file.

Every text passes through `escape`; what a run, a class or a file is called can change nothing.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from pix2pix_utils.report.tables import Table

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1.25rem 4rem; background: #fff;
  color: #1a1a1a; font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 1rem 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid #bbb; }
a { color: #00508a; }
nav ul { columns: 16rem; padding-left: 1.2rem; }
.scroll { overflow-x: auto; margin: 1rem 0 .25rem; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
caption, figcaption, .note { color: #444; font-size: .85rem; text-align: left; }
caption { padding-bottom: .4rem; max-width: 60rem; }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid #ddd; }
thead th { border-bottom: 2px solid #444; }
tbody th { font-weight: 600; min-width: 7rem; max-width: 16rem; }
td { max-width: 20rem; }
.interval { white-space: nowrap; color: #444; }
figure { margin: 1.25rem 0 2rem; }
figure img { max-width: 100%; height: auto; }
summary { cursor: pointer; font-weight: 600; }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 6.5pt; }
  th, td { padding: .1rem .25rem; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  details { display: none; }
}
"""
# the page may show its own pictures and style, and load nothing
_INTERVAL = re.compile(r"\[[-+\d., ]+\]")
_WHOLE = r'<span class="interval">\g<0></span>'  # an interval is not broken over lines
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Shown:
    """A picture of the page: its file, and the words around it."""

    name: str
    title: str
    path: Path  # .png or .gif
    caption: str
    alternative: str
    still: Path | None = None  # shown in its place to readers who want no movement


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    parts: Sequence[Table | Shown]


def build_page(title: str, introduction: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole page."""
    contents = "".join(
        f'<li><a href="#part-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections)
    )
    body = "\n".join(_section(number, section) for number, section in enumerate(sections))
    words = "\n".join(f"<p>{escape(text)}</p>" for text in introduction)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{words}
</header>
<nav aria-label="Contents"><ul>{contents}</ul></nav>
<main>
{body}
</main>
</body>
</html>
"""


def _section(number: int, section: Section) -> str:
    parts = [_table(p) if isinstance(p, Table) else _picture(p) for p in section.parts]
    heading = f'<h2 id="part-{number}">{escape(section.title)}</h2>'
    return "\n".join(["<section>", heading, *parts, "</section>"])


def _table(table: Table) -> str:
    header = list(table.rows[0])
    head = "".join(f'<th scope="col">{escape(key)}</th>' for key in header)
    rows = "\n".join(_row([row[key] for key in header]) for row in table.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(table.title)}">'
        f"<table>\n<caption><b>{escape(table.title)}.</b> {escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>{notes}"
    )


def _row(cells: Iterable) -> str:
    first, *rest = (escape(str(cell)) for cell in cells)
    values = "".join(f"<td>{_INTERVAL.sub(_WHOLE, cell)}</td>" for cell in rest)
    return f'<tr><th scope="row">{first}</th>{values}</tr>'


def _picture(shown: Shown) -> str:
    image = f'<img src="{_data(shown.path)}" alt="{escape(shown.alternative)}">'
    if shown.still:
        calm = f'<source media="(prefers-reduced-motion: reduce)" srcset="{_data(shown.still)}">'
        image = f"<picture>{calm}{image}</picture>"
    caption = f"<figcaption><b>{escape(shown.title)}.</b> {escape(shown.caption)}</figcaption>"
    figure = f"<figure>{image}{caption}</figure>"
    if shown.still:  # a reader can stop what moves by closing it
        return f"<details><summary>{escape(shown.title)}</summary>{figure}</details>"
    return figure


def _data(path: Path) -> str:
    kind = path.suffix.removeprefix(".")
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def settings_table(settings: Mapping, caption: str) -> Table:
    rows = [{"setting": key, "value": str(value)} for key, value in settings.items()]
    return Table("protocol", "Configuration", rows, caption)
