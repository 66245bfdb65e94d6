"""The report as one self-contained HTML page: no scripts, and nothing loaded from elsewhere."""

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pix2pix_utils.report.pictures import Picture
from pix2pix_utils.report.tables import Table

PAINT_PAGE = "paint.html"  # a page of `export --web` beside the report
_INTERVAL = re.compile(r"\[[-+\d., ]+\]")


def build_page(
    title: str,
    introduction: Sequence[str],
    sections: Mapping[str, Sequence[Table | Picture]],
    folder: Path,
) -> str:
    """The page; `sections` maps headings to their parts, and `folder` has the pictures' files.

    If `PAINT_PAGE` lies in that folder, too, the page links to it.
    """

    def data_uri(name: str) -> str:
        encoded = base64.b64encode((folder / name).read_bytes()).decode("ascii")
        return f"data:image/{name.rpartition('.')[2]};base64,{encoded}"

    environment = Environment(
        loader=PackageLoader("pix2pix_utils", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "interval": _unbroken}
    page = environment.get_template("page.html")
    paint = PAINT_PAGE if (folder / PAINT_PAGE).is_file() else None
    return page.render(title=title, introduction=introduction, sections=sections, paint=paint)


def _unbroken(cell: object) -> Markup:
    """A cell whose intervals, such as [0.1, 0.2], do not break across lines."""
    span = r'<span class="interval">\g<0></span>'
    return Markup(_INTERVAL.sub(span, str(escape(str(cell)))))
