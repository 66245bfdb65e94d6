"""The static site, written by Sphinx with the theme Furo: contents, search, light and dark."""

import io
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from pix2pix_utils.course.book.pages import Pages, collect
from pix2pix_utils.errors import UserError

COLOUR = re.compile(r"\x1b\[[\d;]*m")
MARK = ".buildinfo"  # a file that Sphinx writes into every site
STATIC = Path(__file__).with_name("static")
OWN_PAGES = {  # of `report` and `export --web`; with what the first page says of them
    "index.html": (
        '<a href="{}">The report</a>: tables, figures and findings of the runs that were made '
        "with this course ({:.0f} MB)."
    ),
    "paint.html": (
        '<a href="{}">Paint a street</a>: a trained network turns your label map into a photo, '
        "here in the browser ({:.0f} MB)."
    ),
}
SETTINGS = {
    "extensions": [
        "myst_parser",
        "sphinx.ext.githubpages",
        "pix2pix_utils.course.book.sphinx_parts",
    ],
    "language": "en",
    "myst_enable_extensions": ["dollarmath", "attrs_block"],
    "myst_heading_anchors": 4,
    # what Jupyter and GitHub show as text is no sign of MyST
    "myst_disable_syntax": ["myst_line_comment", "myst_target", "myst_role", "myst_block_break"],
    "html_math_renderer": "mathml",
    "html_theme": "furo",
    "html_static_path": [str(STATIC)],
    "pygments_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "html_copy_source": False,
    "html_use_index": False,
    "html_show_copyright": False,
}


@dataclass(frozen=True)
class Site:
    """A site that has been written: its folder, its HTML pages, and its size in bytes."""

    folder: Path
    pages: list[Path]
    size: int


def write_book(output: Path, project: Path, report: Path) -> Site:
    """Write the course into the folder `output` as a site that any web server can serve.

    The pages are those of the `project`; the HTML files in the folder `report` are copied to
    `report/` and linked, where they exist. The site replaces one that an earlier call wrote.
    Raises UserError if the folder holds something else, if a link of the project leads nowhere, and
    for anything that Sphinx warns of; then `output` is as it was.
    """
    if (
        output.exists()
        and not (output / MARK).is_file()
        and (not output.is_dir() or any(output.iterdir()))
    ):
        raise UserError(f"{output} is neither empty nor a site of this command: name another")
    own = {f"report/{name}": report / name for name in OWN_PAGES if (report / name).is_file()}
    pages = collect(project, own.keys())
    introduction = pages.texts.get("README.md", "# The course\n").split("\n## ")[0]
    pages.texts["index.md"] = _first_page(introduction, pages, own)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".book-", dir=output.parent) as folder:
        temporary = Path(folder)
        pages.write(temporary / "source")
        title = introduction.partition("\n")[0].lstrip("# ")
        _run_sphinx(temporary, title)
        site = temporary / "site"
        for name, path in own.items():
            (site / name).parent.mkdir(exist_ok=True)
            shutil.copy(path, site / name)
        if output.exists():
            output.rename(temporary / "earlier")
        site.rename(output)
    files = [path for path in output.rglob("*") if path.is_file()]
    html = sorted(path for path in files if path.suffix == ".html")
    return Site(output, html, sum(path.stat().st_size for path in files))


def _run_sphinx(folder: Path, title: str) -> None:
    """Write `folder`/site from `folder`/source; raises UserError with the first warning."""
    settings = SETTINGS | {"project": title, "html_title": title}
    lines = (f"{name} = {value!r}\n" for name, value in settings.items())
    source = folder / "source"
    (source / "conf.py").write_text("".join(lines), encoding="utf-8")
    warnings = io.StringIO()
    with docutils_namespace():
        app = Sphinx(
            source, source, folder / "site", folder / "doctrees", "html",
            status=None, warning=warnings, freshenv=True,
        )  # fmt: skip
        app.build()
    faults = COLOUR.sub("", warnings.getvalue()).replace(f"{source}/", "").splitlines()
    if faults:
        raise UserError(f"the site has {len(faults)} faults; the first is {faults[0]}")


def _first_page(introduction: str, pages: Pages, own: dict[str, Path]) -> str:
    """The introduction of the README, and the contents."""
    names = sorted(pages.texts)
    notebooks = [name for name in names if re.fullmatch(r"notebooks/[^/]*", name)]
    teaching = [name for name in names if name.startswith("notebooks/teaching/")]
    others = [
        name
        for name in names
        if name not in {*notebooks, *teaching} and not pages.texts[name].startswith("---")
    ]
    links = [
        "- " + OWN_PAGES[path.name].format(name, path.stat().st_size / 1e6)
        for name, path in own.items()
    ]
    return "\n\n".join(
        [
            "---\nnosearch: true\n---",  # the README has the same words
            introduction,
            "On these pages the notebooks have the outputs that they were saved with. To run them, "
            "to move their controls and to check your answers, get the project; its "
            "[README](README.md) says how.",
            "\n".join(links),
            _contents("The notebooks", notebooks),
            _contents("For teaching", teaching),
            _contents("The project", others),
        ]
    )


def _contents(caption: str, names: list[str]) -> str:
    """A part of the contents; nothing if no page is in it."""
    entries = "\n".join(name.removesuffix(".md") for name in names)
    # its own title is that of the first page
    entries = re.sub(r"^README$", "README <README>", entries, flags=re.MULTILINE)
    return f"```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n\n{entries}\n```" if names else ""
