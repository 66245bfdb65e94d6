"""Damaged photos and label maps of every format: does anything but a `UserError` come out?

python tests/benchmarks/fuzz_images.py --minutes 10 [--seed 0]
"""

import io
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from fuzzing import damage, run
from PIL import Image

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.reading.pair import Pair
from pix2pix_utils.data.reading.survey import look_at
from pix2pix_utils.data.source import Picture, Reading

SIZE = (48, 40)


def valid_images() -> list[tuple[str, bytes]]:
    """(suffix, content) in all formats, modes, compressions and with metadata."""
    random = np.random.default_rng(0)
    classes = random.integers(0, len(CITYSCAPES), (5, 6), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    colored = Image.fromarray(CITYSCAPES.encode(classes))
    photo = Image.fromarray(random.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))
    deep = Image.fromarray(classes.astype(np.uint16) * 200)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a street"
    saved = []

    def add(image: Image.Image, suffix: str, **options) -> None:
        file = io.BytesIO()
        image.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), **options)
        saved.append((suffix, file.getvalue()))

    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        for image in (colored, photo):
            add(image.convert(mode), "png")
    for image in (Image.fromarray(classes), deep):
        add(image, "png")
        add(image, "tif")
    add(photo, "png", exif=exif, pnginfo=None, dpi=(72, 72))
    add(colored.quantize(29), "png", transparency=b"\x00\x80\xff")
    add(colored, "png", save_all=True, append_images=[photo])
    for mode in ("L", "RGB", "CMYK"):
        add(photo.convert(mode), "jpg", exif=exif)
        add(photo.convert(mode), "jpg", progressive=True)
        add(photo.convert(mode), "tif", exif=exif)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"):
        mode = "1" if compression == "group4" else "RGB"
        add(colored.convert(mode), "tif", compression=compression)
    add(photo, "tif", save_all=True, append_images=[colored])
    add(photo.convert("F"), "tif")
    for image in (colored, photo):
        add(image, "webp", lossless=True)
        add(image, "webp", exif=exif)
        add(image, "bmp")
        add(image.quantize(16), "bmp")
    add(photo, "webp", save_all=True, append_images=[colored])
    return saved


def with_right_checksums(png: bytes) -> bytes:
    """The same chunks with the checksums that their content has, so that it is looked at."""
    fixed, at = bytearray(png[:8]), 8
    while at + 12 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        body = png[at + 4 : at + 8 + length]
        fixed += png[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(fixed)


READING = Reading(CITYSCAPES)


def main() -> int:
    images = valid_images()

    label_folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    label = Path(label_folder.name) / "label.png"
    Image.new("L", SIZE).save(label)

    def make_case(random: np.random.Generator, folder: Path):
        suffix, content = images[random.integers(0, len(images))]
        content = damage(content, random)
        if suffix == "png" and random.random() < 0.7:
            content = with_right_checksums(content)
        suffix = suffix if random.random() < 0.9 else "png"
        path = (
            folder / f"case_labelIds.{suffix}" if random.random() < 0.2 else folder / f"c.{suffix}"
        )
        path.write_bytes(content)
        size = None if random.random() < 0.2 else 16
        way = random.integers(0, 4)
        if way == 0:
            return lambda: look_at(path, ["", "left"], [CITYSCAPES])
        if way == 1:
            return lambda: Pair("c", Picture(path, "left"), Picture(path, "right")).read(
                READING, size
            )
        pair = Pair("c", Picture(path), Picture(label if way == 2 else path))
        return lambda: pair.read(READING, size)

    with label_folder:
        return run(make_case)


if __name__ == "__main__":
    sys.exit(main())
