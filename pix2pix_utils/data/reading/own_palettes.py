"""Classes of label maps that come without a palette: indices, grey levels or a few colours."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from pix2pix_utils.data.palette import IGNORED_VALUES, Palette, unpack, voc_colors
from pix2pix_utils.data.reading.known_palettes import (
    LOSSY_PALETTES,
    PALETTES,
    is_near_known,
    known_palette,
    near_share,
    share_in,
)
from pix2pix_utils.data.reading.survey import Facts
from pix2pix_utils.data.source import Picture, Reading
from pix2pix_utils.errors import UserError

MAX_DERIVED = 64  # classes that are found without a palette
MAX_INDEX = 253  # 254 classes and void are as many as a palette can have
LISTED = 10  # values in a message
HOW_TO_NAME = (
    "name the classes in a file palette.csv in that folder, with the columns name,red,green,blue"
)


def palette_of_values(values: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    if any(facts.counts is None for facts in values.values()):
        first = next(picture for picture, facts in values.items() if facts.counts is None)
        raise UserError(
            f"{first} holds more than 256 values: a label map holds one class index for each pixel"
        )
    pixels = pixels_of_values(values.values())
    indices = sorted(value for value in pixels if not is_ignored(value))
    ignored = sorted(value for value in pixels if is_ignored(value))
    if not indices or (indices[0] < 0):
        raise UserError(
            f"{where}: the label maps hold the values {sorted(pixels)[:LISTED]}, which are no "
            "class indices"
        )
    if kind != "indices" and are_grey_levels(set(pixels)):
        levels = sorted(pixels)
        if len(levels) > MAX_DERIVED or levels[-1] > 255:
            raise UserError(
                f"{where}: the label maps hold {len(levels)} grey levels from {levels[0]} to "
                f"{levels[-1]}, which may be photos; if they are class indices, say so with "
                "--label-kind indices"
            )
        grey = np.array(levels, np.uint8)[:, None].repeat(3, axis=1)
        names = tuple(f"grey {level}" for level in levels)
        palette = Palette(
            "grey levels", names, grey, len(levels), {v: i for i, v in enumerate(levels)}
        )
        listed = ", ".join(map(str, levels[:LISTED])) + (", ..." if len(levels) > LISTED else "")
        return Reading(palette, evidence=(f"classes: the grey levels {listed}",))
    if indices[-1] > 253:
        raise UserError(
            f"{where}: the class index {indices[-1]} is above 253: renumber the classes"
        )
    palette = _index_palette(indices[-1] + 1, values)
    note = f"classes: the indices {indices[0]} to {indices[-1]}"
    if ignored:
        palette = palette.with_void()
        note += f", and {ignored[0]} = ignored"
    return Reading(palette, evidence=(note,))


def palette_of_colors(colors: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    if any(facts.lossy for facts in colors.values()) or kind == "nearest-colors":
        return _lossy_palette(colors, where, kind)
    many = [picture for picture, facts in colors.items() if facts.counts is None]
    pixels: Counter = Counter()
    for facts in colors.values():
        for key, count in (facts.counts or {}).items():
            pixels[facts.table[key] if facts.form == "table" else key] += count
    known = known_palette(pixels)
    if known is not None and not many:
        return Reading(
            known, evidence=(f"classes: {known.name}, recognised by colour, 100 % exact",)
        )
    if many or len(pixels) > MAX_DERIVED:
        nearest = max(PALETTES, key=lambda palette: share_in(pixels, palette))
        share = share_in(pixels, nearest)
        what = (
            f"{many[0]} has more than 256 colours" if many else f"there are {len(pixels)} colours"
        )
        note = f"; {share:.0%} of the pixels have colours of {nearest.name}" if share > 0.5 else ""
        raise UserError(
            f"{where}: {what}, so they are no class colours of lossless files{note}. If these are "
            f"label maps, {HOW_TO_NAME}, and give --label-kind nearest-colors if edges are blended"
        )
    found = sorted(pixels)
    names = tuple(f"#{color:06x}" for color in found)
    palette = Palette("own colours", names, unpack(np.array(found)), len(found))
    return Reading(palette, evidence=(f"classes: {len(found)} colours of its own",))


def _index_palette(count: int, values: Mapping[Picture, Facts]) -> Palette:
    """Classes 0..count-1, in the colours of the files' own tables if all of them agree.

    Otherwise in VOC's colours, without its black, which is left for ignored pixels.
    """
    colors = voc_colors(count + 1)[1:]
    tables: dict[int, set[int]] = {}
    for facts in values.values():
        for index, color in facts.table.items():
            tables.setdefault(index, set()).add(color)
    own = {index: next(iter(found)) for index, found in tables.items() if len(found) == 1}
    if len(own) == len(tables):
        chosen = colors.copy()
        for index, color in own.items():
            if index < count:
                chosen[index] = unpack(np.array(color))
        if len(np.unique(chosen, axis=0)) == count and not all_grey(chosen):
            colors = chosen
    return Palette("indices", tuple(f"class {index}" for index in range(count)), colors, count)


def _lossy_palette(colors: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    """The known palette that lossy label maps are near to."""
    best = max(LOSSY_PALETTES, key=lambda palette: near_share(colors.values(), palette))
    share = near_share(colors.values(), best)
    if kind != "nearest-colors" and not is_near_known(colors.values()):
        raise UserError(
            f"{where}: the label maps are saved with loss (JPEG), and their colours are near those "
            f"of no known palette: {HOW_TO_NAME}"
        )
    return Reading(
        best,
        nearest=True,
        evidence=(
            f"classes: {best.name}, recognised by colour; saved with loss, so each pixel gets the "
            f"class of the nearest colour ({share:.0%} of the pixels are near one)",
        ),
    )


def are_grey_levels(values: set[int]) -> bool:
    """Whether values are grey levels rather than indices: too large or too few and far apart."""
    indices = [value for value in values if not is_ignored(value)]
    if indices == [0]:
        return len(values) > 1  # black and white
    return bool(indices) and max(indices) >= MAX_DERIVED


def all_grey(colors: np.ndarray) -> bool:
    return bool(np.ptp(colors.astype(int), axis=1).max() == 0)


def is_grey_color(color: int) -> bool:
    return color % 0x010101 == 0


def is_ignored(value: int) -> bool:
    return value == -1 or value in IGNORED_VALUES


def pixels_of_values(facts: Iterable[Facts]) -> Counter:
    """Pixels of each value in all of these single-channel label maps."""
    total: Counter = Counter()
    for one in facts:
        for key, count in (one.counts or {}).items():
            total[key & 255 if one.form == "colors" else key] += count
    return total
