"""Label-map files of any size in, photos out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from tqdm.auto import tqdm

from pix2pix_utils.config import Config
from pix2pix_utils.data import to_signed, to_uint8
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import generator_predictor
from pix2pix_utils.files import replacing
from pix2pix_utils.labels import Palette
from pix2pix_utils.models import build_generator
from pix2pix_utils.runs import Run, load_checkpoint
from pix2pix_utils.sources import list_images, read_label_map


def load_generator(path: Path, device: torch.device) -> tuple[nn.Module, Palette, int]:
    """The generator of a checkpoint, or of a run's best one, its palette and its image size.

    Raises UserError if there is none, or its weights do not fit its configuration.
    """
    path = Path(path)
    if path.is_dir():
        run = Run.open(path)
        if not run.best_checkpoint.is_file():
            raise UserError(f"the run {path} has no best checkpoint yet: train one epoch at least")
        path = run.best_checkpoint
    state = load_checkpoint(path, device)
    config = Config.from_dict(state["config"])
    generator = build_generator(config.generator, config.image_size, config.width)
    try:
        generator.load_state_dict(state["generator"])
        palette = Palette.from_dict(state["palette"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the checkpoint {path} does not fit its configuration: {reason}") from None
    return generator.to(device), palette, config.image_size


def translate(
    checkpoint: Path,
    inputs: Sequence[Path],
    output: Path,
    device: torch.device,
    progress: bool = True,
) -> list[Path]:
    """Write a photo for every label map, as PNG of the label map's size below `output`.

    An input is a file or a folder, which is searched through; a folder's structure is kept. The
    network sees the label map at the size it was trained at. Raises UserError for an input that
    is missing or no label map, before anything is written, and never writes over an input.
    """
    generator, palette, image_size = load_generator(checkpoint, device)
    predict = generator_predictor(generator)
    jobs = _jobs([Path(path) for path in inputs], Path(output))
    for source in jobs.values():
        read_label_map(source, palette, image_size)
    for target, source in tqdm(jobs.items(), "translate", unit="img", disable=not progress):
        classes, original_size = read_label_map(source, palette, image_size)
        label = to_signed(palette.encode(classes))[None]
        with torch.no_grad():
            photo = to_uint8(predict({"label": label})[0].cpu())
        resized = Image.fromarray(photo).resize(original_size, Image.Resampling.BICUBIC)
        with replacing(target) as temporary:
            resized.save(temporary, format="PNG")
    return list(jobs)


def _jobs(inputs: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Which photo is made from which label map."""
    jobs: dict[Path, Path] = {}
    for target, source in _targets(inputs, output):
        if jobs.setdefault(target, source) != source:
            raise UserError(
                f"{jobs[target]} and {source} would both be written to {target}; "
                "translate them into two folders"
            )
    sources = {source.resolve() for source in jobs.values()}
    for target in jobs:
        if target.resolve() in sources:
            raise UserError(f"{target} is an input; choose another folder with --output")
    return jobs


def _targets(inputs: Sequence[Path], output: Path) -> Iterator[tuple[Path, Path]]:
    for path in inputs:
        if path.is_dir():
            files = [file for folder in _folders(path) for file in list_images(folder)]
            if not files:
                raise UserError(f"the folder {path} holds no images")
            for file in files:
                yield output / file.relative_to(path).with_suffix(".png"), file
        elif path.is_file():
            yield output / path.with_suffix(".png").name, path
        else:
            raise UserError(f"there is no file or folder {path}")


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and all below it, without hidden ones."""
    yield folder
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and not inner.name.startswith("."):
            yield from _folders(inner)
