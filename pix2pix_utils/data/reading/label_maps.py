"""Decide how the label maps of a data set name their classes, from all of them together.

A palette that is given (by the layout, by palette.csv or by a trained network) says which colours
and values there may be. Without one, in this order: class indices in a single channel, a known
palette whose colours are exactly those that occur, the label maps' own few colours.

Nothing is snapped to a near colour unless files are lossy (JPEG) or the owner asks for it.

To add a known palette, put its CSV file into data/palettes/, load it in `palette`, list it in
`KNOWN`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pix2pix_utils.data.palette import (
    CAMVID,
    CITYSCAPES,
    IGNORED_VALUES,
    LABEL_IDS,
    MAPILLARY,
    TRAIN_IDS,
    UNKNOWN,
    VOC,
    Palette,
    pack,
    unpack,
    voc_colors,
)
from pix2pix_utils.data.reading.survey import NEAR, Facts
from pix2pix_utils.data.source import Picture, Reading
from pix2pix_utils.errors import UserError

# Known palettes, and how many of their colours must occur before they are recognised. Black does
# not count. Many programs colour any indices with VOC's colours, so that nearly all must occur.
KNOWN = {CITYSCAPES.name: 3, CAMVID.name: 3, MAPILLARY.name: 3, VOC.name: 15}
PALETTES = (CITYSCAPES, CAMVID, MAPILLARY, VOC)
MAX_DERIVED = 64  # classes that are found without a palette
# Share of a lossy label map's pixels that are near a colour of its palette: .51 to .84 of maps
# of streets at 64 to 256 px and JPEG quality 75, at least .29 at quality 30; .02 to .07 of street
# photos, at most .21.
MIN_NEAR = 0.25
LOSSY_PALETTES = (CITYSCAPES, CAMVID)  # others have so many colours that every photo is near
MIN_CLASS_SHARE = 0.002  # share of near pixels from which a class occurs in lossy label maps
# Road, vegetation, sky and car by their label ids, which are rare classes' indices; and road, sky
# and car by their indices. One of the two covers most of every street.
LABEL_ID_SIGNS, INDEX_SIGNS = (7, 21, 23, 26), (0, 10, 13)
CLEARLY = 3  # times as many pixels
LISTED = 10  # colours or values in a message
HOW_TO_NAME = (
    "name the classes in a file palette.csv in that folder, with the columns name,red,green,blue"
)


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
    that is not certain, or if a colour or value names no class.
    """
    usable = {picture: facts for picture, facts in seen.items() if not facts.problem}
    if not usable:
        raise UserError(next(iter(seen.values())).problem if seen else f"{where}: no label maps")
    if kind in ("label-ids", "train-ids"):
        given = Given(CITYSCAPES, f"the label kind {kind}")
    by_index = _by_index(usable, where, given, kind)
    colors, values = _split(usable, by_index)
    if any(facts.lossy for facts in values.values()) and not _is_grey(given):
        first = next(picture for picture, facts in values.items() if facts.lossy)
        raise UserError(
            f"{first} is a JPEG file of class indices, but JPEG changes them: save the label maps "
            "as PNG, from their original"
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
        reading = _without_palette_by_value(values, where, kind)
    else:
        reading = _without_palette_by_color(colors, where, kind)
    reading = replace(reading, by_index=by_index)
    _require_two_classes(usable, reading, where, one_class)
    return reading


def class_counts(facts: Facts, reading: Reading) -> np.ndarray:
    """Pixels of each class in a label map, (C,); of a thumbnail where colours are lossy.

    Colours and values that name no class are left out.
    """
    palette = reading.palette
    counts = np.zeros(len(palette), dtype=np.int64)
    if facts.counts is None:
        near = facts.near.get(palette.name, (0,)) if reading.nearest else (0,)
        counts[: len(near) - 1] = near[:-1]
        return counts
    keys = np.array(list(facts.counts))
    pixels = np.array(list(facts.counts.values()))
    if facts.form == "values" or reading.by_index:
        values = keys & 255 if facts.form == "colors" else keys
        values = np.where(values == -1, IGNORED_VALUES[0], values)
        inside = (values >= 0) & (values < 1 << 16)
        classes = np.where(inside, palette.value_table()[values * inside], UNKNOWN)
    else:
        packed = [facts.table[key] for key in facts.counts] if facts.form == "table" else keys
        decode = palette.decode if reading.nearest else palette.decode_exactly
        classes = decode(unpack(np.array(packed))).astype(int)
    known = classes != UNKNOWN
    np.add.at(counts, classes[known], pixels[known])
    return counts


def _by_index(
    usable: Mapping[Picture, Facts], where: str, given: Given | None, kind: str | None
) -> bool:
    """Whether colour tables are ignored, and three equal channels are one value."""
    if kind is not None:
        return kind not in ("colors", "nearest-colors")
    colored = [facts for facts in usable.values() if facts.form == "colors"]
    tables = [facts for facts in usable.values() if facts.form == "table"]
    if not colored and not tables:
        return False
    if any(facts.counts is None or facts.lossy for facts in colored):
        return False
    found = {key for facts in colored for key in facts.counts or ()}
    found |= {color for facts in tables for color in facts.table.values()}
    if given is not None and found <= set(pack(given.palette.colors).tolist()):
        return False
    if colored:
        flat = {key for facts in colored for key in facts.counts or ()}
        if not all(_is_grey_color(key) for key in flat):
            return False  # tables hold colours, as the other files do
        if not tables:
            return not _are_grey_levels({key & 255 for key in flat}, given)
    return _tables_are_indices(tables, where, given)


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
    if all(map(_is_grey_color, files_of)):
        return not _are_grey_levels({color & 255 for color in files_of}, None)
    if _known_palette(files_of) is not None:
        return False
    consistent = all(len(colors) == 1 for colors in colors_of.values())
    if consistent and len(files_of) == len(colors_of):
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
        palette, note = _with_values(palette, _pixels(values.values()), values, where, kind)
        evidence.append(f"classes: {palette.name}, by {note} in a single channel")
    reading = Reading(palette, nearest=nearest)
    if colors and nearest:
        near = _require_near(colors, palette, where, kind)
        evidence.append(
            f"classes: {palette.name} ({given.origin}), each pixel that of the nearest colour; "
            f"{near:.0%} of the pixels are near one"
        )
    elif colors:
        _require_known_colors(colors, palette, where, given.origin)
        evidence.append(f"classes: {palette.name} ({given.origin}), by colour, 100 % exact")
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
    elif not palette.values and _is_grey(Given(palette, "")):
        levels = palette.colors[:, 0].tolist()
        palette = replace(palette, values={level: index for index, level in enumerate(levels)})
        note = "grey levels"
    if any(map(_is_ignored, pixels)) and IGNORED_VALUES[0] not in palette.values:
        palette = palette.with_void()
    table = palette.value_table()
    wrong = {
        value: count
        for value, count in pixels.items()
        if value != -1 and not (0 <= value < len(table) and table[value] != UNKNOWN)
    }
    if wrong:
        raise UserError(
            f"{where}: the label maps hold {_listed(wrong, pixels)}, which name no class of the "
            f"palette '{palette.name}': correct the files or the palette"
        )
    return palette, note


def _cityscapes_ids(
    palette: Palette, pixels: Mapping[int, int], pictures: Iterable[Picture], where: str
) -> str:
    """Whether values are label ids or class indices, of which the train ids are the first 19.

    By the files' names, else by the frequent classes of all label maps together, else as the
    network was trained. Raises UserError if the two can be confused.
    """
    stems = [picture.path.stem for picture in pictures]
    for kind, suffix in (("label-ids", "_labelIds"), ("train-ids", "_labelTrainIds")):
        if all(stem.endswith(suffix) for stem in stems):
            return kind
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


def _without_palette_by_value(
    values: Mapping[Picture, Facts], where: str, kind: str | None
) -> Reading:
    stems = [picture.path.stem for picture in values]
    if any(facts.counts is None for facts in values.values()):
        first = next(picture for picture, facts in values.items() if facts.counts is None)
        raise UserError(
            f"{first} holds more than 256 values: a label map holds one class index for each pixel"
        )
    pixels = _pixels(values.values())
    for suffix, found in (("_labelIds", "label-ids"), ("_labelTrainIds", "train-ids")):
        if all(stem.endswith(suffix) for stem in stems):
            palette, note = _with_values(CITYSCAPES, pixels, values, where, found)
            return Reading(palette, evidence=(f"classes: Cityscapes, by {note}",))
    indices = sorted(value for value in pixels if not _is_ignored(value))
    ignored = sorted(value for value in pixels if _is_ignored(value))
    if not indices or (indices[0] < 0):
        raise UserError(
            f"{where}: the label maps hold {_listed(pixels, pixels)}, which are no class indices"
        )
    if kind != "indices" and _are_grey_levels(set(pixels), None):
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
        if len(np.unique(chosen, axis=0)) == count and not _all_grey(chosen):
            colors = chosen
    return Palette("indices", tuple(f"class {index}" for index in range(count)), colors, count)


def _without_palette_by_color(
    colors: Mapping[Picture, Facts], where: str, kind: str | None
) -> Reading:
    if any(facts.lossy for facts in colors.values()) or kind == "nearest-colors":
        return _lossy_palette(colors, where, kind)
    many = [picture for picture, facts in colors.items() if facts.counts is None]
    pixels: Counter = Counter()
    for facts in colors.values():
        for key, count in (facts.counts or {}).items():
            pixels[facts.table[key] if facts.form == "table" else key] += count
    known = _known_palette(pixels)
    if known is not None and not many:
        return Reading(
            known, evidence=(f"classes: {known.name}, recognised by colour, 100 % exact",)
        )
    if many or len(pixels) > MAX_DERIVED:
        nearest = max(PALETTES, key=lambda palette: _share_in(pixels, palette))
        share = _share_in(pixels, nearest)
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


def _lossy_palette(colors: Mapping[Picture, Facts], where: str, kind: str | None) -> Reading:
    """The known palette that lossy label maps are near to."""
    best = max(LOSSY_PALETTES, key=lambda palette: near_share(colors.values(), palette))
    share = near_share(colors.values(), best)
    if kind != "nearest-colors" and not is_near_known(colors.values()):
        raise UserError(
            f"{where}: the label maps are saved with loss (JPEG), and their colours are near those "
            f"of no known palette: {HOW_TO_NAME}"
        )
    _require_near(colors, best, where, kind)
    return Reading(
        best,
        nearest=True,
        evidence=(
            f"classes: {best.name}, recognised by colour; saved with loss, so each pixel gets the "
            f"class of the nearest colour ({share:.0%} of the pixels are near one)",
        ),
    )


def near_share(facts: Iterable[Facts], palette: Palette) -> float:
    """The share of pixels near a colour of the palette, black ones left out; 1 if all are black."""
    totals = _near_counts(facts, palette)
    return float(totals[:-1].sum() / totals.sum()) if totals.sum() else 1.0


def is_near_known(facts: Iterable[Facts]) -> bool:
    """Whether pictures have the colours of a known palette, changed by JPEG.

    Some classes that are not grey must be among them, since grey photos have grey in common with
    every palette.
    """
    facts = list(facts)
    for palette in LOSSY_PALETTES:
        totals = _near_counts(facts, palette)
        shares = totals / max(totals.sum(), 1)
        colorful = np.ptp(palette.colors.astype(int), axis=1) > 0
        occurring = int((shares[:-1][colorful] > MIN_CLASS_SHARE).sum())
        if shares[:-1].sum() >= MIN_NEAR and occurring >= KNOWN[palette.name]:
            return True
    return False


def _near_counts(facts: Iterable[Facts], palette: Palette) -> np.ndarray:
    """Pixels near each class's colour, and last those near none; (C + 1,), without black."""
    totals = np.zeros(len(palette) + 1)
    for picture in facts:
        if picture.near:
            totals += np.array(picture.near[palette.name])
        elif picture.counts:
            keys = list(picture.counts)
            packed = [picture.table[key] for key in keys] if picture.form == "table" else keys
            classes, away = palette.nearest(unpack(np.array(packed)))
            classes = np.where(away <= NEAR, classes, len(palette))
            np.add.at(totals, classes, np.array(list(picture.counts.values())))
    black, away = palette.nearest(np.zeros(3, np.uint8))
    if away == 0:
        totals[int(black)] = 0
    return totals


def _require_near(
    colors: Mapping[Picture, Facts], palette: Palette, where: str, kind: str | None
) -> float:
    """The share of pixels near the palette; raises UserError for pictures that are photos."""
    if kind != "nearest-colors":
        shares = {picture: near_share([colors[picture]], palette) for picture in colors}
        wrong = [picture for picture, share in shares.items() if share < MIN_NEAR]
        if wrong:
            more = f", as in {len(wrong) - 1} more files" if len(wrong) > 1 else ""
            raise UserError(
                f"only {shares[wrong[0]]:.0%} of {wrong[0]} is near a colour of the palette "
                f"'{palette.name}'{more}: is it a label map?"
            )
    return near_share(colors.values(), palette)


def _require_known_colors(
    colors: Mapping[Picture, Facts], palette: Palette, where: str, origin: str
) -> None:
    known = set(pack(palette.colors).tolist())
    many = [picture for picture, facts in colors.items() if facts.counts is None]
    if many:
        more = f" and {len(many) - 1} more files have" if len(many) > 1 else " has"
        raise UserError(
            f"{many[0]}{more} more than 256 colours, but the palette '{palette.name}' ({origin}) "
            f"has {len(palette)}: is it a label map? If its edges are blended, give --label-kind "
            "nearest-colors"
        )
    pixels: Counter = Counter()
    wrong: Counter = Counter()
    files = []
    for picture, facts in colors.items():
        for key, count in (facts.counts or {}).items():
            color = facts.table[key] if facts.form == "table" else key
            pixels[color] += count
            if color not in known:
                wrong[color] += count
                files.append(picture)
    if wrong:
        total = sum(pixels.values())
        listed = ", ".join(
            f"{tuple(unpack(np.array(color)).tolist())} ({count / total:.2%})"
            for color, count in wrong.most_common(LISTED)
        )
        more = f" and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
        raise UserError(
            f"{where}: {len(dict.fromkeys(files))} label maps ({files[0]}) have colours that are "
            f"not in the palette '{palette.name}' ({origin}): {listed}{more}. Are they label maps? "
            "If so, add the colours to palette.csv, or give --label-kind nearest-colors"
        )


def _require_two_classes(
    usable: Mapping[Picture, Facts], reading: Reading, where: str, one_class: bool
) -> None:
    total = sum(class_counts(facts, reading) for facts in usable.values())
    occurring = np.flatnonzero(total)
    if len(occurring) < 2 and not one_class:
        name = f"'{reading.palette.classes[occurring[0]]}'" if len(occurring) else "of no class"
        raise UserError(
            f"{where}: every pixel of all label maps is {name}, so there is nothing to learn: "
            "check how they were saved"
        )


def _known_palette(colors: Iterable[int]) -> Palette | None:
    """The known palette that has all of these packed colours, if enough of them occur."""
    found = set(colors)
    for palette in PALETTES:
        known = set(pack(palette.colors).tolist())
        if found <= known and len(found - {0}) >= KNOWN[palette.name]:
            return palette
    return None


def _share_in(pixels: Mapping[int, int], palette: Palette) -> float:
    known = set(pack(palette.colors).tolist())
    total = sum(pixels.values())
    return sum(n for color, n in pixels.items() if color in known) / total if total else 0.0


def _are_grey_levels(values: set[int], given: Given | None) -> bool:
    """Whether values are grey levels rather than indices: too large or too few and far apart."""
    if given is not None:
        return _is_grey(given)
    indices = [value for value in values if not _is_ignored(value)]
    if indices == [0]:
        return len(values) > 1  # black and white
    return bool(indices) and max(indices) >= MAX_DERIVED


def _is_grey(given: Given | None) -> bool:
    return given is not None and _all_grey(given.palette.colors)


def _all_grey(colors: np.ndarray) -> bool:
    return bool(np.ptp(colors.astype(int), axis=1).max() == 0)


def _is_grey_color(color: int) -> bool:
    return color % 0x010101 == 0


def _is_ignored(value: int) -> bool:
    return value == -1 or value in IGNORED_VALUES


def _pixels(facts: Iterable[Facts]) -> Counter:
    """Pixels of each value in all of these single-channel label maps."""
    total: Counter = Counter()
    for one in facts:
        for key, count in (one.counts or {}).items():
            total[key & 255 if one.form == "colors" else key] += count
    return total


def _listed(values: Mapping[int, int], pixels: Mapping[int, int]) -> str:
    """Values with their share of the pixels, the most frequent first."""
    total = max(sum(pixels.values()), 1)
    most = sorted(values.items(), key=lambda item: -item[1])[:LISTED]
    more = f" and {len(values) - LISTED} more values" if len(values) > LISTED else ""
    return "the values " + ", ".join(f"{v} ({n / total:.2%})" for v, n in most) + more
