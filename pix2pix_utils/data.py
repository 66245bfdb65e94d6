"""One kind of pair, whatever the source: tensors in [-1, 1] that the networks see.

`load_data` opens a data set; its three splits are `StreetPairs`. Networks work in [-1, 1], as the
generator's tanh does; metrics work in [0, 1]; images are shown and stored as 0..255.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from tqdm.auto import tqdm

from pix2pix_utils.cache import WORKERS, file_stamp, load_arrays
from pix2pix_utils.errors import UserError
from pix2pix_utils.labels import Palette
from pix2pix_utils.sources import (
    SPLITS,
    Item,
    Source,
    evenly_spaced,
    open_source,
    require_whole,
)

DRAWN_SAMPLES = 20  # scenes of each split that `check_source` draws


def to_signed(image: np.ndarray) -> Tensor:
    """A uint8 image (..., H, W, 3) in 0..255 to a float32 tensor (..., 3, H, W) in [-1, 1]."""
    return torch.tensor(image).movedim(-1, -3).contiguous().float().div_(127.5).sub_(1)


def to_unit(image: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], any shape."""
    return (image + 1) / 2


def to_uint8(image: Tensor) -> np.ndarray:
    """A tensor (..., 3, H, W) in [-1, 1] to a uint8 image (..., H, W, 3); clamps and rounds.

    The exact inverse of `to_signed`.
    """
    bytes_ = ((image.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return bytes_.movedim(-3, -1).cpu().numpy()


class StreetPairs(Dataset):
    """The label maps and photos of one split, N squares of S x S pixels.

    `photos` (N, S, S, 3) and `classes` (N, S, S) are uint8 arrays, usually memory-mapped: a pair
    costs a copy and no decoding, so no worker processes are needed.
    """

    def __init__(
        self, photos: np.ndarray, classes: np.ndarray, names: Sequence[str], palette: Palette
    ):
        self.photos = photos
        self.classes = classes
        self.names = list(names)
        self.palette = palette
        self.signed_colors = to_signed(palette.colors[:, None, None])[..., 0, 0]  # (C, 3) floats

    @property
    def image_size(self) -> int:
        return self.photos.shape[1]

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> dict:
        """One pair: `label` and `photo` (3, S, S) float32 in [-1, 1], `classes` (S, S), `name`."""
        batch = self.batch([index])
        return {
            "label": batch["label"][0],
            "photo": batch["photo"][0],
            "classes": batch["classes"][0],
            "name": batch["names"][0],
        }

    def every(self, step: int, start: int = 0) -> "StreetPairs":
        """Each `step`-th pair from `start` on, as a view."""
        part = slice(start, None, step)
        return StreetPairs(self.photos[part], self.classes[part], self.names[part], self.palette)

    def batch(self, indices: Sequence[int]) -> dict:
        """Several pairs in the order of `indices`.

        `label` and `photo` are (B, 3, S, S) float32 in [-1, 1], `classes` is (B, S, S) int64,
        `names` is a list.
        """
        indices = list(indices)
        classes = torch.from_numpy(self.classes[indices]).long()
        return {
            "label": self.signed_colors[classes].movedim(-1, -3).contiguous(),
            "photo": to_signed(self.photos[indices]),
            "classes": classes,
            "names": [self.names[index] for index in indices],
        }


@dataclass(frozen=True)
class StreetData:
    """A data set, ready to train on."""

    name: str
    location: str  # `load_data` opens it again by this: 'synthetic' or the folder
    palette: Palette
    train: StreetPairs
    val: StreetPairs
    test: StreetPairs
    split_rule: str
    description: str
    fingerprint: str  # of the whole source, whatever the limits and the image size

    @property
    def splits(self) -> dict[str, list[str]]:
        """The names of every split's pairs."""
        return {split: self[split].names for split in SPLITS}

    def __getitem__(self, split: str) -> StreetPairs:
        return {"train": self.train, "val": self.val, "test": self.test}[split]


def load_data(
    dataset: str = "synthetic",
    image_size: int = 64,
    data_root: Path | None = None,
    limits: Mapping[str, int | None] | None = None,
    data_seed: int = 0,
    progress: bool = True,
) -> StreetData:
    """Open a data set by name or path (see `sources.open_source`) at `image_size` pixels square.

    `limits` holds how many pairs of a split are used, evenly spaced over it; None means all. The
    first call fills the cache, later ones only open it. Raises UserError for anything about the
    data set or the cache that the user can mend.
    """
    if image_size < 1:
        raise UserError(f"the image size is {image_size}, but it must be at least 1")
    source = open_source(dataset, data_root, data_seed)
    require_whole(source)
    used = limit_source(source, limits or {})
    pairs = {}
    for split in SPLITS:
        photos, classes = load_arrays(used, split, image_size, progress)
        names = [item.name for item in used.splits[split]]
        pairs[split] = StreetPairs(photos, classes, names, source.palette)
    return StreetData(
        source.name,
        source.location,
        source.palette,
        **pairs,
        split_rule=source.split_rule,
        description=source.description,
        fingerprint=fingerprint(source),
    )


def limit_source(source: Source, limits: Mapping[str, int | None]) -> Source:
    """The source with at most `limits[split]` evenly spaced pairs in a split."""
    splits = dict(source.splits)
    for split, count in limits.items():
        if split not in splits:
            raise UserError(f"there is no split '{split}' to limit; there are {', '.join(SPLITS)}")
        if count is not None:
            if count < 1:
                raise UserError(f"the limit of {split} is {count}, but it must be at least 1")
            splits[split] = tuple(evenly_spaced(splits[split], count))
    return replace(source, splits=splits)


def fingerprint(source: Source) -> str:
    """A short hash of the pairs' names, file sizes and splits.

    Copies of the same data agree wherever they lie and whenever they were copied.
    """
    splits = {
        split: [(item.name, [file_stamp(path)[1] for path in item.files]) for item in items]
        for split, items in source.splits.items()
    }
    material = [source.version, source.palette.colors.tolist(), splits]
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:12]


def class_frequencies(pairs: StreetPairs) -> np.ndarray:
    """The share of each class in the pixels of a split, (C,) float64, adding up to 1."""
    pixels = np.zeros(len(pairs.palette))
    for classes in pairs.classes:
        pixels += np.bincount(classes.ravel(), minlength=len(pixels))
    return pixels / pixels.sum()


@dataclass(frozen=True)
class DataCheck:
    """What a look at every file of a source found."""

    counts: dict[str, int]  # pairs in each split
    photo_sizes: dict[tuple[int, int], int]  # (width, height) in pixels: how many photos
    class_frequencies: np.ndarray  # (C,) share of each class in the pixels of all label maps
    problems: list[str]  # one sentence for each file or pair that cannot be used


def check_source(source: Source, progress: bool = True) -> DataCheck:
    """Decode every file of every split at full size; collects all problems, raises none.

    Drawn scenes have no files that could be damaged: a few of each split stand for all.
    """
    items = [
        item
        for pairs in source.splits.values()
        for item in (pairs if pairs[0].files else evenly_spaced(pairs, DRAWN_SAMPLES))
    ]

    def examine(item: Item) -> tuple[tuple[int, int], np.ndarray] | str:
        try:
            classes, photo = item.read(source.palette)
        except UserError as error:
            return str(error)
        return photo.shape[1::-1], np.bincount(classes.ravel(), minlength=len(source.palette))

    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(tqdm(pool.map(examine, items), source.name, len(items), disable=not progress))
    good = [result for result in found if not isinstance(result, str)]
    pixels = sum((counts for _, counts in good), np.zeros(len(source.palette)))
    return DataCheck(
        counts={split: len(source.splits[split]) for split in SPLITS},
        photo_sizes=dict(Counter(size for size, _ in good)),
        class_frequencies=pixels / max(pixels.sum(), 1),
        problems=[*source.problems, *(result for result in found if isinstance(result, str))],
    )
