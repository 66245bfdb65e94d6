"""Decide how photos are read: their range of values, and whether EXIF turns them."""

from collections.abc import Mapping

from pix2pix_utils.data.reading.survey import Facts
from pix2pix_utils.data.source import Picture
from pix2pix_utils.errors import UserError

MAX_ASPECT_DIFFERENCE = 0.02  # between a photo and its label map, relative
SWAPPED = 5  # EXIF orientations from here on swap width and height


def photo_bits(seen: Mapping[Picture, Facts]) -> tuple[int, str | None]:
    """Significant bits of photos that are stored with 16, and a sentence about them.

    Many cameras write 10, 12 or 14 bits into files of 16. The range is that of the brightest photo
    of the data set. Raises UserError for such photos in colour, of which Pillow reads 8 bits.
    """
    deep = {picture: facts for picture, facts in seen.items() if facts.deep}
    if not deep:
        return 16, None
    highest = max(facts.highest for facts in deep.values())
    bits = max(8, highest.bit_length())
    if bits == 16:
        return 16, None
    for picture, facts in deep.items():
        if facts.form == "colors":
            raise UserError(
                f"{picture} stores {bits} bits of each colour in 16, of which only the upper 8 "
                "can be read: save the photos with 8 bits"
            )
    return bits, f"photos: {bits} bits stored in 16 (brightest value {highest})"


def photo_orientation(
    pairs: Mapping[Picture, tuple[Facts, Facts]], option: str | None
) -> tuple[bool, str | None]:
    """Whether photos are turned as EXIF says, and a sentence about it.

    `pairs` has the facts of each photo and its label map, where both can be read. A photo that EXIF
    turns matches a label map that was drawn on the turned or on the stored picture; their sizes
    decide, for all photos alike. Raises UserError if they leave it open or disagree.
    """
    turned = {
        photo: facts
        for photo, facts in pairs.items()
        if facts[0].orientation != 1 and facts[1].orientation == 1
    }
    if not turned:
        return True, None
    count = f"photos: {len(turned)} are turned by EXIF and their label maps are not"
    if option is not None:
        as_exif = option == "exif"
        done = "turned upright" if as_exif else "read as they are stored"
        return as_exif, f"{count}; {done}, as the option photo_orientation says"
    upright = [p for p, (photo, label) in turned.items() if _fits(photo, label, upright=True)]
    stored = [p for p, (photo, label) in turned.items() if _fits(photo, label, upright=False)]
    if not upright and not stored:
        return True, f"{count}; turned upright"  # `aspect_problem` names each of them
    only_upright = [photo for photo in upright if photo not in stored]
    only_stored = [photo for photo in stored if photo not in upright]
    if only_upright and not only_stored:
        return True, f"{count}; turned upright, since the sizes then agree"
    if only_stored and not only_upright:
        return False, f"{count}; read as they are stored, since the sizes then agree"
    first = next(iter(turned))
    raise UserError(
        f"{len(turned)} photos ({first}) are turned by their EXIF orientation, their label maps "
        "are not, and their sizes do not tell which is right: look at one pair and give "
        "--photo-orientation exif if the label map fits the photo as a viewer shows it, or "
        "--photo-orientation stored if it fits the unturned photo"
    )


def aspect_problem(
    photo: Picture, label: Picture, facts: tuple[Facts, Facts], turn_photos: bool
) -> str | None:
    """A sentence if the two pictures do not have the same shape."""
    if _fits(*facts, upright=turn_photos):
        return None
    width, height = upright_size(facts[0], turn_photos)
    label_width, label_height = upright_size(facts[1], True)
    return (
        f"{photo} is {width}x{height} but its label map {label} is "
        f"{label_width}x{label_height}: crop one, so that both show the same scene"
    )


def _fits(photo: Facts, label: Facts, upright: bool) -> bool:
    width, height = upright_size(photo, upright)
    label_width, label_height = upright_size(label, True)
    return abs(width / height * label_height / label_width - 1) <= MAX_ASPECT_DIFFERENCE


def upright_size(facts: Facts, upright: bool) -> tuple[int, int]:
    """Width and height in pixels, as stored or turned `upright`."""
    width, height = facts.size
    return (height, width) if upright and facts.orientation >= SWAPPED else (width, height)
