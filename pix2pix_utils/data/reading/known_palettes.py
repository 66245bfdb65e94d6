"""The palettes that are recognised by their colours.

To add one, put its CSV file into data/palettes/, load it in `palette`, and list it in `KNOWN` and
`PALETTES`.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, MAPILLARY, VOC, Palette, pack, unpack
from pix2pix_utils.data.reading.survey import NEAR, Facts

PALETTES = (CITYSCAPES, CAMVID, MAPILLARY, VOC)
# How many of a palette's colours must occur before it is recognised. Black does not count. Many
# programs colour any indices with VOC's colours, so that most of them must occur.
KNOWN = {CITYSCAPES.name: 3, CAMVID.name: 3, MAPILLARY.name: 3, VOC.name: 15}
# Without its border, VOC's colours are more likely those of a program that colours indices so.
REQUIRED = {VOC.name: 0xE0E0C0}
LOSSY_PALETTES = (CITYSCAPES, CAMVID)  # others have so many colours that every photo is near
# Share of a lossy label map's pixels that are near a colour of its palette: .51 to .84 of maps
# of streets at 64 to 256 px and JPEG quality 75, at least .29 at quality 30; .02 to .07 of street
# photos, at most .21.
MIN_NEAR = 0.25
MIN_CLASS_SHARE = 0.002  # share of the pixels from which a class occurs in lossy label maps


def known_palette(colors: Iterable[int]) -> Palette | None:
    """The known palette that has all of these packed colours, if enough of them occur."""
    found = set(colors)
    for palette in PALETTES:
        known = set(pack(palette.colors).tolist())
        required = REQUIRED.get(palette.name)
        if required is not None and required not in found:
            continue
        if found <= known and len(found - {0}) >= KNOWN[palette.name]:
            return palette
    return None


def share_in(pixels: Mapping[int, int], palette: Palette) -> float:
    """The share of the pixels, counted by packed colour, whose colour the palette has."""
    known = set(pack(palette.colors).tolist())
    total = sum(pixels.values())
    return sum(n for color, n in pixels.items() if color in known) / total if total else 0.0


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
            classes, away = palette.nearest(unpack(np.array(picture.colors)))
            classes = np.where(away <= NEAR, classes, len(palette))
            np.add.at(totals, classes, np.array(list(picture.counts.values())))
    black, away = palette.nearest(np.zeros(3, np.uint8))
    if away == 0:
        totals[int(black)] = 0
    return totals
