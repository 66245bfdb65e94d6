"""Small folders of photos and label maps, drawn from a seed, as owners of data sets have them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pix2pix_utils.data.palette import CITYSCAPES

SIZE = (32, 64)  # height and width
ROAD, SIDEWALK, HOUSE, TREE, SKY, CAR = (
    CITYSCAPES.index(name) for name in ("road", "sidewalk", "building", "vegetation", "sky", "car")
)
VOID = CITYSCAPES.void


def scene(seed: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A street as classes of `CITYSCAPES` (H, W), with a void strip below, and its photo."""
    random = np.random.default_rng(seed)
    height, width = size
    classes = np.full(size, SKY, np.uint8)
    horizon = height // 2 + int(random.integers(-2, 3))
    for left in range(0, width, width // 4):
        top = int(random.integers(2, horizon))
        classes[top:horizon, left : left + width // 4] = HOUSE if random.random() < 0.7 else TREE
    classes[horizon:] = ROAD
    classes[horizon:, : width // 5] = SIDEWALK
    car = int(random.integers(width // 4, width - width // 4))
    classes[horizon : horizon + height // 5, car : car + width // 6] = CAR
    classes[-2:] = VOID
    look = np.random.default_rng(0).integers(30, 220, (len(CITYSCAPES), 3))
    photo = look[classes] + random.normal(0, 12, (*size, 3))
    return classes, photo.clip(0, 255).astype(np.uint8)


def recoded(classes: np.ndarray, table: dict[int, int], dtype: type = np.uint8) -> np.ndarray:
    """Class maps with other numbers; what the table leaves out stays."""
    found = classes.astype(dtype)
    for index, value in table.items():
        found[classes == index] = value
    return found


def save(pixels: np.ndarray, path: Path, table: list[int] | None = None, **options) -> None:
    """Write an image; with a colour `table` it becomes a file of mode P."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if table is not None:
        image.putpalette(table)
    image.save(path, **options)


def write_pairs(
    folder: Path,
    write_label: Callable[[np.ndarray, Path, int], None],
    count: int = 12,
    photos: str = "photos",
    labels: str = "labels",
    suffix: str = ".png",
) -> Path:
    """`count` pairs in two folders; `write_label` gets classes, path and number of each."""
    for number in range(count):
        classes, photo = scene(number)
        save(photo, folder / photos / f"{number:03}.png")
        write_label(classes, folder / labels / f"{number:03}{suffix}", number)
    return folder
