"""Decide how the label maps of a data set name their classes, from all of them together.

A palette that is given (by the layout, by palette.csv or by a trained network) says which colours
and values there may be. Without one, in this order: class indices in a single channel, a known
palette whose colours are exactly those that occur, the label maps' own few colours.

Nothing is snapped to a near colour unless files are lossy (JPEG) or the owner asks for it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pix2pix_utils.data.palette import (
    CITYSCAPES,
    IGNORED_VALUES,
    LABEL_IDS,
    TRAIN_IDS,
    UNKNOWN,
    Palette,
    pack,
)
from pix2pix_utils.data.reading.fit import class_counts, misfits, odd_file
from pix2pix_utils.data.reading.known_palettes import known_palette, near_share
from pix2pix_utils.data.reading.own_palettes import (
    HOW_TO_NAME,
    MAX_DERIVED,
    OWN_COLORS,
    are_grey_levels,
    is_grey_color,
    is_ignored,
    palette_of_colors,
    palette_of_values,
    pixels_of_values,
)
from pix2pix_utils.data.reading.survey import Facts
from pix2pix_utils.data.source import Picture, Reading
from pix2pix_utils.errors import UserError

# Road, vegetation, sky and car by their label ids, which are rare classes' indices; and road, sky
# and car by their indices. One of the two covers most of every street.
LABEL_ID_SIGNS, INDEX_SIGNS = (7, 21, 23, 26), (0, 10, 13)
CLEARLY = 3  # times as many pixels


@dataclass(frozen=True)
class Given:
    """A palette that is known before the label maps are looked at."""

    palette: Palette
    origin: str  # 'palette.csv', 'the layout', 'the run'


def decide_label_maps(
    seen: Mapping[Picture, Facts],
    where: str,
    given: Given | None = None,
    kind: str | None = None,
    one_class: bool = False,
) -> Reading:
    """How all these label maps are read; `where` names them in messages.

    `kind` is one of `options.LABEL_KINDS`, if the layout or the owner says it. `one_class` allows
    that only one class occurs in all of them, as in a few files to translate. Raises UserError if
    it is not certain how they are read; `misfits` says which do not fit.
    """
    usable = {picture: facts for picture, facts in seen.items() if not facts.problem}
    if not usable:
        raise UserError(next(iter(seen.values())).problem if seen else f"{where}: no label maps")
    if kind in ("label-ids", "train-ids"):
        given = Given(CITYSCAPES, f"the label kind {kind}")
    by_index = _by_index(usable, where, given, kind)
    colors, values = _split(usable, by_index)
    _refuse_photos(usable, values, kind)
    if given is None and values and (ids := _ids_by_name(values)):
        given, kind = Given(CITYSCAPES, "the files' names"), kind or ids
    first = next((picture for picture, facts in values.items() if facts.lossy), None)
    if given is not None and given.palette.is_grey and (first or kind == "nearest-colors"):
        colors, values = usable, {}  # grey levels that JPEG has changed
    elif first is not None:
        raise UserError(
            f"{first} has one channel, saved with loss (as JPEG), which changes class indices: is "
            "it a label map? If it is, save it as PNG, from its original, or name its grey levels "
            "in a file palette.csv"
        )
    if colors and values and given is None:
        one, other = next(iter(colors)), next(iter(values))
        raise UserError(
            f"{where}: {len(colors)} label maps are coloured ({one}) and {len(values)} hold one "
            f"value for each pixel ({other}): save all of them in one way, or {HOW_TO_NAME}"
        )
    if given is not None:
        reading = _with_palette(given, colors, values, where, kind)
    elif values:
        reading = palette_of_values(values, where, kind)
    else:
        reading = palette_of_colors(colors, where, kind)
    reading = replace(reading, by_index=by_index)
    derived = given is None and kind is None and not reading.nearest
    if derived and (odd := odd_file(usable, reading)):
        right = "indices" if values else "colors"
        raise UserError(f"{odd} If it is, give --label-kind {right}")
    _require_two_classes(usable, reading, where, kind, one_class)
    return reading


def _by_index(
    usable: Mapping[Picture, Facts], where: str, given: Given | None, kind: str | None
) -> bool:
    """Whether colour tables are ignored, and three equal channels are one value."""
    if kind is not None:
        by_index = kind not in ("colors", "nearest-colors")
        if by_index:
            _refuse_colors(usable, kind)
        return by_index
    colored = [facts for facts in usable.values() if facts.form == "colors"]
    tables = [facts for facts in usable.values() if facts.form == "table"]
    if not colored and not tables:
        return False
    if any(facts.counts is None or facts.lossy for facts in colored):
        return False
    flat = {color for facts in colored for color in facts.colors}
    found = flat | {color for facts in tables for color in facts.colors}
    if given is not None:
        known = found & set(pack(given.palette.colors).tolist())
        if len(known) > len(found) / 2:
            return False  # `misfits` names the others
    if colored:
        if not all(is_grey_color(key) for key in flat):
            return False  # tables hold colours, as the other files do
        if not tables:
            single = len(colored) < len(usable)
            return single or not are_grey_levels({key & 255 for key in flat})
    return _tables_are_indices(tables, where, given)


def _refuse_photos(
    usable: Mapping[Picture, Facts], values: Mapping[Picture, Facts], kind: str | None
) -> None:
    """Raise UserError if a file has more values than any label map, or is as uneven as a photo."""
    for picture, facts in usable.items():
        if picture in values and facts.counts is None:
            raise UserError(
                f"{picture} has more than 256 values: is it a label map? They hold one class index "
                "for each pixel"
            )
        keys = facts.counts or ()
        if kind is None and not facts.lossy and facts.is_uneven:
            what = f"values from {min(keys)} to {max(keys)}" if picture in values else "colours"
            raise UserError(
                f"{picture} has {len(keys)} {what}, and {1 - facts.even:.0%} of its pixels differ "
                "from the next one, as in photos: is it a label map? If it is, say how it is read "
                "with --label-kind indices or --label-kind colors"
            )


def _refuse_colors(usable: Mapping[Picture, Facts], kind: str) -> None:
    for picture, facts in usable.items():
        grey = facts.counts is not None and all(map(is_grey_color, facts.counts))
        if facts.form == "colors" and not grey:
            raise UserError(
                f"{picture} is coloured, so it cannot be read with --label-kind {kind}: leave the "
                "option out, or give --label-kind colors"
            )


def _tables_are_indices(tables: list[Facts], where: str, given: Given | None) -> bool:
    """Whether files with a colour table name classes by the index rather than by the colour."""
    colors_of: dict[int, set[int]] = {}
    files_of: Counter = Counter()
    for facts in tables:
        for index, color in facts.table.items():
            colors_of.setdefault(index, set()).add(color)
        files_of.update(set(facts.table.values()))
    if given is not None:
        return True
    if all(map(is_grey_color, files_of)):
        return not are_grey_levels({color & 255 for color in files_of})
    if known_palette(files_of) is not None:
        return False
    consistent = all(len(colors) == 1 for colors in colors_of.values())
    if consistent:
        return True
    if len(files_of) <= len(colors_of):
        return False  # few colours at changing indices, as programs that compress files write them
    reused = sum(files_of.values()) / len(files_of)
    if len(files_of) > MAX_DERIVED or reused < 2:
        return True  # ever new colours for the same indices
    raise UserError(
        f"{where}: the label maps have colour tables that contradict each other "
        f"({len(colors_of)} indices with {len(files_of)} colours): say whether the indices or the "
        "colours are the classes, with --label-kind indices or --label-kind colors"
    )


def _split(
    usable: Mapping[Picture, Facts], by_index: bool
) -> tuple[dict[Picture, Facts], dict[Picture, Facts]]:
    """The label maps whose colours name classes, and those whose values do."""
    colors = {
        picture: facts
        for picture, facts in usable.items()
        if not by_index and facts.form in ("colors", "table")
    }
    return colors, {picture: facts for picture, facts in usable.items() if picture not in colors}


def _with_palette(
    given: Given,
    colors: Mapping[Picture, Facts],
    values: Mapping[Picture, Facts],
    where: str,
    kind: str | None,
) -> Reading:
    palette, evidence = given.palette, []
    lossy = [facts for facts in colors.values() if facts.lossy]
    nearest = kind == "nearest-colors" or bool(lossy)
    if values:
        palette, note = _with_values(
            palette, pixels_of_values(values.values()), values, where, kind
        )
        evidence.append(f"classes: {palette.name}, by {note} in a single channel")
    reading = Reading(palette, nearest=nearest)
    if colors and nearest:
        near = near_share(colors.values(), palette)
        evidence.append(
            f"classes: {palette.name} ({given.origin}), each pixel that of the nearest colour; "
            f"{near:.0%} of the pixels are near one"
        )
    elif colors:
        evidence.append(f"classes: {palette.name} ({given.origin}), by colour")
    return replace(reading, evidence=tuple(evidence))


def _with_values(
    palette: Palette,
    pixels: Mapping[int, int],
    pictures: Iterable[Picture],
    where: str,
    kind: str | None,
) -> tuple[Palette, str]:
    """The palette with the values of these label maps, and what they are, in words."""
    note = "class indices"
    if palette.name == CITYSCAPES.name:
        ids = kind or _cityscapes_ids(palette, pixels, pictures, where)
        values, note = {
            "label-ids": (LABEL_IDS, "label ids (0 to 33)"),
            "train-ids": (TRAIN_IDS, "train ids (0 to 18, 255 is ignored)"),
        }.get(ids, ({}, note))
        palette = replace(CITYSCAPES, values=values)
    elif palette.is_grey and kind != "indices" and not _are_indices(pixels, palette):
        levels = palette.colors[:, 0].tolist()
        palette = replace(palette, values={level: index for index, level in enumerate(levels)})
        note = "grey levels"
    elif {*pixels} == {0, 255} and len(palette) == 2 and palette.value_table()[1] != UNKNOWN:
        classes = palette.value_table()
        palette = replace(palette, values={0: int(classes[0]), 255: int(classes[1])})
        note = "black and white"
    elif palette.name == OWN_COLORS:
        raise UserError(
            f"{where}: the label maps hold class indices, but the classes of '{palette.name}' have "
            "no numbers: save the label maps in the colours of the training data"
        )
    if any(map(is_ignored, pixels)) and IGNORED_VALUES[0] not in palette.values:
        palette = palette.with_void()
    return palette, note


def _are_indices(pixels: Mapping[int, int], palette: Palette) -> bool:
    """Whether values name the lines of a palette of greys rather than its grey levels."""
    found = {value for value in pixels if not is_ignored(value)}
    levels = {*palette.colors[:, 0].tolist()}
    return not found <= levels and found <= {*range(len(palette))}


def _cityscapes_ids(
    palette: Palette, pixels: Mapping[int, int], pictures: Iterable[Picture], where: str
) -> str:
    """Whether values are label ids or class indices, of which the train ids are the first 19.

    By the files' names, else by the frequent classes of all label maps together, else as the
    network was trained. Raises UserError if the two can be confused.
    """
    if kind := _ids_by_name(pictures):
        return kind
    if any(value not in LABEL_IDS and not is_ignored(value) for value in pixels):
        return "indices"  # `misfits` names the values
    if {*pixels} == {0, 255}:
        raise UserError(
            f"{where}: the only values are 0 and 255, as in black and white masks; if they are "
            "road and ignored, say so with --label-kind train-ids"
        )
    label_ids = sum(pixels.get(value, 0) for value in LABEL_ID_SIGNS)
    indices = sum(pixels.get(value, 0) for value in INDEX_SIGNS)
    if label_ids > CLEARLY * indices:
        return "label-ids"
    if indices > CLEARLY * label_ids:
        return "indices"
    if palette.values:
        return "label-ids" if palette.values == LABEL_IDS else "train-ids"
    raise UserError(
        f"{where}: the values {min(pixels)} to {max(pixels)} may be Cityscapes' label ids or its "
        "train ids: say which with --label-kind label-ids or --label-kind train-ids"
    )


def _ids_by_name(pictures: Iterable[Picture]) -> str | None:
    """The kind of ids that the names of all files end with, as Cityscapes' scripts write them."""
    stems = [picture.path.stem for picture in pictures]
    for kind, suffix in (("label-ids", "_labelIds"), ("train-ids", "_labelTrainIds")):
        if all(stem.endswith(suffix) for stem in stems):
            return kind
    return None


def _require_two_classes(
    usable: Mapping[Picture, Facts],
    reading: Reading,
    where: str,
    kind: str | None,
    one_class: bool,
) -> None:
    if one_class:
        return
    total = sum(class_counts(facts, reading) for facts in usable.values())
    occurring = np.flatnonzero(total)
    if len(occurring) < 2 and (unknown := misfits(usable, reading, where, kind)):
        raise UserError(unknown[0])
    by_value = any(facts.form == "values" for facts in usable.values())
    scored = occurring[occurring < reading.palette.evaluated]
    if len(scored if by_value else occurring) < 2:
        name = " or ".join(f"'{reading.palette.classes[index]}'" for index in occurring)
        raise UserError(
            f"{where}: every pixel of all label maps is {name or 'of no class'}, so there is "
            "nothing to learn: check how they were saved"
        )
