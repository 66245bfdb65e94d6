"""Check a data set: decode every file, count, and collect all problems."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from pix2pix_utils.data.cache import WORKERS
from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.images import open_image
from pix2pix_utils.data.reading.pair import Pair
from pix2pix_utils.data.source import SPLITS, Seen, Source
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
    """Decode every photo; collects all problems and raises none.

    The label maps were decoded when the source was opened. Drawn scenes have no files to be
    damaged, so only a few of each split are drawn, to count their classes.
    """
    seen = source.seen or _draw_some(source, progress)
    problems = [*source.problems, *_damaged_photos(source, progress)]
    return DataCheck(
        counts={split: len(source.splits[split]) for split in SPLITS},
        photo_sizes=dict(seen.photo_sizes),
        class_frequencies=seen.class_pixels / max(seen.class_pixels.sum(), 1),
        problems=list(dict.fromkeys(problems)),
    )


def _damaged_photos(source: Source, progress: bool) -> list[str]:
    """One sentence for each photo that cannot be decoded and is not named as a problem yet."""
    pairs = [item for items in source.splits.values() for item in items if isinstance(item, Pair)]
    known = "\n".join(source.problems)
    # the file of a pair side by side was decoded for its label map
    photos = [pair.photo.path for pair in pairs if pair.photo.half is None]

    def examine(path):
        try:
            open_image(path)
        except UserError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(WORKERS) as pool:
        found = tqdm(
            pool.map(examine, photos), source.name, len(photos), unit="photo", disable=not progress
        )
        return [problem for problem in found if problem is not None and problem not in known]


def _draw_some(source: Source, progress: bool) -> Seen:
    items = [
        item for pairs in source.splits.values() for item in evenly_spaced(pairs, DRAWN_SAMPLES)
    ]
    sizes: Counter = Counter()
    pixels = np.zeros(len(source.palette))
    for item in tqdm(items, source.name, unit="scene", disable=not progress):
        classes, photo = item.read(source.reading)
        sizes[photo.shape[1::-1]] += 1
        pixels += np.bincount(classes.ravel(), minlength=len(pixels))
    return Seen(dict(sizes), pixels)
