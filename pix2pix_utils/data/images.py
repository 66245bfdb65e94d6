"""Read one image file, as a photo or as a map of class indices.

A file is read as a viewer would show it (upright, in colour, with the classes that its pixels
name), or a `UserError` says in one sentence what is wrong.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pix2pix_utils.data.palette import CITYSCAPES, CITYSCAPES_LABEL_IDS, Palette
from pix2pix_utils.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
LOSSY_SUFFIXES = {".jpg", ".jpeg", ".webp"}  # their colours blend at edges

# Judged by content, not by name. Pillow knows more, but runs another program for some (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
MODES |= {"I", "I;16", "I;16L", "I;16B", "I;16N"}
MAX_PIXELS = 1 << 26  # 67 million, as 8192 x 8192; a small file may claim billions

OFF_PALETTE_DISTANCE = 60  # RGB distance of a pixel that cannot be a blend of class colours
MAX_OFF_PALETTE = 0.20  # share of such pixels in a label map
MAX_OFF_COLOR = 0.01  # share of a single such colour in a label map of up to 256 colours


def open_image(path: Path) -> Image.Image:
    """Decode a file and turn it upright as its EXIF orientation says.

    Raises UserError if the file is missing or damaged, is none of `FORMATS`, has more than
    `MAX_PIXELS`, or holds several frames or floating-point numbers. A camera's JPEG with a second
    picture after the photo (MPO) is a photo.
    """
    try:
        if not path.is_file():  # opening a pipe would block forever
            raise UserError(f"there is no file {path}")
        with Image.open(path, formats=FORMATS) as image:
            _check_header(image, path)
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            image.info.pop("transparency", None)  # Pillow warns when a conversion drops it
            return image
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


def read_label_map(
    path: Path, palette: Palette, image_size: int
) -> tuple[np.ndarray, tuple[int, int]]:
    """One label map file as class indices (S, S) uint8, and its own (width, height) in pixels.

    Accepts colours of the palette (snapped to the nearest one), class indices in a single channel,
    and Cityscapes' `*_labelIds` files. Raises UserError if the file cannot be read or does not fit
    the palette.
    """
    image = open_image(Path(path))
    return to_classes(image, Path(path), palette, image_size), image.size


def halves(image: Image.Image, path: Path) -> tuple[Image.Image, Image.Image]:
    """The left and the right half; cut before resizing, which would blend them along the seam."""
    half = image.width // 2
    if half < 1:
        raise UserError(f"{path} is 1 pixel wide: a photo and a label map side by side need more")
    left = image.crop((0, 0, half, image.height))
    return left, image.crop((image.width - half, 0, image.width, image.height))


def rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: the upper 8 bits of 16-bit grey, and no alpha."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def to_photo(image: Image.Image, path: Path, image_size: int | None) -> np.ndarray:
    """An RGB array (S, S, 3) uint8, resized with Pillow's bicubic filter, which antialiases."""
    if image.mode == "I":
        values = np.asarray(image)
        if not 0 <= values.min() <= values.max() < 1 << 16:
            raise UserError(
                f"{path} holds the numbers {values.min()} to {values.max()}, which are not grey "
                "levels: save the photo with 8 or 16 bits"
            )
    return _resized(rgb(image), image_size, Image.Resampling.BICUBIC)


def to_classes(
    image: Image.Image, path: Path, palette: Palette, image_size: int | None
) -> np.ndarray:
    """Class indices (S, S) uint8, resized with nearest neighbour, since they cannot be averaged."""
    indices = single_channel(image, palette)
    if indices is None:
        image = rgb(image)
        _check_colors(image, path, palette)
        return _snap(_resized(image, image_size, Image.Resampling.NEAREST), path, palette)
    values = _resized(indices, image_size, Image.Resampling.NEAREST)
    if palette.name == CITYSCAPES.name and path.stem.endswith("_labelIds"):
        return _from_label_ids(values, path)
    if not 0 <= values.min() <= values.max() < len(palette):
        raise UserError(
            f"{path} holds class indices {values.min()} to {values.max()}, but the palette "
            f"'{palette.name}' has the classes 0 to {len(palette) - 1}"
        )
    return values.astype(np.uint8)


def single_channel(image: Image.Image, palette: Palette | None = None) -> Image.Image | None:
    """The class indices of an image as one channel; None if its colours name the classes.

    A file of mode P holds indices and colours. The colours count if the palette has all of them,
    since programs number the entries of a colour table arbitrarily.
    """
    if image.mode == "P":
        table = [*(image.getpalette("RGB") or ()), *[0] * 768]
        used = [index for index, count in enumerate(image.histogram()) if count]
        colors = {tuple(table[3 * index : 3 * index + 3]) for index in used}
        if all(red == green == blue for red, green, blue in colors):
            image = image.convert("L")
        elif palette is None or colors <= set(map(tuple, palette.colors.tolist())):
            return None
    elif image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode.startswith("I"):
        image = image.convert("I")  # Pillow cannot resize every 16-bit mode
    elif image.mode != "L":
        return None
    if palette is not None and np.ptp(palette.colors, axis=1).max() == 0:
        return None  # the classes are grey levels
    return image


def sample_pixels(image: Image.Image) -> np.ndarray:
    """Pixels (N, 3) uint8 of a nearest-neighbour thumbnail, so no colour is blended."""
    size = (min(image.width, 128), min(image.height, 128))
    return np.array(rgb(image).resize(size, Image.Resampling.NEAREST)).reshape(-1, 3)


def _resized(
    image: Image.Image, image_size: int | None, resampling: Image.Resampling
) -> np.ndarray:
    return np.array(image.resize((image_size, image_size), resampling) if image_size else image)


def _from_label_ids(ids: np.ndarray, path: Path) -> np.ndarray:
    """Classes of Cityscapes' label ids 0..33; 255 is the licence plate's -1 as an unsigned byte."""
    table = np.full(256, 255, dtype=np.uint8)
    table[: len(CITYSCAPES_LABEL_IDS)] = CITYSCAPES_LABEL_IDS
    table[255] = CITYSCAPES.index("car")
    classes = table[ids.clip(-1, 254 + (ids == 255))]
    if (classes == 255).any():
        raise UserError(
            f"{path} holds the label id {ids[classes == 255].max()}, but Cityscapes has 0 to 33"
        )
    return classes


def _check_colors(image: Image.Image, path: Path, palette: Palette) -> None:
    """Raise UserError if a label map of few colours has one that the palette lacks.

    Looks at the whole image, so that the answer does not depend on the size it is read at. An
    image of more than 256 colours is lossy or antialiased: `_snap` judges it.
    """
    counted = image.getcolors()
    if counted is None:
        return
    colors = np.array([color for _, color in counted], dtype=np.uint8)
    shares = np.array([count for count, _ in counted]) / (image.width * image.height)
    shares[palette.distance(colors) <= OFF_PALETTE_DISTANCE] = 0
    worst = int(shares.argmax())
    if shares[worst] > MAX_OFF_COLOR:
        raise UserError(
            f"{shares[worst]:.0%} of {path} has the colour {tuple(colors[worst].tolist())}, which "
            f"is far from every colour of the palette '{palette.name}': is it a label map?"
        )


def _snap(label_map: np.ndarray, path: Path, palette: Palette) -> np.ndarray:
    """The class of the nearest palette colour; raises UserError if too many are far from any."""
    classes = palette.decode(label_map)
    offset = palette.colors[classes].astype(np.float32) - label_map
    off_palette = ((offset**2).sum(axis=-1) > OFF_PALETTE_DISTANCE**2).mean()
    if off_palette > MAX_OFF_PALETTE:
        raise UserError(
            f"{off_palette:.0%} of {path} is far from every colour of the palette "
            f"'{palette.name}': is it a label map?"
        )
    return classes
