"""The course as a web site: what its pages show, and that none of its links leads nowhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

pytest.importorskip("furo", reason="the site needs the extra `book`")
pytest.importorskip("math_core", reason="the site needs the extra `book`")
pytest.importorskip("myst_parser", reason="the site needs the extra `book`")

from pix2pix_utils.__main__ import main
from pix2pix_utils.course.book import site, write_book
from pix2pix_utils.errors import UserError
from pix2pix_utils.report.page import PAINT_PAGE

PROJECT = Path(__file__).parents[2]
PIXEL = (  # a PNG of one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


class Page(HTMLParser):
    """The parts of a page that the tests ask for."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self.alternatives: list[str] = []
        self.headings: list[int] = []
        self.words: list[str] = []
        self.open_folds = 0
        self.folded_words: list[str] = []
        self.language = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.links += [(tag, found[key]) for key in ("href", "src") if key in found]
        self.names |= {found["id"]} if "id" in found else set()
        if tag == "html":
            self.language = found["lang"]
        if tag == "img":
            self.alternatives.append(found.get("alt") or "")
        if tag == "details":
            assert "open" not in found
            self.open_folds += 1
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        self.open_folds -= tag == "details"

    def handle_data(self, data):
        (self.folded_words if self.open_folds else self.words).append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    @property
    def folded(self) -> str:
        return " ".join("".join(self.folded_words).split())


def faults(folder: Path) -> list[str]:
    """Dead links, what is loaded from elsewhere, headings out of order, pictures without text."""
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for tag, link in page.links:
            parts = urlsplit(link)
            if parts.scheme == "data":  # a picture that is in the page itself
                continue
            if parts.scheme or parts.netloc:
                found += [f"{path.name} loads {link}"] if tag != "a" else []
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[there].names if there in pages else set()
            if not there.is_file() or (there in pages and parts.fragment not in {"", *known}):
                found.append(f"{path.name} links to {link}")
        steps = zip(page.headings, page.headings[1:], strict=False)
        by_script = path.name == "search.html"  # which writes its heading in the browser
        jumps = any(lower - upper > 1 for upper, lower in steps)
        if jumps or page.headings.count(1) != (not by_script):
            found.append(f"{path.name} has headings {page.headings}")
        if not all(page.alternatives) or page.language != "en" or page.open_folds:
            found.append(f"{path.name} lacks a text, its language or the end of a fold")
    return found


def found_by_search(folder: Path, word: str) -> set[str]:
    """The pages that Sphinx's index names for a word, which must be its own stem."""
    script = (folder / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(script.removeprefix("Search.setIndex(").removesuffix(")"))
    found = [index[where].get(word, []) for where in ("terms", "titleterms")]
    numbers = [one if isinstance(one, list) else [one] for one in found]
    return {index["docnames"][k] for k in (*numbers[0], *numbers[1])}


def test_the_course_becomes_a_site_without_a_fault(tmp_path):
    written = write_book(tmp_path / "book", PROJECT, tmp_path / "no-report")
    assert faults(tmp_path / "book") == []
    notebooks = sorted(path.stem for path in (PROJECT / "notebooks").glob("*.ipynb"))
    pages = [tmp_path / "book" / "notebooks" / f"{name}.html" for name in notebooks]
    assert {*pages, tmp_path / "book" / "index.html"} <= {*written.pages}
    for path in pages:
        html, page = path.read_text(encoding="utf-8"), Page(path)
        assert "<!-- from" not in html and "widget-view" not in html
        solutions = (PROJECT / "notebooks" / f"{path.stem}.ipynb").read_text(encoding="utf-8")
        folds = "<details><summary>Solution</summary>"
        assert html.count(folds) == solutions.count(folds) > 0
        assert "REPOSITORY" in page.folded and "REPOSITORY" not in page.text  # the set-up cell
        assert "$" not in re.sub(r"<pre>.*?</pre>|<code.*?</code>", "", html, flags=re.DOTALL)
    assert "notebooks/02_baseline_training" in found_by_search(tmp_path / "book", "patchgan")
    assert written.size < 20e6


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one notebook, a README and a file of code."""
    files = {
        "README.md": "# A course\n\nAbout it.\n\n## More\n\n[Code](pix2pix_utils/__init__.py)\n",
        "pix2pix_utils/__init__.py": "answer = 42\n",
        "data/README.md": "# Data\n\n## Where it is\n\nHere.\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIX2PIX_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def write_notebook(project, *cells):
    cells = [new_markdown_cell("# 0 · A title"), *cells]
    nbformat.write(new_notebook(cells=cells), project / "notebooks" / "00_first.ipynb")


def picture(**metadata):
    return new_output("display_data", {"image/png": PIXEL}, metadata=metadata)


def test_a_notebook_is_shown_with_its_outputs_as_the_command_promises(project, capsys):
    write_notebook(
        project,
        new_markdown_cell("## Scores <!-- from scores: 1 -->\n\nA formula: $x^2$.\n% no comment"),
        new_code_cell(
            "print(1)", outputs=[picture(**{"image/png": {"alt": "Bars: *a* over [b]"}}), picture()]
        ),
        new_code_cell("widgets.browser(data)"),
        new_code_cell("secret = 7", metadata={"jupyter": {"source_hidden": True}}),
        new_markdown_cell("## Further", metadata={"jp-MarkdownHeadingCollapsed": True}),
        new_markdown_cell("Hidden words.\n\n### Deeper\n\nDeep words."),
        new_markdown_cell(
            "## Last\n\n<details><summary>Solution</summary>\n\n```python\nx = 8\n```\n</details>"
            "\n\n"
            "[There](../data/README.md#where-it-is), [as in Jupyter](../README.md#More), "
            "[above](#Deeper), [paint](<../report/paint.html>), "
            "[![Open](https://example.org/badge.svg)](https://example.org/)"
        ),
    )
    (project / "output" / "report").mkdir(parents=True)
    (project / "output" / "report" / "paint.html").write_text(
        "<!DOCTYPE html><html lang='en'><h1>Paint</h1></html>", encoding="utf-8"
    )
    assert main(["book", "--output", "book"]) == 0
    assert "pages" in capsys.readouterr().out
    assert faults(project / "book") == []
    page = Page(project / "book" / "notebooks" / "00_first.html")
    assert page.alternatives == ["Bars: *a* over [b]", "Figure of the section “Scores”"]
    for shown in (
        "print(1)",
        "this cell shows controls",
        "% no comment",
        "Further",
        "Last",
        "Open",
    ):
        assert shown in page.text
    for folded in ("secret = 7", "Hidden words.", "Deep words.", "x = 8"):
        assert folded in page.folded and folded not in page.text
    html = (project / "book" / "notebooks" / "00_first.html").read_text(encoding="utf-8")
    assert "<msup>" in html and "from scores" not in html
    assert ("a", "../report/paint.html") in page.links
    assert "answer = 42" in Page(project / "book/pix2pix_utils/__init__.py.html").text
    assert "notebooks/00_first" in found_by_search(project / "book", "hidden")


def test_a_link_that_leads_nowhere_is_named_and_the_old_site_stays(project, capsys):
    write_notebook(project, new_markdown_cell("[gone](02_gone.ipynb)"))
    (project / "book").mkdir()
    (project / "book" / site.MARK).touch()
    assert main(["book", "--output", "book"]) == 2
    message = capsys.readouterr().err
    assert "notebooks/00_first.ipynb" in message and "02_gone.ipynb" in message
    assert [path.name for path in (project / "book").iterdir()] == [site.MARK]


def test_what_sphinx_warns_of_is_a_fault(project):
    write_notebook(project, new_markdown_cell("## One\n\n[gone](#nowhere)"))
    with pytest.raises(UserError, match=r"notebooks/00_first.md.*nowhere"):
        write_book(project / "book", project, project / "report")
    assert not (project / "book").exists()


def test_a_link_to_a_page_that_was_not_made_is_plain_text(project):
    write_notebook(project, new_markdown_cell("[the page](../report/paint.html)"))
    write_book(project / "book", project, project / "report")
    page = Page(project / "book" / "notebooks" / "00_first.html")
    assert "the page" in page.text and not any("paint" in link for _, link in page.links)


def test_a_folder_with_other_files_is_left_alone(project):
    write_notebook(project)
    (project / "mine").mkdir()
    (project / "mine" / "thesis.txt").touch()
    with pytest.raises(UserError, match="mine is neither empty nor a site"):
        write_book(project / "mine", project, project / "report")
    assert (project / "mine" / "thesis.txt").exists()


def test_the_names_of_the_pages_beside_the_site_are_those_of_their_commands():
    assert PAINT_PAGE in site.OWN_PAGES
