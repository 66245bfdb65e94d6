"""Floors: the SSIM of reference predictors, beside which a model card shows a network's scores.

They depend on the data alone, so they are measured once and kept in the cache,
`floors-<key>.json`, for all runs on the same pairs at the same size.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from pix2pix_utils.data.cache import FORMAT_VERSION
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import class_frequencies
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import read_json, write_json
from pix2pix_utils.paths import cache_root
from pix2pix_utils.report.comparison import reference_images

VERSION = 1  # of the file and of how floors are measured; increase it when either changes
# without the nearest label map, which compares each pair with all of train and scores lower
FLOORS = ("mean image", "class colour", "class and row colour")
SCORED = ("val", "test")  # the predictors are fitted on train


@dataclass(frozen=True)
class Floors:
    """Scores without a network, and the classes that a network could learn."""

    ssim: dict[str, dict[str, np.ndarray]]  # floor -> split of `SCORED` -> (N,), in its order
    unseen: tuple[str, ...]  # classes of the palette that no training pair shows


def floors_of(data: StreetData) -> Floors:
    """The floors of a data set at its size, from the cache or measured now."""
    material = [VERSION, FORMAT_VERSION, data.fingerprint, data.test.image_size, data.splits]
    key = hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]
    path = cache_root() / f"floors-{key}.json"
    with suppress(UserError, LookupError, TypeError, ValueError):  # missing or damaged
        stored = read_json(path)
        ssim = {
            name: {split: np.array(stored["ssim"][name][split], dtype=float) for split in SCORED}
            for name in FLOORS
        }
        return Floors(ssim, tuple(stored["unseen"]))
    measured = _measure(data)
    with suppress(OSError):  # without a cache they are measured again next time
        write_json(
            path,
            {
                "ssim": {
                    name: {split: values.tolist() for split, values in splits.items()}
                    for name, splits in measured.ssim.items()
                },
                "unseen": list(measured.unseen),
            },
        )
    return measured


def _measure(data: StreetData) -> Floors:
    ssim = {  # as precise as in the file, so that a card is the same from either
        name: {split: images.astype(float).round(6) for split, images in splits.items()}
        for name, splits in reference_images(data, FLOORS).items()
    }
    shares = class_frequencies(data.train)
    classes = data.palette.classes
    return Floors(ssim, tuple(c for c, share in zip(classes, shares, strict=True) if share == 0))
