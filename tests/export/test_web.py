"""The page's file: what is in it, and that nothing of a checkpoint is more than text."""

import base64
import gzip
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.export.runtime import Runtime
from pix2pix_utils.export.web import PageModel, write_page
from pix2pix_utils.files import WriteError

RUNTIME = Runtime("1.2.3", "export const env = {};", b"\0asm", "MIT <licence> & more", "notices")
HOSTILE = "train</script><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}\u2028'\""


def model(title="first", palette=CITYSCAPES, size=32, network=b"onnx"):
    return PageModel(title, network, palette, size, "600 pairs of streets", "A score of 1.")


class Document(HTMLParser):
    """The elements of a page, and the text inside them by element."""

    def __init__(self, text):
        super().__init__()
        self.elements = []  # (tag, attributes, text)
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])
        self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        if self.open:
            self.open[-1][2] += text

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    def block(self, name):
        (text,) = (text for attributes, text in self.all("script") if attributes.get("id") == name)
        return text


@pytest.fixture
def written(tmp_path):
    def write(*models, **options):
        write_page(models or (model(),), tmp_path / "page.html", RUNTIME, **options)
        return Document((tmp_path / "page.html").read_text(encoding="utf-8"))

    return write


def unpacked(text):
    return gzip.decompress(base64.b64decode(text))


def test_the_page_holds_all_that_it_needs_and_loads_nothing(written):
    page = written(model(), model("second", network=b"other"))
    assert unpacked(page.block("runtime")) == RUNTIME.script.encode()
    assert unpacked(page.block("wasm")) == RUNTIME.wasm
    assert [unpacked(page.block(f"network-{i}")) for i in (0, 1)] == [b"onnx", b"other"]
    assert RUNTIME.licence in [text for _, text in page.all("pre")]
    for tag, attributes, _ in page.elements:
        assert not {"src", "href", "srcset", "action", "data"} & set(attributes), tag


def test_the_policy_admits_the_pages_own_script_and_style_alone(written):
    page = written()
    (policy,) = (
        attributes["content"]
        for attributes, _ in page.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (script,) = (text for attributes, text in page.all("script") if attributes["type"] == "module")
    (style,) = (text for _, text in page.all("style"))

    def source(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "script-src": f"{source(script)} 'wasm-unsafe-eval' blob:",
        "worker-src": "blob:",
        "style-src": source(style),
        "img-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    kinds = [attributes["type"] for attributes, _ in page.all("script")]
    assert set(kinds) == {"application/json", "text/plain", "module"}
    assert kinds.count("module") == 1


def test_names_from_a_checkpoint_are_text(written):
    names = tuple(HOSTILE if name == "train" else name for name in CITYSCAPES.classes)
    hostile = replace(model(HOSTILE), palette=replace(CITYSCAPES, classes=names))
    hostile = replace(hostile, trained_on=HOSTILE, scores=HOSTILE)
    plain, page = written(), written(hostile, title=HOSTILE)
    tags = [tag for tag, *_ in plain.elements]
    assert [tag for tag, *_ in page.elements] == tags
    assert page.all("h1")[0][1] == page.all("title")[0][1] == HOSTILE
    data = json.loads(page.block("page"))
    assert data["models"][0]["title"] == HOSTILE
    assert data["setup"]["classes"][CITYSCAPES.index("train")]["name"] == HOSTILE
    assert not set("<>&") & set(page.block("page"))


def test_the_same_page_is_written_twice(written, tmp_path):
    written()
    first = (tmp_path / "page.html").read_bytes()
    written()
    assert (tmp_path / "page.html").read_bytes() == first


def test_it_starts_with_drawn_streets_in_the_models_classes(written):
    data = json.loads(written().block("page"))
    assert len(data["streets"]["scenes"]) == len(data["setup"]["scenes"]) == 8
    assert len(set(data["streets"]["scenes"])) == 8
    stamps = {stamp["name"] for stamp in data["setup"]["stamps"]}
    assert {"drawn car", "drawn tree", "drawn person"} <= stamps
    for stamp in data["setup"]["stamps"]:
        shape = base64.b64decode(stamp["shape"])
        assert len(shape) == stamp["height"] * stamp["width"] and set(shape) <= {0, 1}


def test_without_streets_classes_it_starts_empty(written):
    names = tuple(f"class {index}" for index in range(len(CITYSCAPES)))
    data = json.loads(written(model(palette=replace(CITYSCAPES, classes=names))).block("page"))
    assert data["streets"]["scenes"] == data["setup"]["scenes"] == []
    assert data["setup"]["stamps"] == []


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "name a run"),
        ([model(), model("big", size=64)], "'first' has 29 classes .* at 32 pixels and 'big'"),
        (
            [model(), model("grey", palette=replace(CITYSCAPES, colors=CITYSCAPES.colors // 2))],
            "write a page for each",
        ),
    ],
)
def test_models_that_do_not_fit_together_are_refused(models, message, tmp_path):
    with pytest.raises(UserError, match=message):
        write_page(models, tmp_path / "page.html", RUNTIME)
    assert not list(tmp_path.iterdir())


def test_a_page_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(WriteError, match="cannot write"):
        write_page([model()], tmp_path / "file" / "page.html", RUNTIME)
    assert (tmp_path / "file").read_text() == "old"


def test_other_classes_have_another_identity(written):
    identity = json.loads(written().block("page"))["identity"]
    colors = np.flip(CITYSCAPES.colors, axis=0).copy()
    other = written(model(palette=replace(CITYSCAPES, colors=colors)))
    assert json.loads(other.block("page"))["identity"] != identity
