"""One image file: what is read of it, as a photo or as a map of class indices.

Files come from anywhere. Whatever a file holds, it is read as its owner sees it (upright, in
colour, the classes that its pixels name), or `UserError` says in one sentence what is wrong.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pix2pix_utils.data.palette import CITYSCAPES, CITYSCAPES_LABEL_IDS, Palette
from pix2pix_utils.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
LOSSY_SUFFIXES = {".jpg", ".jpeg", ".webp"}  # their colours blend at edges

# By content, not by name. Pillow knows more, and runs another program for some of them (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
MODES |= {"I", "I;16", "I;16L", "I;16B", "I;16N"}
MAX_PIXELS = 1 << 26  # 67 million, as 8192 x 8192; a small file may claim billions

OFF_PALETTE_DISTANCE = 60  # RGB distance of a pixel that cannot be a blend of class colours
MAX_OFF_PALETTE = 0.20  # share of such pixels in a label map
MAX_OFF_COLOR = 0.01  # share of a single such colour in a label map of few colours
FEW_COLORS = 256


def open_image(path: Path) -> Image.Image:
    """Decode a file, upright as its EXIF orientation says.

    Raises UserError for a file that is missing or damaged, is none of `FORMATS`, has more than
    `MAX_PIXELS`, or holds several frames or floating-point numbers. A camera's JPEG with a second
    picture behind the photo (MPO) is a photo.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for ever
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
        raise _too_large(path) from None
    except Image.UnidentifiedImageError:
        raise UserError(
            f"cannot read the image {path}: it is no PNG, JPEG, WebP, BMP or TIFF file; replace it"
        ) from None
    except Exception as error:  # Pillow raises many kinds for a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"cannot read the image {path}: {reason}; replace it") from None


def _check_header(image: Image.Image, path: Path) -> None:
    """Raise UserError for what should not be decoded at all."""
    if min(image.size) < 1:
        raise UserError(f"cannot read the image {path}: it has no pixels; replace it")
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, f" ({image.width}x{image.height})")
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise UserError(f"{path} holds several frames: save the one that you mean as its own file")
    if image.mode not in MODES:
        raise UserError(
            f"{path} holds pixels of the kind {image.mode}: save it as 8-bit RGB, or as grey "
            "levels or class indices with 8 or 16 bits"
        )


def _too_large(path: Path, size: str = "") -> UserError:
    return UserError(
        f"{path} has more than {MAX_PIXELS / 1e6:.0f} million pixels{size}: save it smaller"
    )


def read_label_map(
    path: Path, palette: Palette, image_size: int
) -> tuple[np.ndarray, tuple[int, int]]:
    """One label map file as class indices (S, S) uint8, and its own (width, height) in pixels.

    Takes colours of the palette (snapped to the nearest one), class indices in a single channel,
    or Cityscapes' `*_labelIds` files. Raises UserError if the file is unreadable or off the
    palette.
    """
    image = open_image(Path(path))
    return to_classes(image, Path(path), palette, image_size), image.size


def halves(image: Image.Image, path: Path) -> tuple[Image.Image, Image.Image]:
    """Left and right half; cut before resizing, which would blend them along the seam."""
    half = image.width // 2
    if half < 1:
        raise UserError(f"{path} is 1 pixel wide: a photo and a label map side by side need more")
    left = image.crop((0, 0, half, image.height))
    return left, image.crop((image.width - half, 0, image.width, image.height))


def rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB; of 16-bit grey the upper 8 bits, alpha is dropped."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def to_photo(image: Image.Image, path: Path, image_size: int | None) -> np.ndarray:
    """An RGB array (S, S, 3) uint8, reduced with Pillow's bicubic filter, which antialiases."""
    if image.mode == "I":
        values = np.asarray(image)
        if not 0 <= values.min() <= values.max() < 1 << 16:
            raise UserError(
                f"{path} holds the numbers {values.min()} to {values.max()}, which are no grey "
                "levels: save the photo with 8 or 16 bits"
            )
    image = rgb(image)
    if image_size:
        image = image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return np.array(image)


def to_classes(
    image: Image.Image, path: Path, palette: Palette, image_size: int | None
) -> np.ndarray:
    """Class indices (S, S) uint8; resized with nearest neighbour, since classes have no mean."""
    indices = single_channel(image, palette)
    if indices is None:
        image = rgb(image)
        _check_colors(image, path, palette)
        return _snap(np.array(_nearest(image, image_size)), path, palette)
    values = np.array(_nearest(indices, image_size))
    if palette.name == CITYSCAPES.name and path.stem.endswith("_labelIds"):
        return _from_label_ids(values, path)
    if not 0 <= values.min() <= values.max() < len(palette):
        raise UserError(
            f"{path} holds class indices {values.min()} to {values.max()}, but the palette "
            f"'{palette.name}' has the classes 0 to {len(palette) - 1}"
        )
    return values.astype(np.uint8)


def single_channel(image: Image.Image, palette: Palette | None = None) -> Image.Image | None:
    """The class indices of an image as one channel; None if its colours are the classes.

    A file of mode P holds both. Its colours count if the palette has all of them, since programs
    that save colours this way number them as they like.
    """
    if image.mode == "P":
        colors = _used_colors(image)
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


def _used_colors(image: Image.Image) -> set[tuple[int, int, int]]:
    """The colours that the pixels of an image of mode P have."""
    table = np.zeros((256, 3), dtype=np.int64)
    colors = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    table[: len(colors)] = colors
    used = np.flatnonzero(np.bincount(np.asarray(image).ravel(), minlength=256))
    return {(red, green, blue) for red, green, blue in table[used].tolist()}


def sample_pixels(image: Image.Image) -> np.ndarray:
    """Colours (N, 3) uint8 of a thumbnail, as they stand in the image."""
    size = (min(image.width, 128), min(image.height, 128))
    return np.array(rgb(image).resize(size, Image.Resampling.NEAREST)).reshape(-1, 3)


def _nearest(image: Image.Image, image_size: int | None) -> Image.Image:
    if not image_size:
        return image
    return image.resize((image_size, image_size), Image.Resampling.NEAREST)


def _from_label_ids(ids: np.ndarray, path: Path) -> np.ndarray:
    """Classes of Cityscapes' label ids 0..33; 255 is the licence plate's -1 in unsigned bytes."""
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
    image of many colours is lossy or antialiased: `_snap` judges that.
    """
    counted = image.getcolors(FEW_COLORS)
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
