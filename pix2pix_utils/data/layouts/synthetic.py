"""TODO."""

import hashlib
from pathlib import Path

from pix2pix_utils.data import streets
from pix2pix_utils.data.items import Item, Scene
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.source import Source

SYNTHETIC_COUNTS = {"train": 2975, "val": 500, "test": 500}  # as many as Cityscapes has


SYNTHETIC_FIRST = {"train": 0, "val": 1_000_000, "test": 2_000_000}


# --- Layouts --------------------------------------------------------------------------------------


def synthetic(seed: int) -> Source:
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
