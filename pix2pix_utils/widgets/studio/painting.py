"""Paints class maps with trained generators, finds the generators, and saves the result."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import to_signed, to_uint8
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import Predictor, generator_predictor
from pix2pix_utils.files import atomic_write, explain_os_error
from pix2pix_utils.released_models import released_names
from pix2pix_utils.report.selection import find_runs
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator


@dataclass(frozen=True)
class Painter:
    """A generator in eval mode, with the palette and the image size it was trained on."""

    predict: Predictor
    palette: Palette
    image_size: int


class Painted(NamedTuple):
    """A photo and the time that painting it took."""

    photo: np.ndarray  # (S, S, 3) uint8
    milliseconds: float


def load_painter(path: Path, device: torch.device) -> Painter:
    """The best generator of a run folder, or that of a checkpoint or of a released model.

    Raises UserError if there is none.
    """
    generator, palette, image_size = load_generator(path, device)
    return Painter(generator_predictor(generator), palette, image_size)


def released_painters(device: torch.device) -> dict[str, Painter]:
    """The released models by name, as in `released/NAME`; raises UserError if there are none."""
    return {name: load_painter(Path(name), device) for name in released_names()}


def at_size(painter: Painter, image_size: int) -> Painter:
    """The painter for label maps of another size, so that it can stand beside others.

    The label map is brought to the painter's own size and its photo back, by the nearest pixel:
    the photo shows the pixels that the generator made.
    """

    def predict(batch: dict) -> Tensor:
        label = _to_side(batch["label"], painter.image_size)
        return _to_side(painter.predict({"label": label}), image_size)

    return Painter(predict, painter.palette, image_size)


def _to_side(images: Tensor, side: int) -> Tensor:
    return F.interpolate(images, size=(side, side), mode="nearest-exact")


def finished_run(config: Config, data: StreetData, output: Path) -> Run | None:
    """The finished run of this configuration on this data below `output/runs`, if any."""
    for run in find_runs(output)[0]:
        on_this_data = run.data()["fingerprint"] == data.fingerprint
        if run.is_finished and run.config == config and on_this_data:
            return run
    return None


def check_fit(painters: Mapping[str, Painter], palette: Palette, image_size: int) -> None:
    """Raise UserError unless every painter has exactly these classes, colours and this size."""
    for name, painter in painters.items():
        own, size = painter.palette, painter.image_size
        if own.classes != palette.classes or not np.array_equal(own.colors, palette.colors):
            raise UserError(
                f"the model '{name}' was trained with the palette '{own.name}' ({len(own)} "
                f"classes), not '{palette.name}' ({len(palette)} classes) of the data set; choose "
                "a run on this data set"
            )
        if size != image_size:
            raise UserError(
                f"the model '{name}' was trained at {size} x {size} pixels, but the label map has "
                f"{image_size} x {image_size}; load the data set at the model's size"
            )


@torch.no_grad()
def paint(painters: Mapping[str, Painter], class_map: np.ndarray) -> dict[str, Painted]:
    """Each painter's photo of a class map (S, S) uint8.

    The time is that of the network, including the copies to its device and back. Raises UserError
    if the map does not have a painter's size or has a class index that its palette lacks.
    """
    class_map = np.asarray(class_map)
    painted = {}
    for name, painter in painters.items():
        size = painter.image_size
        if class_map.shape != (size, size):
            shape = " x ".join(map(str, class_map.shape))
            raise UserError(f"the label map has {shape} pixels, but '{name}' needs {size} x {size}")
        label = to_signed(painter.palette.encode(class_map))[None]  # (1, 3, S, S) in [-1, 1]
        start = time.perf_counter()
        photo = painter.predict({"label": label})[0].cpu()  # waits for the device
        milliseconds = 1000 * (time.perf_counter() - start)
        painted[name] = Painted(to_uint8(photo), milliseconds)
    return painted


def save_street(
    output: Path, palette: Palette, class_map: np.ndarray, photos: Mapping[str, np.ndarray]
) -> Path:
    """Write a class map and photos of it to a new folder `output/studio/street-NNN`; returns it.

    `classes.png` holds class indices, `label_map.png` the palette's colours, `NAME.png` the photos
    below `photos/`. Raises UserError if the folder cannot be written.
    """
    pictures = {
        "classes.png": np.asarray(class_map, np.uint8),
        "label_map.png": palette.encode(class_map),
    }
    for number, (name, photo) in enumerate(photos.items(), start=1):
        safe = "".join(letter if letter.isalnum() or letter in "+-_" else "-" for letter in name)
        pictures[f"photos/{number}-{safe}.png"] = photo
    remedy = "; set PIX2PIX_OUTPUT to a folder that can be written"
    with explain_os_error(f"write to {Path(output) / 'studio'}", remedy):
        folder = _new_folder(Path(output) / "studio")
        for name, picture in pictures.items():
            with atomic_write(folder / name) as temporary:
                Image.fromarray(picture).save(temporary, format="PNG")
    return folder


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1 + len(list(parent.glob("street-*")))):
        folder = parent / f"street-{number:03}"
        try:
            folder.mkdir()
            break
        except FileExistsError:  # possibly created by another process just now
            continue
    return folder
