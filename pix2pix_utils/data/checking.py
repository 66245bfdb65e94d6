"""TODO."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from pix2pix_utils.data.cache import WORKERS
from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.items import Item
from pix2pix_utils.data.source import SPLITS, Source
from pix2pix_utils.errors import UserError

DRAWN_SAMPLES = 20  # scenes of each split that `check_source` draws


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
