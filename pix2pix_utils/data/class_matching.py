"""The drawn streets in the classes and colours of another data set, matched by the classes' names.

The drawn streets have the classes of Cityscapes. A class becomes the one of equal name in the other
palette, else the first of its `SYNONYMS`, which mean the same or include it. What is left becomes
void; in a palette without a void class, it becomes what is usually under it or behind it.
"""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import CITYSCAPES, VOID_NAMES, Palette
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.errors import UserError

MIN_SHARE = 0.8  # of the drawn pixels whose class must have a match by its name
SHARE_SCENES, SHARE_SIZE = 16, 32  # drawn scenes, and their pixels, that the shares are taken from
LISTED = 5  # classes in a message

# In order of preference. The names are those of CamVid, Mapillary Vistas, PASCAL VOC, ADE20K and
# IDD, and the categories of Cityscapes. CamVid's 11 classes count walls as buildings.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "road": ("street", "roadway", "carriageway", "drivable", "drivable area", "flat"),
    "sidewalk": ("pavement", "footpath", "footway", "walkway", "pedestrian area", "flat"),
    "building": ("house", "construction", "structure"),
    "wall": ("building", "house", "fence", "barrier", "construction", "structure"),
    "fence": ("railing", "barrier", "guard rail", "wall", "construction", "structure", "building"),
    "pole": ("column pole", "post", "utility pole", "street light", "object"),
    "traffic light": ("traffic signal", "sign symbol", "traffic sign", "sign", "object", "pole"),
    "traffic sign": ("traffic sign front", "sign symbol", "sign", "signboard", "object", "pole"),
    "vegetation": ("tree", "nature", "plant", "greenery"),
    "terrain": ("grass", "vegetation misc", "low vegetation", "nature", "vegetation", "tree"),
    "person": ("pedestrian", "people", "human"),
    "rider": ("bicyclist", "cyclist", "motorcyclist", "person", "pedestrian", "people", "human"),
    "car": ("automobile", "vehicle"),
    "truck": ("lorry", "truck bus", "car", "automobile", "vehicle", "bus"),
    "bus": ("coach", "truck bus", "car", "automobile", "vehicle", "truck"),
    "train": ("tram", "on rails", "bus", "truck bus", "car", "automobile", "vehicle"),
    "motorcycle": ("motorbike", "motorcycle scooter", "bicycle", "bike", "bicyclist", "cyclist",
                   "vehicle"),
    "bicycle": ("bike", "bicyclist", "cyclist", "motorcycle", "motorbike", "vehicle"),
    "unlabeled": tuple(sorted(VOID_NAMES)),
}  # fmt: skip
_THE_REST = ("background", "other", "misc", "unknown")
_ON_THE_GROUND = ("sidewalk", "terrain", "unlabeled", "ground", "parking", "rail track")


@dataclass(frozen=True, eq=False)
class ClassMatching:
    """What each class of the drawn streets is in another palette."""

    palette: Palette  # the other one, without its name: see `recode`
    table: np.ndarray  # (C,) uint8: the palette's class for each class of `CITYSCAPES`
    # By the drawn class: the class of another name that it becomes. Of the void classes only the
    # first is here, and only if it does not become void: the others are 0.1 % of the pixels.
    guesses: dict[str, str]

    def __str__(self) -> str:
        """The guesses in one line; empty if there are none."""
        if not self.guesses:
            return ""
        listed = "; ".join(f"{drawn} = {name}" for drawn, name in self.guesses.items())
        return f"the drawn streets' classes in the data set, as far as they are guessed: {listed}"

    def identity(self) -> list:
        """Plain values of all that decides the recoded label maps."""
        return [self.palette.to_dict(), self.table.tolist()]

    def recode(self, streets: StreetData) -> StreetData:
        """The drawn streets with their label maps in the palette's classes and colours.

        The result is the same for every data set with these classes and colours, whatever it is
        called. The class maps are kept in memory, one byte per pixel.
        """

        def recoded(pairs: StreetPairs) -> StreetPairs:
            classes = self.table[pairs.classes]
            return StreetPairs(pairs.photos, classes, pairs.names, self.palette, pairs.groups)

        material = [streets.fingerprint, *self.identity()]
        return replace(
            streets,
            reading=replace(streets.reading, palette=self.palette),
            train=recoded(streets.train),
            val=recoded(streets.val),
            test=recoded(streets.test),
            description=f"{streets.description} in the classes of another data set",
            fingerprint=hashlib.sha256(json.dumps(material).encode()).hexdigest()[:12],
        )


def match_classes(palette: Palette) -> ClassMatching:
    """Match the classes of the drawn streets to those of `palette`.

    Raises UserError if less than `MIN_SHARE` of the drawn pixels have a class there by its name.
    """
    by_name = _index_by_name(palette)
    found = {
        drawn: _find((drawn, *SYNONYMS.get(drawn, ())), by_name) for drawn in CITYSCAPES.classes
    }
    _require_enough(found, palette)
    left = [found["unlabeled"], palette.void, _find(_THE_REST, by_name)]
    table = np.zeros(len(CITYSCAPES), np.uint8)
    guesses = {}
    for index, (drawn, match) in enumerate(found.items()):
        # most drawn pixels are road or building: `_require_enough` refuses a palette with neither
        behind = ("road", "building") if drawn in _ON_THE_GROUND else ("building", "road")
        choices = (match, *left, *(found[name] for name in behind))
        table[index] = next(choice for choice in choices if choice is not None)
        name = palette.classes[table[index]]
        if _plain(name) not in _forms(drawn) and _is_told(index, int(table[index]), palette):
            guesses[drawn] = name
    table.flags.writeable = False
    nameless = replace(palette, name="drawn streets", values={})
    return ClassMatching(nameless, table, guesses)


def _is_told(drawn: int, match: int, palette: Palette) -> bool:
    """Whether it matters that a drawn class became another one's: see `ClassMatching.guesses`."""
    scored = drawn < CITYSCAPES.evaluated
    return scored or (drawn == CITYSCAPES.void and match < palette.evaluated)


def _index_by_name(palette: Palette) -> dict[str, int]:
    """The class of each plain name, and of each part of a name such as 'sidewalk, pavement'."""
    found: dict[str, int] = {}
    for index, name in enumerate(palette.classes):
        found.setdefault(_plain(name), index)
    for index, name in enumerate(palette.classes):
        for part in re.split(r"[,;/|]", name):
            found.setdefault(_plain(part), index)
    return found


def _find(names: tuple[str, ...], by_name: dict[str, int]) -> int | None:
    forms = (form for name in names for form in _forms(name))
    return next((by_name[form] for form in forms if form in by_name), None)


def _forms(name: str) -> tuple[str, str, str]:
    """A plain name, and its plurals."""
    plain = _plain(name)
    return plain, f"{plain}s", f"{plain}es"


def _plain(name: str) -> str:
    """A name's letters and digits: 'Traffic Sign (Front)' becomes 'trafficsignfront'."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _require_enough(found: dict[str, int | None], palette: Palette) -> None:
    scored = CITYSCAPES.classes[: CITYSCAPES.evaluated]
    if all(found[drawn] is not None for drawn in scored):
        return
    shares = dict(zip(scored, _drawn_shares(), strict=True))
    missing = sorted((d for d in scored if found[d] is None), key=lambda drawn: -shares[drawn])
    matched = 1 - sum(shares[drawn] for drawn in missing)
    if matched < MIN_SHARE:
        more = ", ..." if len(missing) > LISTED else ""
        raise UserError(
            f"the drawn streets cannot be given the classes of {palette.name}: only {matched:.0%} "
            f"of their pixels have a class there by its name, but {MIN_SHARE:.0%} must; name its "
            f"classes in palette.csv as Cityscapes does ({', '.join(missing[:LISTED])}{more}), or "
            "choose an experiment that does not start from drawn streets"
        )


@cache
def _drawn_shares() -> np.ndarray:
    """The share of each evaluated class in the pixels of a few drawn scenes; they add up to 1."""
    pixels = np.zeros(len(CITYSCAPES))
    for index in range(SHARE_SCENES):
        class_map, _ = draw_street(index, size=SHARE_SIZE)
        pixels += np.bincount(class_map.ravel(), minlength=len(CITYSCAPES))
    scored = pixels[: CITYSCAPES.evaluated]
    return scored / scored.sum()
