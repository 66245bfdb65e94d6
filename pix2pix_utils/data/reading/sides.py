"""Decide which of the two pictures of every pair is the label map, for a whole data set.

In this order: what the owner or the layout says, palette.csv (whose colours one side has), the
names of folders and suffixes, and what the pictures look like. A data set in doubt is refused.
"""

from collections.abc import Callable, Mapping, Sequence

from pix2pix_utils.data.folders import evenly_spaced
from pix2pix_utils.data.layouts.side_names import side_of_name
from pix2pix_utils.data.palette import IGNORED_VALUES, Palette, pack
from pix2pix_utils.data.reading.known_palettes import MIN_NEAR, is_near_known, near_share
from pix2pix_utils.data.reading.own_palettes import MAX_DERIVED
from pix2pix_utils.data.reading.survey import Facts
from pix2pix_utils.data.source import Listing, Picture
from pix2pix_utils.errors import UserError

SAMPLES = 16  # pairs that are compared with palette.csv
NAMED = {"label": 1, "photo": -1, None: 0}

Look = Callable[[Sequence[Picture]], Mapping[Picture, Facts]]


def decide_side(
    listing: Listing, look: Look, palette: Palette | None, option: str | None
) -> tuple[int, str]:
    """Which of `listing.sides` has the label maps, 0 or 1, and how that was found out.

    `look` opens pictures (see `Survey.look`), `palette` is that of palette.csv, `option` what the
    owner says. Raises UserError if it cannot be told.
    """
    sides = listing.sides
    if option is not None:
        matching = [index for index, side in enumerate(sides) if side.lower() == option.lower()]
        if len(matching) != 1:
            raise UserError(
                f"--label-side {option}: the sides of {listing.folder} are '{sides[0]}' and "
                f"'{sides[1]}'"
            )
        return matching[0], "as the option label_side says"
    if listing.label_side is not None:
        return listing.label_side, "as this layout has it"
    matches = [match for matches in listing.splits.values() for match in matches]
    if palette is not None:
        fits = [_fit(listing, look, palette, side) for side in (0, 1)]
        if max(fits) > 0.5 > min(fits):
            return fits.index(max(fits)), "which has the colours of the palette file"
    votes = [NAMED[side_of_name(side)] for side in sides]
    if votes[0] != votes[1]:
        return votes.index(max(votes)), f"by the names '{sides[0]}' and '{sides[1]}'"
    seen = [list(look([match.pictures[side] for match in matches]).values()) for side in (0, 1)]
    return _by_content(listing, seen)


def _fit(listing: Listing, look: Look, palette: Palette, side: int) -> float:
    """The share of a side's pictures, of a few samples, that have the palette's colours."""
    matches = [match for matches in listing.splits.values() for match in matches]
    samples = look([match.pictures[side] for match in evenly_spaced(matches, SAMPLES)])
    fits = [_fits(facts, palette) for facts in samples.values() if not facts.problem]
    return sum(fits) / len(fits) if fits else 0.0


def _fits(facts: Facts, palette: Palette) -> bool:
    if facts.counts is None or facts.lossy:
        return near_share([facts], palette) >= MIN_NEAR
    if facts.form == "values":
        return set(facts.counts) <= {*range(len(palette)), *IGNORED_VALUES}
    known = set(pack(palette.colors).tolist())
    colors = set(facts.colors)
    return len(colors & known) > len(colors) / 2


def _by_content(listing: Listing, seen: Sequence[Sequence[Facts]]) -> tuple[int, str]:
    """Label maps have few colours over the whole data set, or those of a known palette."""
    sides = listing.sides
    usable = [[facts for facts in side if not facts.problem] for side in seen]
    if not all(usable):
        side = 0 if not usable[0] else 1
        raise UserError(
            f"{listing.folder}: no picture of the side '{sides[side]}' can be read: "
            f"{seen[side][0].problem}"
        )
    few = [_has_few_colors(side) for side in usable]
    if few[0] != few[1]:
        return few.index(True), "which has few colours in all pictures together"
    if not any(few):
        known = [is_near_known(side) for side in usable]
        if known[0] != known[1]:
            return known.index(True), "whose colours are near those of a known palette"
    looks = "both look like label maps" if all(few) else "neither looks like label maps"
    if set(sides) == {"left", "right"}:
        raise UserError(
            f"{listing.folder} was taken for pairs side by side, but of the two halves {looks}: "
            "if each file is a single picture, give the folder that holds both photos and label "
            "maps; if they are pairs, say which half is the label map with --label-side left or "
            "--label-side right"
        )
    raise UserError(
        f"{listing.folder}: of the sides '{sides[0]}' and '{sides[1]}' {looks}: say which has the "
        f"label maps with --label-side {sides[0]} or --label-side {sides[1]}"
    )


def _has_few_colors(side: Sequence[Facts]) -> bool:
    found: set[int] = set()
    indices: set[int] = set()
    for facts in side:
        if facts.counts is None or facts.lossy or facts.is_uneven:
            return False
        found.update(facts.colors)
        indices.update(facts.counts)
    tables = all(facts.form == "table" for facts in side)
    return min(len(found), len(indices) if tables else len(found)) <= MAX_DERIVED
