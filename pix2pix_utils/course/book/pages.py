"""What becomes a page of the site, as Markdown, and where its links lead.

The pages are the notebooks, the texts for teaching, the README and the description of the data,
and whatever file of the project these link to: source code is shown, data can be fetched. So no
link leads nowhere.
"""

import mimetypes
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from markdown_it import MarkdownIt

from pix2pix_utils.course.book.notebooks import COMMENT, as_markdown
from pix2pix_utils.errors import UserError

TEXTS = ("README.md", "data/README.md")
SHOWN = 40_000  # bytes; a longer text is no reading matter, and is offered as a file
TARGET = re.compile(r"(?<=\]\()(?:<[^<>\n]*>|[^()<>\s]+)")
WEB_PICTURE = re.compile(r"!\[([^\[\]]*)\]\(https?://[^()\s]*\)")  # such as a badge
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n\s*", re.DOTALL)  # of a card, for model hubs
ORPHAN = "---\norphan: true\nnosearch: true\n---\n\n"  # neither in the contents nor found
PARSER = MarkdownIt("commonmark").enable("table")


@dataclass
class Pages:
    """The input of Sphinx: Markdown and other files, by their paths in its folder."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        contents = self.files | {name: text.encode() for name, text in self.texts.items()}
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def collect(project: Path, beside: Collection[str]) -> Pages:
    """All pages of the site but its first.

    `beside` are HTML files, such as "report/index.html", that will be copied into the site as they
    are; a link to a page of that folder that is missing becomes plain text. Raises UserError for
    any other link to a file that does not exist.
    """
    notebooks = sorted((project / "notebooks").glob("*.ipynb"))
    if not notebooks:
        raise UserError(f"there are no notebooks in {project / 'notebooks'}")
    teaching = (project / "notebooks" / "teaching").glob("*.md")
    texts = [project / name for name in TEXTS if (project / name).is_file()]
    waiting = [*notebooks, *teaching, *texts]
    pages, seen = Pages(), set(waiting)
    while waiting:
        path = waiting.pop()
        name = _name(path, project)
        if not name.endswith(".md"):
            pages.files[name] = path.read_bytes()
            continue
        text, pictures = _text(path, project)
        folder = PurePosixPath(name).parent
        pages.files |= {str(folder / name): picture for name, picture in pictures.items()}
        pages.texts[name], found = _relink(text, path, project, set(pictures), beside)
        waiting += found - seen
        seen |= found
    return pages


def _name(path: Path, project: Path) -> str:
    """The path of a file or folder in Sphinx's folder; it ends with .md if it is a page."""
    inside = path.relative_to(project).as_posix()
    if path.is_dir():
        return f"{inside}/index.md"
    if path.suffix == ".ipynb":
        return inside.removesuffix(".ipynb") + ".md"
    return inside + ".md" if path.suffix != ".md" and _is_shown(path) else inside


def _is_shown(path: Path) -> bool:
    kind = mimetypes.guess_type(path.name)[0] or ""
    if kind.startswith("image/") or path.stat().st_size > SHOWN:
        return False
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text(path: Path, project: Path) -> tuple[str, dict[str, bytes]]:
    """The Markdown of a page, without hidden comments, and pictures that belong to it."""
    if path.suffix == ".ipynb":
        return as_markdown(path)
    if path.suffix == ".md":
        return COMMENT.sub("", FRONT_MATTER.sub("", path.read_text(encoding="utf-8"))), {}
    title = path.relative_to(project).as_posix()
    if path.is_dir():
        files = sorted(one.name for one in path.iterdir() if one.is_file())
        return f"{ORPHAN}# {title}\n\n" + "\n".join(f"- [{one}](<{one}>)" for one in files), {}
    language = {".py": "python", ".toml": "toml", ".js": "js", ".css": "css"}.get(path.suffix)
    source = path.read_text(encoding="utf-8")
    listing = f"``````{{code-block}} {language or 'text'}\n:force:\n\n{source}\n``````\n"
    escaped = title.replace("_", r"\_")
    return f"{ORPHAN}# {escaped}\n\n{listing}", {}


def _relink(
    text: str, path: Path, project: Path, pictures: set[str], beside: Collection[str]
) -> tuple[str, set[Path]]:
    """The text with links into the site, and the files that they lead to.

    Pictures of other web sites leave their description, so that nothing is loaded from elsewhere.
    """
    text = WEB_PICTURE.sub(r"\1", text)
    links = _links(text)
    found: set[Path] = set()
    for raw in dict.fromkeys(TARGET.findall(text)):
        target, _, part = raw.strip("<>").partition("#")
        if PARSER.normalizeLink(raw.strip("<>")) not in links or target in pictures:
            continue
        page = "/".join(Path(target).parts[-2:])
        if page.startswith("report/") and page.endswith(".html"):
            text = _attach(text, raw, page, path.relative_to(project), beside)
            continue
        anchor = f"#{_anchor(part)}" if part else ""
        if target:
            base = path if path.is_dir() else path.parent
            there = Path(os.path.normpath(base / unquote(target)))
            if not there.exists() or not there.is_relative_to(project):
                where = path.relative_to(project).as_posix()
                raise UserError(
                    f"{where} links to {target}, which does not exist in the project: correct it"
                )
            if (there / "README.md").is_file():
                there = there / "README.md"
            found.add(there)
            here = (project / _name(path, project)).parent
            target = Path(os.path.relpath(project / _name(there, project), here)).as_posix()
        text = text.replace(f"]({raw}", f"](<{target}{anchor}>")
    return text, found


def _links(text: str) -> set[str]:
    """The addresses in the links and pictures of a text, without those that name a web site."""
    found = set()
    for block in PARSER.parse(text):
        for token in block.children or ():
            if address := token.attrs.get("href", token.attrs.get("src")):
                found.add(str(address))
    return {one for one in found if not re.match(r"[a-z][a-z+.-]+:", one)}


def _anchor(part: str) -> str:
    """The name of a heading as Sphinx has it, from GitHub's or JupyterLab's.

    >>> _anchor("5.-SSIM,-the-score"), _anchor("5-ssim-the-score")
    ('5-ssim-the-score', '5-ssim-the-score')
    """
    return re.sub(r"[^\w-]", "", unquote(part).lower())


def _attach(text: str, raw: str, page: str, here: Path, beside: Collection[str]) -> str:
    """The text with its link to a page that is copied as it is, or without the link."""
    up = "../" * (len(here.parts) - 1)
    instead = rf'<a href="{up}{page}">\1</a>' if page in beside else r"\1"
    return re.sub(rf"\[([^\[\]]*)\]\({re.escape(raw)}\)", instead, text)
