"""Apply a reading to what was seen: the classes of a label map, and what does not fit."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from pix2pix_utils.data.palette import IGNORED_VALUES, UNKNOWN, unpack
from pix2pix_utils.data.reading.known_palettes import MIN_NEAR, near_share
from pix2pix_utils.data.reading.survey import Facts
from pix2pix_utils.data.source import Picture, Reading

LISTED = 10  # colours or values in a message
MIN_ODD = 3  # classes that only one file has, and
MIN_OTHERS = 4  # files for each of those that have them, which makes them suspicious


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
    classes = _classes_of(facts, reading)
    pixels = np.array(list(facts.counts.values()))
    known = classes != UNKNOWN
    np.add.at(counts, classes[known], pixels[known])
    return counts


def misfits(
    seen: Mapping[Picture, Facts], reading: Reading, where: str, kind: str | None = None
) -> list[str]:
    """What does not fit how label maps are read: one sentence for each file, after one for all."""
    unknown: Counter = Counter()
    pixels = 0
    found = []
    for picture, facts in seen.items():
        if facts.problem:
            continue
        snapped = reading.nearest and (facts.lossy or kind == "nearest-colors")
        if snapped and not _is_value(facts, reading):
            share = near_share([facts], reading.palette)
            if kind != "nearest-colors" and share < MIN_NEAR:
                found.append(
                    f"only {share:.0%} of {picture} is near a colour of the palette "
                    f"'{reading.palette.name}': is it a label map?"
                )
        elif facts.counts is None:
            advice = " If its edges are blended, give --label-kind nearest-colors"
            found.append(
                f"{picture} has more than 256 colours, but the palette '{reading.palette.name}' "
                f"has {len(reading.palette)}: is it a label map?"
                + (advice if facts.form == "colors" else "")
            )
        else:
            classes = _classes_of(facts, reading, exactly=not snapped)
            names = _names(facts, reading)
            counts = list(facts.counts.values())
            wrong = {
                name: count
                for name, count, index in zip(names, counts, classes, strict=True)
                if index == UNKNOWN
            }
            pixels += sum(counts)
            unknown.update(wrong)
            if wrong:
                found.append(
                    f"{picture} has {_listed(wrong, sum(counts))}, but the palette "
                    f"'{reading.palette.name}' has no such class: is it a label map?"
                )
    colored = not any(_is_value(facts, reading) for facts in seen.values())
    if len(found) > 1 and unknown:
        found.insert(
            0,
            f"{where}: the label maps have {_listed(unknown, pixels)} that the palette "
            f"'{reading.palette.name}' lacks: add them to palette.csv or correct the files"
            + (", or, for blended colours, give --label-kind nearest-colors" if colored else ""),
        )
    return found


def odd_file(seen: Mapping[Picture, Facts], reading: Reading) -> str:
    """A sentence if one label map among many has classes that hardly any other has, else ''."""
    found = {
        picture: {*_classes_of(facts, reading).tolist()} - {UNKNOWN}
        for picture, facts in seen.items()
        if facts.counts is not None
    }
    files = Counter(index for classes in found.values() for index in classes)
    odd = {
        picture: own
        for picture, classes in found.items()
        if 2 * len(own := {index for index in classes if files[index] == 1}) > len(classes)
        and len(own) >= MIN_ODD
    }
    if len(found) < MIN_OTHERS or not odd or len(odd) > len(found) // MIN_OTHERS:
        return ""  # where many files differ from all others, they are just different
    picture, own = next(iter(odd.items()))
    named = ", ".join(reading.palette.classes[index] for index in sorted(own)[:LISTED])
    return (
        f"{picture} has {len(own)} classes that no other label map has ({named}"
        f"{', ...' if len(own) > LISTED else ''}): is it a label map of this data set?"
    )


def _classes_of(facts: Facts, reading: Reading, exactly: bool = False) -> np.ndarray:
    """The class of each value, index or colour that is counted, or UNKNOWN.

    `exactly`: no colour counts as the nearest of the palette, whatever the reading says.
    """
    palette = reading.palette
    if _is_value(facts, reading):
        values = np.array(facts.values)
        values = np.where(values == -1, IGNORED_VALUES[0], values)
        inside = (values >= 0) & (values < 1 << 16)
        return np.where(inside, palette.value_table()[values * inside], UNKNOWN)
    packed = np.array(facts.colors)
    if facts.form == "values":
        packed = packed.clip(0, 255) * 0x010101
    nearest = reading.nearest and not exactly
    decode = palette.decode if nearest else palette.decode_exactly
    return decode(unpack(packed)).astype(int)


def _is_value(facts: Facts, reading: Reading) -> bool:
    if reading.nearest and reading.palette.is_grey:
        return False  # grey levels are colours that are near others
    return facts.form == "values" or reading.by_index


def _names(facts: Facts, reading: Reading) -> list[str]:
    """The values or colours of a picture in words, in the order of its counts."""
    if facts.form == "values" or reading.by_index:
        return [f"the value {value}" for value in facts.values]
    return [f"the colour {tuple(color)}" for color in unpack(np.array(facts.colors)).tolist()]


def _listed(found: Mapping[str, int], pixels: int) -> str:
    """Colours or values with their share of the pixels, the most frequent first."""
    most = sorted(found.items(), key=lambda item: -item[1])[:LISTED]
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return ", ".join(f"{name} ({count / max(pixels, 1):.2%})" for name, count in most) + more
