"""The drawn streets as a data set: no folder, every scene is drawn when it is read."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.source import Reading, Source
from pix2pix_utils.data.streets import draw_street

SCENES = {  # as many as Cityscapes has; each split draws other scene numbers
    "train": range(2975),
    "val": range(1_000_000, 1_000_500),
    "test": range(2_000_000, 2_000_500),
}
VERSION_SCENES, VERSION_SIZE = 6, 64  # scenes and their pixels: 99 % of the drawing's lines run


@dataclass(frozen=True)
class Scene:
    """A street scene, drawn when it is read; an `Item`."""

    name: str
    index: int
    seed: int

    @property
    def group(self) -> str:
        return self.name  # scenes are drawn independently of each other

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def read(
        self, reading: Reading, image_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        return draw_street(self.index, self.seed, image_size or 256)


def synthetic(seed: int) -> Source:
    """Drawn streets; another seed gives other scenes."""
    return Source(
        name="synthetic",
        location="synthetic",
        reading=Reading(CITYSCAPES),
        splits={
            split: tuple(Scene(f"street-{seed}-{index}", index, seed) for index in indices)
            for split, indices in SCENES.items()
        },
        split_rule=f"scenes drawn from seed {seed}: other scene numbers in every split",
        description="drawn street scenes",
        version=f"{drawing_version()}, seed {seed}",
    )


@cache
def drawing_version() -> str:
    """A hash of what a few scenes look like; it changes when the drawing does.

    Class maps are drawn in float64 and hashed as they are. Photos are computed in float32, whose
    last digit may differ from one processor to the next, so of each photo only the mean and the
    standard deviation of every channel are hashed, as whole numbers.
    """
    found = hashlib.sha256()
    for index in range(VERSION_SCENES):
        class_map, photo = draw_street(index, size=VERSION_SIZE)
        found.update(class_map.tobytes())
        statistics = np.stack([photo.mean(axis=(0, 1)), photo.std(axis=(0, 1))])
        found.update(statistics.round().astype(np.uint8).tobytes())
    return found.hexdigest()[:16]
