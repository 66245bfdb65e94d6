"""The exercises of notebook 8.

Answers are tried on painters without a network, whose photos are known.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from pix2pix_utils.course.checks import probes
from pix2pix_utils.course.checks.comparing import close
from pix2pix_utils.course.checks.forms import function, number
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.widgets.studio import Painter, paint, regions

SIZE = 32  # pixels of the painters' pictures


def exercise_1(answer: Any, *, background: Collection[int], car: int) -> str | None:
    """`answer(class_map)`: the map without cars, each gap filled from what surrounds it.

    `background` are the classes that may fill a gap, `car` is the index of the cars.
    """
    answer = function(answer)
    random = np.random.default_rng()
    for _ in range(3):
        four = random.choice(list(background), 4, replace=False).reshape(2, 2)
        street = np.repeat(np.repeat(four, SIZE // 2, axis=0), SIZE // 2, axis=1).astype(np.uint8)
        for row, column in random.integers(2, SIZE - 8, size=(6, 2)):
            street[row : row + 4, column : column + 6] = car
        cars = street == car
        filled = np.asarray(answer(street.copy()))
        if filled.shape != street.shape or not (filled[~cars] == street[~cars]).all():
            return "Pixels that are not of a car must stay as they are."
        if (filled == car).any():
            return "There are still pixels of cars."
        right = regions.remove(street, cars, background)
        if (filled[cars] == right[cars]).mean() < 0.9:
            return (
                "Each gap should continue what is next to it; a region is any mask and need not be "
                "connected, so `regions.remove` can take all cars at once."
            )
    return None


def exercise_2(answer: Any, *, palette: Palette) -> str | None:
    """`answer(painter, before, after)`: the share of the change outside the edited pixels."""
    answer = function(answer)
    copying, averaging = probes.copying(palette, SIZE), probes.averaging(palette, SIZE)
    random = np.random.default_rng()
    for edge in (6, 20):
        before = _stripes(palette, random)
        away = np.abs(palette.colors.astype(int) - palette.colors[before[4, 4]]).sum(axis=1)
        after = before.copy()
        after[4 : 4 + edge, 4 : 4 + edge] = away.argmax()  # a class of another colour
        outside = before == after
        if not close(number(answer(copying, before.copy(), after.copy())), 0, 1e-3):
            return (
                "A painter that copies the label map changes nothing outside the edited pixels, "
                "so its share is 0."
            )
        change = np.abs(_photo(averaging, after) - _photo(averaging, before)).mean(axis=-1)
        right = change[outside].sum() / change.sum()
        if not close(number(answer(averaging, before.copy(), after.copy())), right, 0.01):
            return (
                "Divide the change summed over the pixels where both maps agree by its sum over "
                "all pixels; means do not do."
            )
    return None


def exercise_3(answer: Any, *, palette: Palette) -> str | None:
    """`answer(painter, class_map)`: how far the photo of the mirrored map is from the mirrored one.

    Mean absolute difference in grey levels of 0 to 255.
    """
    answer = function(answer)
    random = np.random.default_rng()
    for _ in range(2):
        street = _stripes(palette, random)
        if not close(number(answer(probes.copying(palette, SIZE), street.copy())), 0, 0.5):
            return "A painter that copies the label map is symmetric: the distance is 0 there."
        right = np.abs(2 * np.linspace(0, 255, SIZE) - 255).mean()
        if not close(number(answer(probes.sloping(palette, SIZE), street.copy())), right, 1.5):
            return (
                "Mirror the map before painting and the photo after, and subtract as floats: "
                "uint8 numbers wrap around."
            )
    return None


def exercise_4(answer: Any, *, palette: Palette) -> str | None:
    """`answer(painter, class_map)`: the classes (old, new) of the least visible of the large edits.

    An edit gives all pixels of one class, at least a tenth of the map, another class.
    """
    answer = function(answer)
    random = np.random.default_rng()
    for painter in (probes.copying(palette, SIZE), probes.greying(palette, SIZE)):
        street = _stripes(palette, random)
        photo = _photo(painter, street)
        changes = {}
        for old in np.unique(street):
            if (street == old).mean() < 0.1:
                continue
            for new in range(len(palette)):
                if new != old:
                    edited = np.where(street == old, np.uint8(new), street)
                    changes[int(old), new] = np.abs(_photo(painter, edited) - photo).mean()
        old, new = (_index(palette, one) for one in answer(painter, street.copy()))
        if (old, new) not in changes:
            return (
                f"({old}, {new}) is no such edit: give the class that is replaced, which must "
                "cover at least a tenth of the pixels, then the one in its place."
            )
        if changes[old, new] > min(changes.values()) + 1e-6:
            better = sum(change < changes[old, new] for change in changes.values())
            return (
                f"Another edit changes the photo less, {better} of {len(changes)} do: try every "
                "class in place of each large one, and keep the pair with the smallest mean change."
            )
    return None


def _index(palette: Palette, name: Any) -> int:
    """A class given by its name or its index."""
    return palette.index(name) if isinstance(name, str) else int(name)


def _stripes(palette: Palette, random: np.random.Generator) -> np.ndarray:
    """A map of three wide stripes and one thin one, (SIZE, SIZE) uint8.

    No class has the colour of another, and a change of the thin stripe can be the least visible.
    """
    colors = palette.colors.astype(int)
    away = np.abs(colors[:, None] - colors).sum(axis=-1) + 999 * np.eye(len(colors), dtype=int)
    nearest = away.min(axis=1)
    distinct = np.flatnonzero(nearest)
    thin = distinct[nearest[distinct].argmin()]
    wide = random.choice(distinct[distinct != thin], 3, replace=False)
    rows = np.repeat([*wide, thin], (12, 10, 8, SIZE - 30))
    return np.repeat(rows[:, None], SIZE, axis=1).astype(np.uint8)


def _photo(painter: Painter, class_map: np.ndarray) -> np.ndarray:
    return paint({"it": painter}, class_map)["it"].photo.astype(float)


EXERCISES: dict[str, Callable[..., str | None]] = {
    "1": exercise_1,
    "2": exercise_2,
    "3": exercise_3,
    "4": exercise_4,
}
