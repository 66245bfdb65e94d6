"""Translate label-map files of any size into photos with a trained generator."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from tqdm.auto import tqdm

from pix2pix_utils.data.folders import list_images, subfolders
from pix2pix_utils.data.images import read_label_map
from pix2pix_utils.data.pairs import to_signed, to_uint8
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.files import atomic_write
from pix2pix_utils.training.trained_generator import load_generator


def translate(
    checkpoint: Path,
    inputs: Sequence[Path],
    output: Path,
    device: torch.device,
    progress: bool = True,
) -> list[Path]:
    """Write a photo for every label map, as PNG of the label map's size below `output`.

    An input is a file or a folder, which is searched recursively; its structure is kept. The
    network sees the label map at the size it was trained at. Before anything is written, raises
    UserError if an input is missing or would be overwritten, or if any is not a label map; all of
    those are named. Raises WriteError if a photo cannot be written.
    """
    generator, palette, image_size = load_generator(checkpoint, device)
    predict = generator_predictor(generator)
    jobs = _jobs([Path(path) for path in inputs], Path(output))
    _check_inputs(jobs.values(), palette, image_size)
    for target, source in tqdm(jobs.items(), "translate", unit="img", disable=not progress):
        classes, original_size = read_label_map(source, palette, image_size)
        label = to_signed(palette.encode(classes))[None]
        with torch.no_grad():
            photo = to_uint8(predict({"label": label})[0].cpu())
        resized = Image.fromarray(photo).resize(original_size, Image.Resampling.BICUBIC)
        with atomic_write(target) as temporary:
            resized.save(temporary, format="PNG")
    return list(jobs)


def _check_inputs(sources: Iterable[Path], palette: Palette, image_size: int) -> None:
    """Raise UserError that names every file that is not a label map of this palette."""
    problems = []
    for source in sources:
        try:
            read_label_map(source, palette, image_size)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(
            f"{len(problems)} of the label maps cannot be translated (the network was trained on "
            f"the classes of '{palette.name}'):\n  " + "\n  ".join(problems)
        )


def _jobs(inputs: Sequence[Path], output: Path) -> dict[Path, Path]:
    """The label map of each photo to be written."""
    jobs: dict[Path, Path] = {}
    for target, source in _targets(inputs, output):
        if jobs.setdefault(target, source) != source:
            raise UserError(
                f"{jobs[target]} and {source} would both be written to {target}; "
                "translate them into two different folders"
            )
    sources = {source.resolve() for source in jobs.values()}
    for target in jobs:
        if target.resolve() in sources:
            raise UserError(f"{target} is an input; choose another folder with --output")
    return jobs


def _targets(inputs: Sequence[Path], output: Path) -> Iterator[tuple[Path, Path]]:
    for path in inputs:
        if path.is_dir():
            # photos that an earlier call wrote are not inputs
            seen = {output.resolve()} - {path.resolve()}
            files = [file for folder in _folders(path, seen) for file in list_images(folder)]
            if not files:
                raise UserError(f"the folder {path} holds no images")
            for file in files:
                yield output / file.relative_to(path).with_suffix(".png"), file
        elif path.is_file():
            yield output / path.with_suffix(".png").name, path
        else:
            raise UserError(f"there is no file or folder {path}")


def _folders(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """The folder and all below it but hidden ones; each once, even if links form a circle."""
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    yield folder
    for inner in subfolders(folder):
        yield from _folders(inner, seen)
