"""Decode one image file, and turn it into a photo or a map of class indices.

How the files of a data set are read is decided once for all of them (see `reading`); here one file
is read that way, or a `UserError` says in one sentence what is wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pix2pix_utils.data.palette import IGNORED_VALUES, UNKNOWN
from pix2pix_utils.data.source import Picture, Reading
from pix2pix_utils.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
# Judged by content, not by name. Pillow knows more, but runs another program for some (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
MODES |= {"I", "I;16", "I;16L", "I;16B", "I;16N"}
MAX_PIXELS = 1 << 26  # 67 million, as 8192 x 8192; a small file may claim billions

EXIF_ORIENTATION = 0x0112
PNG_EXIF = (b"eXIf", b"Raw profile type exif")  # how EXIF begins in a PNG file


def open_image(path: Path, content: bytes | None = None, upright: bool = True) -> Image.Image:
    """Decode a file and turn it `upright` as its EXIF orientation says.

    `content` is the file's content if it has been read already. Raises UserError if the file is
    missing or damaged, is none of `FORMATS`, has more than `MAX_PIXELS`, or holds several frames or
    floating-point numbers. A camera's JPEG with a second picture after the photo (MPO) is a photo.
    """
    with _opened(path, content) as image:
        image.load()
        if upright:
            ImageOps.exif_transpose(image, in_place=True)
        image.info.pop("transparency", None)  # Pillow warns when a conversion drops it
        return image


def read_header(path: Path, content: bytes) -> tuple[str, str, tuple[int, int], int]:
    """Format, mode, size and EXIF orientation of a file that is not decoded; errors as above."""
    with _opened(path, content) as image:
        # Pillow decodes a PNG file to look for EXIF behind the pixels
        exif = image.format != "PNG" or any(mark in content for mark in PNG_EXIF)
        return image.format or "", image.mode, image.size, orientation(image) if exif else 1


@contextmanager
def _opened(path: Path, content: bytes | None) -> Iterator[Image.Image]:
    """The image with its header checked; all errors that a file can cause become UserError."""
    try:
        if content is None and not path.is_file():  # opening a pipe would block forever
            raise UserError(f"there is no file {path}")
        file = path if content is None else BytesIO(content)
        with Image.open(file, formats=FORMATS) as image:
            _check_header(image, path)
            yield image
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(
            f"{path} has more than {MAX_PIXELS / 1e6:.0f} million pixels: save it smaller"
        ) from None
    except Image.UnidentifiedImageError:
        raise UserError(
            f"cannot read the image {path}: it is not a PNG, JPEG, WebP, BMP or TIFF file; "
            "replace it"
        ) from None
    except Exception as error:  # Pillow raises many kinds for a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"cannot read the image {path}: {reason}; replace it") from None


def _check_header(image: Image.Image, path: Path) -> None:
    """Raise UserError for an image that should not be decoded at all."""
    if min(image.size) < 1:
        raise UserError(f"cannot read the image {path}: it has no pixels; replace it")
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise UserError(f"{path} holds several frames: save the one that you want as its own file")
    if image.mode not in MODES:
        raise UserError(
            f"{path} holds pixels of the mode {image.mode}: save it as 8-bit RGB, or as grey "
            "levels or class indices with 8 or 16 bits"
        )


def is_lossy(image: Image.Image, content: bytes) -> bool:
    """Whether the file's compression changes colours: JPEG, also in TIFF, and WebP's lossy kind."""
    if image.format == "WEBP":
        # the chunk of the pixels is 'VP8L' or, with loss, 'VP8 '; others may stand before it
        return b"VP8L" not in content
    return image.format in ("JPEG", "MPO") or "jpeg" in str(
        image.info.get("compression")  # a number in BMP files
    )


def open_picture(picture: Picture, upright: bool = True) -> Image.Image:
    """Decode a file, or one half of it; see `open_image` for the errors."""
    return half_of(open_image(picture.path, upright=upright), picture)


def half_of(image: Image.Image, picture: Picture) -> Image.Image:
    """The picture's half; cut before resizing, which would blend the two halves along the seam."""
    if picture.half is None:
        return image
    half = image.width // 2
    if half < 1:
        raise UserError(
            f"{picture.path} is 1 pixel wide: a photo and a label map side by side need more"
        )
    left = 0 if picture.half == "left" else image.width - half
    return image.crop((left, 0, left + half, image.height))


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8; 5 and more swap width and height."""
    found = image.getexif().get(EXIF_ORIENTATION, 1)
    return found if found in range(2, 9) else 1


def rgb(image: Image.Image, bits: int = 16) -> Image.Image:
    """Any mode as RGB, without alpha; of 16-bit grey, the upper 8 of the `bits` that are used."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> (bits - 8)).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def to_photo(
    image: Image.Image, path: Path, reading: Reading, image_size: int | None
) -> np.ndarray:
    """An RGB array (S, S, 3) uint8, resized with Pillow's bicubic filter, which antialiases."""
    if image.mode == "I":
        values = np.asarray(image)
        if not 0 <= values.min() <= values.max() < 1 << 16:
            raise UserError(
                f"{path} holds the numbers {values.min()} to {values.max()}, which are not grey "
                "levels: save the photo with 8 or 16 bits"
            )
    return _resized(rgb(image, reading.photo_bits), image_size, Image.Resampling.BICUBIC)


def to_classes(
    image: Image.Image, path: Path, reading: Reading, image_size: int | None
) -> np.ndarray:
    """Class indices (S, S) uint8, resized with nearest neighbour, since they cannot be averaged.

    Raises UserError for a colour or a value that names no class.
    """
    palette = reading.palette
    values = single_channel(image, reading.by_index)
    if values is not None and not (reading.nearest and palette.is_grey):
        found = _resized(values, image_size, Image.Resampling.NEAREST).astype(np.int64)
        found = np.where(found == -1, IGNORED_VALUES[0], found)  # -1 in files of 32 bits
        inside = (found >= 0) & (found < 1 << 16)
        classes = np.where(inside, palette.value_table()[found * inside], UNKNOWN)
        noun, shown = "value", found
    else:
        colors = _resized(rgb(image), image_size, Image.Resampling.NEAREST)
        if reading.nearest:
            return palette.decode(colors)
        classes = palette.decode_exactly(colors)
        noun, shown = "colour", colors
    if (classes == UNKNOWN).any():
        first = np.argwhere(classes == UNKNOWN)[0]
        value = shown[first[0], first[1]].tolist()
        raise UserError(
            f"{path} has pixels of the {noun} {tuple(value) if noun == 'colour' else value}, which "
            f"names no class of the palette '{palette.name}': is it a label map of this data set?"
        )
    return classes.astype(np.uint8)


def single_channel(image: Image.Image, by_index: bool) -> Image.Image | None:
    """The values of an image as one channel; None if its colours name the classes.

    `by_index`: files with a colour table hold class indices, and files of three equal channels
    hold them three times.
    """
    if image.mode == "P":
        return Image.fromarray(np.asarray(image)) if by_index else None
    if image.mode in ("1", "LA"):
        return image.convert("L")
    if image.mode.startswith("I"):
        return image.convert("I")  # Pillow cannot resize every 16-bit mode
    if image.mode == "L":
        return image
    return rgb(image).getchannel(0) if by_index else None


def color_table(image: Image.Image) -> dict[int, tuple[int, int, int]]:
    """The colour of each index that a file of mode P uses."""
    table = [*(image.getpalette("RGB") or ()), *[0] * 768]
    used = (index for index, count in enumerate(image.histogram()) if count)
    return {index: tuple(table[3 * index : 3 * index + 3]) for index in used}


def sample_pixels(image: Image.Image, size: int = 128) -> np.ndarray:
    """Pixels (N, 3) uint8 of a nearest-neighbour thumbnail, so no colour is blended."""
    thumbnail = (min(image.width, size), min(image.height, size))
    return np.array(rgb(image).resize(thumbnail, Image.Resampling.NEAREST)).reshape(-1, 3)


def _resized(
    image: Image.Image, image_size: int | None, resampling: Image.Resampling
) -> np.ndarray:
    return np.array(image.resize((image_size, image_size), resampling) if image_size else image)
