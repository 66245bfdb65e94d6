"""Look at every file of a data set once: its content's hash, its form, and the colours it holds.

What was seen is remembered in the cache by each file's size and time, so that a file is opened
again only after it has changed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from pix2pix_utils.data.cache import WORKERS, file_stamp
from pix2pix_utils.data.images import (
    color_table,
    half_of,
    is_lossy,
    open_image,
    orientation,
    read_header,
    sample_pixels,
)
from pix2pix_utils.data.palette import Palette, pack
from pix2pix_utils.data.source import Picture
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error, read_json, write_text
from pix2pix_utils.paths import cache_root

FORMAT_VERSION = 2  # increase it when `look_at` changes
MAX_DISTINCT = 256  # colours or values that are counted; more are no label map's own
NEAR = 12  # RGB distance by which JPEG changes the colours of even areas
# A label map of more values or colours has at least this share of pixels that equal the next one:
# .74 and more in those of CamVid at 32 px; .2 to .6 in its grey photos, and .3 to .75 in those
# darkened to 64 or 32 levels.
MAX_UNEVEN, MIN_EVEN = 12, 0.65
MIN_FILES_FOR_BAR = 200


@dataclass(frozen=True)
class Facts:
    """What a picture looks like, before anything is decided about it."""

    problem: str = ""  # why it cannot be read; all else is then at its default
    decoded: bool = False  # otherwise only the header was read, and there are no counts
    size: tuple[int, int] = (0, 0)  # width and height in pixels, before it is turned upright
    orientation: int = 1  # EXIF
    lossy: bool = False
    form: str = ""  # 'values' (one channel), 'table' (indices with a colour table) or 'colors'
    deep: bool = False  # stored with 16 bits in a channel
    highest: int = 0  # the largest value of a deep picture, in 0..65535
    # pixels of each value, index or packed colour; None if there are more than MAX_DISTINCT
    counts: Mapping[int, int] | None = None
    table: Mapping[int, int] = field(default_factory=dict)  # packed colour of each index
    # share of pixels that are equal to the next one in their row; 1 if there are no counts
    even: float = 1.0
    # for many colours: by palette, the pixels of a thumbnail near each of its classes, and the rest
    near: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def colors(self) -> list[int]:
        """The packed colours that are counted, in the order of `counts`, through the table."""
        keys = self.counts or ()
        return [self.table[key] for key in keys] if self.form == "table" else list(keys)

    @property
    def values(self) -> list[int]:
        """The values that are counted, in the order of `counts`, if this is read by index.

        Of three equal channels, it is the value of one.
        """
        keys = self.counts or ()
        return [key & 255 for key in keys] if self.form == "colors" else list(keys)

    @property
    def is_uneven(self) -> bool:
        """Whether neighbouring pixels mostly differ, as in a photo of few colours."""
        return self.even < MIN_EVEN and len(self.counts or ()) > MAX_UNEVEN


@dataclass(frozen=True)
class FileFacts:
    """One file: its content, and the facts of the pictures in it."""

    sha256: str
    pictures: Mapping[str, Facts]  # by half, '' for the whole


class Survey:
    """Facts about the files of one data set, remembered between calls."""

    def __init__(self, folder: Path, palettes: Sequence[Palette], progress: bool = True):
        """`palettes`: those that pictures of many colours are compared with."""
        self.palettes = palettes
        self.progress = progress
        known = [FORMAT_VERSION, str(folder), [palette.to_dict() for palette in palettes]]
        key = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]
        self.path = cache_root() / f"survey-{key}.json"
        self.files: dict[str, tuple[list[int], FileFacts]] = {}
        with suppress(UserError, OSError, KeyError, TypeError, ValueError, AttributeError):
            self.files = {
                name: (stamp, _file_facts(values))
                for name, (stamp, values) in read_json(self.path).items()
            }

    def look(self, pictures: Iterable[Picture], decode: bool = True) -> dict[Picture, Facts]:
        """The facts of each picture; opens only files that have changed since they were seen.

        Without `decode`, a picture of 8 bits may be known by its header alone.
        """
        pictures = list(pictures)
        halves: dict[Path, set[str]] = {}
        for picture in pictures:
            halves.setdefault(picture.path, set()).add(picture.half or "")
        self._open(halves, decode)
        return {
            picture: self.files[str(picture.path)][1].pictures[picture.half or ""]
            for picture in pictures
        }

    def contents(self, paths: Iterable[Path]) -> dict[Path, str]:
        """SHA-256 of each file."""
        paths = list(paths)
        self._open({path: set() for path in paths}, decode=False)
        return {path: self.files[str(path)][1].sha256 for path in paths}

    def _open(self, halves: Mapping[Path, set[str]], decode: bool) -> None:
        """Open what is not known yet, and remember it. An unreadable file is a fact as well."""
        stamps = {path: _stamp(path) for path in halves}
        wanted = {
            path: needed
            for path, names in halves.items()
            if (needed := self._missing(path, stamps[path], names, decode)) is not None
        }
        if not wanted:
            return

        def examine(path: Path) -> FileFacts:
            return look_at(path, wanted[path], self.palettes, decode)

        with ThreadPoolExecutor(WORKERS) as pool:
            found = tqdm(
                pool.map(examine, wanted),
                "looking at the files",
                len(wanted),
                unit="file",
                disable=not self.progress or len(wanted) < MIN_FILES_FOR_BAR,
            )
            for path, facts in zip(wanted, found, strict=True):
                self.files[str(path)] = (stamps[path], facts)
        seen = {name: [stamp, asdict(facts)] for name, (stamp, facts) in self.files.items()}
        with suppress(OSError):  # without a memory, the files are opened again next time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, json.dumps(seen))  # escapes what is not text in file names

    def _missing(
        self, path: Path, stamp: list[int], names: set[str], decode: bool
    ) -> set[str] | None:
        """The halves to look at if the file has to be opened; None if all is known."""
        remembered, facts = self.files.get(str(path), ([], FileFacts("", {})))
        if not stamp or stamp != remembered:
            return names
        known = {
            name for name, one in facts.pictures.items() if one.decoded or one.problem or not decode
        }
        return None if names <= known else names | set(facts.pictures)


def look_at(
    path: Path, halves: Iterable[str], palettes: Sequence[Palette], decode: bool = True
) -> FileFacts:
    """Read a file once: its hash, and the facts of the halves that are named ('' is the whole)."""
    halves = list(halves)
    try:
        with explain_os_error(f"read the image {path}"):
            if not path.is_file():  # opening a pipe would block forever
                raise UserError(f"there is no file {path}")
            content = path.read_bytes()
    except UserError as error:
        return FileFacts("", {half: Facts(str(error)) for half in halves})
    digest = hashlib.sha256(content).hexdigest()
    if not halves:
        return FileFacts(digest, {})
    try:
        form, mode, size, turned = read_header(path, content)
        # byte 24 of a PNG file is its bit depth
        deep = form == "PNG" and content[24] == 16 and mode in ("RGB", "RGBA")
        if not decode and halves == [""] and not deep and not mode.startswith("I"):
            return FileFacts(digest, {"": Facts(size=size, orientation=turned)})
        image = open_image(path, content, upright=False)
        lossy = is_lossy(image, content)
        facts = {}
        for half in halves:
            if half:  # the halves are those of the picture as a viewer shows it
                upright = ImageOps.exif_transpose(image)
                part = half_of(upright, Picture(path, half))
                facts[half] = replace(_facts(part, image, deep, lossy, palettes), orientation=1)
            else:
                facts[half] = _facts(image, image, deep, lossy, palettes)
    except UserError as error:
        facts = {half: Facts(str(error)) for half in halves}
    return FileFacts(digest, facts)


def _facts(
    image: Image.Image,
    file: Image.Image,
    deep_colors: bool,
    lossy: bool,
    palettes: Sequence[Palette],
) -> Facts:
    """Facts of an image; `file` is the opened file that it is the whole or a half of."""
    form, counts, table = "colors", None, {}
    highest = 0
    if deep_colors:  # Pillow keeps their upper 8 bits only
        highest = int(np.asarray(image.convert("RGB")).max()) << 8
    if image.mode.startswith("I"):
        values = np.asarray(image.convert("I"))
        highest = int(values.max())
        form, counts = "values", _counts(values)
    elif image.mode == "P":
        histogram = enumerate(image.histogram())
        form, counts = "table", {index: count for index, count in histogram if count}
        table = {index: int(pack(np.array(color))) for index, color in color_table(image).items()}
    elif image.mode in ("1", "L", "LA"):
        histogram = enumerate(image.convert("L").histogram())
        form, counts = "values", {value: count for value, count in histogram if count}
    else:
        listed = image.convert("RGB").getcolors(MAX_DISTINCT)
        if listed is not None:
            counts = {int(pack(np.array(color))): count for count, color in listed}
    many = counts is None
    return Facts(
        decoded=True,
        size=image.size,
        orientation=orientation(file),
        lossy=lossy,
        form=form,
        deep=deep_colors or image.mode.startswith("I"),
        highest=highest,
        counts=counts,
        table=table,
        even=1.0 if many else _evenness(image),
        near={p.name: _near(image, p) for p in palettes} if lossy or many else {},
    )


def _evenness(image: Image.Image) -> float:
    pixels = np.asarray(image)
    if pixels.shape[1] < 2:
        return 1.0
    same = pixels[:, 1:] == pixels[:, :-1]
    return float(same.mean() if same.ndim == 2 else same.all(axis=-1).mean())


def _counts(values: np.ndarray) -> dict[int, int] | None:
    low, high = int(values.min()), int(values.max())
    if high - low > 1 << 17:
        return None
    counted = np.bincount(values.ravel() - low)
    found = np.flatnonzero(counted)
    if len(found) > MAX_DISTINCT:
        return None
    return {int(value) + low: int(counted[value]) for value in found}


def _near(image: Image.Image, palette: Palette) -> list[int]:
    """Pixels of a thumbnail within NEAR of each class's colour, and last the number of the rest."""
    pixels = sample_pixels(image, 96)
    classes, away = palette.nearest(pixels)
    near = away <= NEAR
    return [*np.bincount(classes[near], minlength=len(palette)).tolist(), int((~near).sum())]


def _stamp(path: Path) -> list[int]:
    """Size and time of a file; empty if there is none, which is never remembered."""
    try:
        return list(file_stamp(path)[1:])
    except UserError:
        return []


def _file_facts(values: dict) -> FileFacts:
    """The inverse of `asdict`, after JSON has turned keys into text and tuples into lists."""

    def numbers(mapping: dict | None) -> dict | None:
        return None if mapping is None else {int(key): int(value) for key, value in mapping.items()}

    pictures = {}
    for half, facts in values["pictures"].items():
        pictures[half] = replace(
            Facts(**facts),
            size=tuple(facts["size"]),
            counts=numbers(facts["counts"]),
            table=numbers(facts["table"]) or {},
        )
    return FileFacts(values["sha256"], pictures)
