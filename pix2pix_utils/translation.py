"""Translate label-map files of any size into photos with a trained generator."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from tqdm.auto import tqdm

from pix2pix_utils.data.folders import list_images, subfolders, summarize_problems
from pix2pix_utils.data.images import open_picture, to_classes
from pix2pix_utils.data.pairs import to_signed, to_uint8
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.reading.fit import misfits
from pix2pix_utils.data.reading.known_palettes import MIN_NEAR, near_share
from pix2pix_utils.data.reading.label_maps import Given, decide_label_maps
from pix2pix_utils.data.reading.survey import Facts, Survey
from pix2pix_utils.data.source import Picture, Reading
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
    label_half: str | None = None,
    label_kind: str | None = None,
) -> list[Path]:
    """Write a photo for every label map, as PNG of the label map's size below `output`.

    An input is a file or a folder, which is searched recursively; its structure is kept. The
    network sees the label map at the size it was trained at. How the label maps name their classes
    is decided for all of them together, unless `label_kind` says it (see `reading.options`).
    `label_half` is 'left' or 'right' if the inputs are pairs side by side.

    Before anything is written, raises UserError if an input is missing or would be overwritten, or
    if any is not a label map. Raises WriteError if a photo cannot be written.
    """
    generator, palette, image_size = load_generator(checkpoint, device)
    predict = generator_predictor(generator)
    jobs = _jobs([Path(path) for path in inputs], Path(output))
    reading = _reading(list(jobs.values()), label_half, palette, label_kind, progress)
    if progress:
        for sentence in reading.evidence:
            tqdm.write(sentence, file=sys.stderr)
    for target, source in tqdm(jobs.items(), "translate", unit="img", disable=not progress):
        image = open_picture(Picture(source, label_half))
        label = to_signed(palette.encode(to_classes(image, source, reading, image_size)))[None]
        with torch.no_grad():
            photo = to_uint8(predict({"label": label})[0].cpu())
        resized = Image.fromarray(photo).resize(image.size, Image.Resampling.BICUBIC)
        with atomic_write(target) as temporary:
            resized.save(temporary, format="PNG")
    return list(jobs)


def _reading(
    sources: Sequence[Path],
    half: str | None,
    palette: Palette,
    label_kind: str | None,
    progress: bool,
) -> Reading:
    """How the label maps name their classes; raises UserError if they are not label maps."""
    survey = Survey(Path(sources[0]).parent, [palette], progress)
    try:
        return _label_maps(sources, half, palette, survey, label_kind)
    except UserError as error:
        raise UserError(
            f"these files cannot be translated with a network that was trained on the classes of "
            f"'{palette.name}': {error}"
        ) from None


def _label_maps(
    sources: Sequence[Path],
    half: str | None,
    palette: Palette,
    survey: Survey,
    label_kind: str | None,
) -> Reading:
    seen = survey.look(Picture(source, half) for source in sources)
    if half is None:
        _refuse_pairs(seen, palette, survey)
    given = Given(palette, "the run")
    reading = decide_label_maps(seen, "the inputs", given, label_kind, one_class=True)
    problems = [facts.problem for facts in seen.values() if facts.problem]
    problems += misfits(seen, reading, "the inputs", label_kind)
    if problems:
        raise UserError(f"they do not fit:{summarize_problems(problems)}")
    if len(reading.palette) != len(palette):
        raise UserError(
            "they mark pixels as ignored (255 or 65535), but the network was trained without such "
            "pixels: give them a class"
        )
    return reading


def _refuse_pairs(seen: Mapping[Picture, Facts], palette: Palette, survey: Survey) -> None:
    """Raise UserError if one half of a JPEG file has the palette's colours and the other has not.

    In other formats the colours of the photo give a pair away.
    """
    lossy = [picture.path for picture, facts in seen.items() if facts.lossy]
    left, right = (survey.look(Picture(path, half) for path in lossy) for half in ("left", "right"))
    for one, other in zip(left.items(), right.items(), strict=True):
        shares = [near_share([facts], palette) for _, facts in (one, other)]
        if min(shares) < MIN_NEAR <= max(shares):
            raise UserError(
                f"{one[0].path} holds two pictures side by side: is it a label map? If one half "
                "is, say which with --label-side left or --label-side right"
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
