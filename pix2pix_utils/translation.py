"""Label-map files of any size in, photos out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from tqdm.auto import tqdm

from pix2pix_utils.config import Config
from pix2pix_utils.data import to_signed, to_uint8
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import generator_predictor
from pix2pix_utils.files import replacing
from pix2pix_utils.images import read_label_map
from pix2pix_utils.labels import Palette
from pix2pix_utils.models import GENERATORS, build_generator
from pix2pix_utils.models.unet import IMAGE_SIZES
from pix2pix_utils.runs import Run, load_checkpoint, require_config
from pix2pix_utils.sources import list_images, subfolders
from pix2pix_utils.weights import first_misfit

MAX_IMAGE_SIZE = 4096  # pixels, height and width; no checkpoint can ask for more memory


def load_generator(path: Path, device: torch.device) -> tuple[nn.Module, Palette, int]:
    """The generator of a checkpoint, or of a run's best one, its palette and its image size.

    Raises UserError if there is none, if a run holds another run's, or if its weights do not fit
    its configuration; nothing of the size that the configuration says is allocated before that is
    known.
    """
    path, run = Path(path), None
    if path.is_dir():
        run = Run.open(path)
        if not run.best_checkpoint.is_file():
            raise UserError(f"the run {path} has no best checkpoint yet: train one epoch at least")
        path = run.best_checkpoint
    state = load_checkpoint(path)
    weights = state["generator"]
    try:
        for key in _of_type(dict, state["config"]):
            _of_type(str, key)
        config = Config.from_dict(state["config"])
        palette = Palette.from_dict(_of_type(dict, state["palette"]))
        if run:
            require_config(state, run.config)
        _check_weights(weights, config)
    except (UserError, KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the checkpoint {path} does not fit its configuration: {reason}") from None
    generator = build_generator(config.generator, config.image_size, config.width)
    generator.load_state_dict(weights)
    return generator.to(device), palette, config.image_size


def _of_type(kind: type, value):
    if not isinstance(value, kind):
        raise TypeError(f"it holds {type(value).__name__} where {kind.__name__} belongs")
    return value


def _check_weights(weights: dict[str, Tensor], config: Config) -> None:
    """Raise UserError unless these are the finite weights of the configured generator."""
    for value in _of_type(dict, weights).values():
        _of_type(Tensor, value)
    if config.image_size > MAX_IMAGE_SIZE:
        raise UserError(f"image_size is {config.image_size}, above {MAX_IMAGE_SIZE}")
    try:
        misfit = first_misfit(_without_memory(config), weights)
    except RuntimeError:  # numbers beyond 64 bits
        misfit = f"no network can have width={config.width}"
    if misfit:
        raise UserError(_other_settings(weights, config) or misfit)
    for name, value in weights.items():
        if not value.isfinite().all():
            raise UserError(f"'{name}' holds numbers that are not finite")


def _without_memory(config: Config) -> nn.Module:
    with torch.device("meta"):  # shapes only
        return build_generator(config.generator, config.image_size, config.width)


def _other_settings(weights: dict[str, Tensor], config: Config) -> str | None:
    """In words, the settings that these weights belong to, if there are such.

    Their names tell the generator and the image size, their shapes the width.
    """
    first = next((w for w in weights.values() if w.ndim == 4 and w.shape[1] == 3), None)
    widths = [config.width] if first is None else [config.width, first.shape[0]]
    kinds = [(config.generator, size) for size in (config.image_size, *IMAGE_SIZES)]
    kinds += [(generator, config.image_size) for generator in GENERATORS]
    for generator, size in dict.fromkeys(kinds):
        for width in widths:
            settings: dict[str, Any] = {"generator": generator, "image_size": size, "width": width}
            try:
                network = _without_memory(replace(config, **settings))
            except UserError:  # no such size
                break
            except RuntimeError:  # no such width
                continue
            if network.state_dict().keys() != weights.keys():
                break
            if first_misfit(network, weights) is None:
                wrong = [key for key in settings if settings[key] != getattr(config, key)]
                said = ", ".join(f"{key}={getattr(config, key)}" for key in wrong)
                true = ", ".join(f"{key}={settings[key]}" for key in wrong)
                return f"it says {said}, but its weights are those of {true}"
        else:
            return None  # some tensors are those of another network
    return None


def translate(
    checkpoint: Path,
    inputs: Sequence[Path],
    output: Path,
    device: torch.device,
    progress: bool = True,
) -> list[Path]:
    """Write a photo for every label map, as PNG of the label map's size below `output`.

    An input is a file or a folder, which is searched through; a folder's structure is kept. The
    network sees the label map at the size it was trained at. Raises UserError that names every
    input that is missing or no label map, before anything is written, and never writes over an
    input.
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
        try:
            with replacing(target) as temporary:
                resized.save(temporary, format="PNG")
        except OSError as error:
            raise UserError(
                f"cannot write {target}: {error.strerror or error}; choose another folder with "
                "--output"
            ) from None
    return list(jobs)


def _check_inputs(sources: Iterable[Path], palette: Palette, image_size: int) -> None:
    """Raise UserError that names every file that is no label map of this palette."""
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
            # what an earlier call wrote is no input
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
    """The folder and all below it, without hidden ones; each once, though links lead in circles."""
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    yield folder
    for inner in subfolders(folder):
        yield from _folders(inner, seen)
