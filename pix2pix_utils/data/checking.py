"""Check a data set: decode every file, count, and collect all problems."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from pix2pix_utils.data.cache import WORKERS
from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.source import SPLITS, Item, Source
from pix2pix_utils.errors import UserError

DRAWN_SAMPLES = 20  # scenes of each split that `check_source` draws


@dataclass(frozen=True)
class DataCheck:
    """The result of `check_source`."""

    counts: dict[str, int]  # pairs in each split
    photo_sizes: dict[tuple[int, int], int]  # (width, height) in pixels: number of photos
    class_frequencies: np.ndarray  # (C,) share of each class in the pixels of all label maps
    problems: list[str]  # one sentence for each file or pair that cannot be used


def check_source(source: Source, progress: bool = True) -> DataCheck:
    """Decode every pair of every split at full size; collects all problems and raises none.

    Drawn scenes have no files to be damaged, so only a few of each split are checked.
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
        height, width = photo.shape[:2]
        return (width, height), np.bincount(classes.ravel(), minlength=len(source.palette))

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
