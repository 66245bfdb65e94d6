"""Classes of label maps that come without a palette: indices, grey levels or a few colours."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from pix2pix_utils.data.palette import IGNORED_VALUES, Palette, pack, unpack, voc_colors
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

OWN_COLORS = "own colours"  # the name of a palette whose classes are in no order
MAX_DERIVED = 64  # classes that are found without a palette
MIN_STEP = 8  # between grey levels; values closer than this look the same to a network
MAX_INDEX = 253  # 254 classes and void are as many as a palette can have
LISTED = 10  # values in a message
HOW_TO_NAME = (
    "name the classes in a file palette.csv in that folder, with the columns name,red,green,blue"
)


def palette_of_values(values: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    pixels = pixels_of_values(values.values())
    indices = sorted(value for value in pixels if not is_ignored(value))
    ignored = sorted(value for value in pixels if is_ignored(value))
    if not indices or (indices[0] < 0):
        raise UserError(
            f"{where}: the label maps hold the values {sorted(pixels)[:LISTED]}, which are no "
            "class indices"
        )
    if indices[-1] > MAX_INDEX and (indices[-1] > 255 or kind == "indices"):
        raise UserError(
            f"{where}: the label maps hold the values {indices[0]} to {indices[-1]}, but class "
            f"indices are at most {MAX_INDEX}: if they number objects, take the maps of classes "
            "instead, otherwise renumber the classes"
        )
    if kind != "indices":
        _refuse_photos(values, pixels, where)
        _refuse_two_kinds_of_masks(values, indices, where)
    if kind != "indices" and are_grey_levels(set(pixels)):
        levels = sorted(pixels)
        if min(np.diff(levels)) < MIN_STEP:
            return _sparse_values(indices, ignored)
        grey = np.array(levels, np.uint8)[:, None].repeat(3, axis=1)
        names = tuple(f"grey {level}" for level in levels)
        palette = Palette(
            "grey levels", names, grey, len(levels), {v: i for i, v in enumerate(levels)}
        )
        listed = ", ".join(map(str, levels[:LISTED])) + (", ..." if len(levels) > LISTED else "")
        return Reading(palette, evidence=(f"classes: the grey levels {listed}",))
    palette = _index_palette(indices[-1] + 1, values)
    return _with_ignored(palette, f"the indices {indices[0]} to {indices[-1]}", ignored)


def _refuse_photos(values: Mapping[Picture, Facts], pixels: Mapping[int, int], where: str) -> None:
    """Raise UserError if there are as many values as in photos."""
    most = max(values, key=lambda picture: len(values[picture].counts or ()))
    if len(pixels) > MAX_DERIVED:
        raise UserError(
            f"{where}: the label maps hold {len(pixels)} values from {min(pixels)} to "
            f"{max(pixels)}, {len(values[most].counts or ())} of them in {most}, which may be "
            "photos; if they are class indices, say so with --label-kind indices"
        )


def _refuse_two_kinds_of_masks(
    values: Mapping[Picture, Facts], indices: list[int], where: str
) -> None:
    """Raise UserError if some masks are marked with 1 and others with 255."""
    marks = {
        mark: next((p for p, facts in values.items() if mark in (facts.counts or ())), None)
        for mark in (1, 255)
    }
    both = any({1, 255} <= {*(facts.counts or ())} for facts in values.values())
    if indices == [0, 1] and all(marks.values()) and not both:
        raise UserError(
            f"{where}: some label maps hold 0 and 1 ({marks[1]}), others 0 and 255 ({marks[255]}): "
            "save all of them in one way; if 255 is ignored, say so with --label-kind indices"
        )


def _sparse_values(indices: list[int], ignored: list[int]) -> Reading:
    """Values that are far apart here and there: each is a class, in a colour of its own."""
    names = tuple(f"class {value}" for value in indices)
    table = {value: index for index, value in enumerate(indices)}
    colors = voc_colors(len(indices) + 1)[1:]
    palette = Palette("indices", names, colors, len(indices), table)
    listed = ", ".join(map(str, indices[:LISTED])) + (", ..." if len(indices) > LISTED else "")
    return _with_ignored(palette, f"the values {listed}", ignored)


def _with_ignored(palette: Palette, values: str, ignored: list[int]) -> Reading:
    """The reading of values that are `values` in words, with a void class if some are ignored."""
    if not ignored:
        return Reading(palette, evidence=(f"classes: {values}",))
    note = f"classes: {values}, and {ignored[0]} = ignored"
    return Reading(palette.with_void(), evidence=(note,))


def palette_of_colors(colors: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    if any(facts.lossy for facts in colors.values()) or kind == "nearest-colors":
        return _lossy_palette(colors, where, kind)
    many = [picture for picture, facts in colors.items() if facts.counts is None]
    pixels: Counter = Counter()
    for facts in colors.values():
        for color, count in zip(facts.colors, (facts.counts or {}).values(), strict=True):
            pixels[color] += count
    known = known_palette(pixels)
    if known is not None and not many:
        return Reading(
            known, evidence=(f"classes: {known.name}, recognised by colour, 100 % exact",)
        )
    nearest = max(PALETTES, key=lambda palette: share_in(pixels, palette))
    share = share_in(pixels, nearest)
    if many or len(pixels) > MAX_DERIVED:
        most = max(colors, key=lambda picture: len(colors[picture].counts or ()))
        what = (
            f"{many[0]} has more than 256 colours"
            if many
            else f"there are {len(pixels)} colours, {len(colors[most].counts or ())} of them in "
            f"{most}"
        )
        note = f"; {share:.0%} of the pixels have colours of {nearest.name}" if share > 0.5 else ""
        raise UserError(
            f"{where}: {what}, so they are no class colours of lossless files{note}. If these are "
            f"label maps, {HOW_TO_NAME}, and give --label-kind nearest-colors if edges are blended"
        )
    found = sorted(pixels)
    names = tuple(f"#{color:06x}" for color in found)
    palette = Palette(OWN_COLORS, names, unpack(np.array(found)), len(found))
    note = f"classes: {len(found)} colours of its own"
    if 0.5 < share < 1:
        listed = {*pack(nearest.colors).tolist()}
        others = [f"#{color:06x}" for color in found if color not in listed]
        note += (
            f"; {share:.2%} of the pixels have colours of {nearest.name}, but it has no "
            f"{', '.join(others[:LISTED])}{', ...' if len(others) > LISTED else ''}"
        )
    return Reading(palette, evidence=(note,))


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
        if len(np.unique(chosen, axis=0)) == count and np.ptp(chosen.astype(int), axis=1).any():
            colors = chosen
    return Palette("indices", tuple(f"class {index}" for index in range(count)), colors, count)


def _lossy_palette(colors: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    """The known palette that lossy label maps are near to."""
    best = max(LOSSY_PALETTES, key=lambda palette: near_share(colors.values(), palette))
    share = near_share(colors.values(), best)
    if kind != "nearest-colors" and not is_near_known(colors.values()):
        raise UserError(
            f"{where}: the label maps are saved with loss (as JPEG), and their colours are near "
            f"those of no known palette: {HOW_TO_NAME}"
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


def is_grey_color(color: int) -> bool:
    return color % 0x010101 == 0


def is_ignored(value: int) -> bool:
    return value == -1 or value in IGNORED_VALUES


def pixels_of_values(facts: Iterable[Facts]) -> Counter:
    """Pixels of each value in all of these single-channel label maps."""
    total: Counter = Counter()
    for one in facts:
        for value, count in zip(one.values, (one.counts or {}).values(), strict=True):
            total[value] += count
    return total
