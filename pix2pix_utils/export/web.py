"""A page in which anyone paints a street: canvas, runtime and generators in one HTML file.

The page needs no network and no server. Its scripts and its style are admitted by their hashes,
and its security policy forbids everything else; what comes from a checkpoint is only text.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pix2pix_utils.data.class_matching import match_classes
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError
from pix2pix_utils.export.runs import encode_runs
from pix2pix_utils.export.runtime import Runtime
from pix2pix_utils.files import write_text
from pix2pix_utils.widgets.studio.regions import background_classes
from pix2pix_utils.widgets.studio.scenery import (
    Stamp,
    cut_stamps,
    drawn_stamps,
    typical_street,
)
from pix2pix_utils.widgets.studio.setup import Action, canvas_setup
from pix2pix_utils.widgets.studio.widget import CANVAS, FOLDER

DRAWN = 24  # drawn streets that the empty street and the stamps are taken from
STARTS = 8  # of these, to start from
PARTS = Path(__file__).parent / "page"
ACTIONS = (
    Action("photo", "Save photo", "as a PNG file"),
    Action("label_map", "Save label map", "as a PNG file, in the classes' colours"),
    Action("link", "Share", "a link to this street"),
)
LATE = "The photo takes long: this device may be busy."


@dataclass(frozen=True)
class PageModel:
    """A generator for the page, and what the page says about it."""

    title: str  # in the switch between models
    # ONNX, weights in 16 bits: `label`, (1, 3, S, S) float32 in [-1, 1], to `photo`, likewise
    network: bytes
    palette: Palette
    image_size: int  # S
    trained_on: str  # ends the sentence "It was trained on ...", as in "600 drawn street scenes"
    scores: str = ""  # sentences with data set and size; empty if the run has none


def write_page(
    models: Sequence[PageModel], path: Path, runtime: Runtime, title: str = "Paint a street"
) -> None:
    """Write the page as one HTML file; the first model paints until another one is chosen.

    The streets to start from are drawn ones in the models' classes, none of which a model was
    trained on; if these classes have no match among the drawn ones, the page starts empty. Raises
    UserError without a model, or unless all have the same classes, colours and size. Raises
    WriteError if the file cannot be written; an existing one then stays as it is.
    """
    _require_same(models)
    palette, size = models[0].palette, models[0].image_size
    empty, scenes, stamps = _scenery(palette, size)
    setup = canvas_setup(palette, size, list(scenes), stamps, ACTIONS, LATE)
    for stamp in setup["stamps"]:
        stamp["shape"] = base64.b64encode(stamp["shape"]).decode("ascii")
    data = {
        "setup": setup,
        "identity": _identity(palette),
        "streets": {
            "empty": encode_runs(empty),
            "scenes": [encode_runs(scene) for scene in scenes.values()],
        },
        "models": [{"title": model.title} for model in models],
    }
    unpack, streets, worker, page = (
        (PARTS / name).read_text("utf-8")
        for name in ("unpack.js", "streets.js", "worker.js", "page.js")
    )
    script = "\n".join(["", unpack, streets, CANVAS, page])
    style = "\n".join(["", (FOLDER / "canvas.css").read_text("utf-8"),
                       (PARTS / "page.css").read_text("utf-8")])  # fmt: skip
    environment = Environment(
        loader=PackageLoader("pix2pix_utils.export", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    write_text(
        path,
        environment.get_template("page.html").render(
            title=title,
            models=models,
            trained_on=" or ".join(dict.fromkeys(model.trained_on for model in models)),
            size=size,
            runtime=runtime,
            data=_as_script(data),
            style=Markup(style),
            script=Markup(script),
            worker=Markup("\n".join([unpack, worker])),
            style_hash=_hash(style),
            script_hash=_hash(script),
            packed_runtime=_pack(runtime.script),
            packed_wasm=_pack(runtime.wasm),
            packed_notices=_pack(runtime.notices),
            packed_networks=[_pack(model.network) for model in models],
        ),
    )


def _require_same(models: Sequence[PageModel]) -> None:
    if not models:
        raise UserError("a page needs a model to paint with: name a run or a checkpoint")
    first = models[0]
    for other in models[1:]:
        if other.image_size != first.image_size or _identity(other.palette) != _identity(
            first.palette
        ):
            raise UserError(
                f"the models of a page must have the same classes, colours and size, but "
                f"'{first.title}' has {len(first.palette)} classes of '{first.palette.name}' at "
                f"{first.image_size} pixels and '{other.title}' {len(other.palette)} classes of "
                f"'{other.palette.name}' at {other.image_size}: write a page for each"
            )


def _identity(palette: Palette) -> str:
    """Eight hexadecimal digits that other classes or colours do not have."""
    material = json.dumps([palette.classes, palette.colors.tolist()])
    return hashlib.sha256(material.encode()).hexdigest()[:8]


def _scenery(palette: Palette, size: int) -> tuple[np.ndarray, Mapping[str, np.ndarray], list]:
    """An empty street, streets to start from by their names, and stamps."""
    stamps: list[Stamp] = drawn_stamps(palette, size)
    try:
        matching = match_classes(palette)
    except UserError:  # not the classes of streets
        return np.zeros((size, size), np.uint8), {}, stamps
    limits = {"train": 1, "val": 1, "test": DRAWN}  # no model was trained on the test scenes
    drawn = matching.recode(load_data("synthetic", size, limits=limits, progress=False)).test
    names = [f"drawn street {number}" for number in range(1, DRAWN + 1)]
    pairs = StreetPairs(drawn.photos, drawn.classes, names, palette)
    empty = typical_street(pairs, background_classes(palette))
    return empty, dict(zip(names[:STARTS], pairs.classes, strict=False)), stamps + cut_stamps(pairs)


def _as_script(data: dict) -> Markup:
    """JSON that no HTML parser takes for a tag or an entity."""
    text = json.dumps(data, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _hash(text: str) -> str:
    """As in a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _pack(content: bytes | str) -> str:
    """Compressed with gzip, in base64; the inverse of page/unpack.js."""
    content = content.encode() if isinstance(content, str) else content
    return base64.b64encode(gzip.compress(content, mtime=0)).decode("ascii")
