"""From finished runs on drawn streets to a release: 16-bit weights, measured, with their manifest.

`manifest.json` holds

{
  "dataset", "fingerprint", "split_rule", "pairs", "image_size": of the data
  "unseen": the classes of the palette that no training scene shows
  "ssim": the convention, in words
  "models": name -> {
    "file", "bytes", "sha256": of the checkpoint with the rounded weights
    "command": that trains the model again;  "config": values that are not `Config`'s defaults
    "parameters": of the generator;  "epoch": whose weights these are;  "train_seconds"
    "environment": of the last session that trained it
    "rounding": mean test SSIM "before" and "after", and "largest": change of any image's
    "scores": measure -> summary (test split), after rounding}
  "no_network": reference predictor, or real photo -> measure -> summary
}
A summary is what `evaluation.summarize` returns.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.cards.run_card import training_command
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import class_frequencies
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.measures import Measures, measure, score_summaries
from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.evaluation.reference import ORACLE, REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.segmentation import Segmenter, segmenter
from pix2pix_utils.figures import mosaic, save_picture, street_strip
from pix2pix_utils.files import atomic_write, write_json, write_text
from pix2pix_utils.release.card import SCENES, STREET, TITLES, model_card
from pix2pix_utils.release.street import painted_street
from pix2pix_utils.released_models import MANIFEST
from pix2pix_utils.report.published import rounded
from pix2pix_utils.report.selection import SSIM_CONVENTION
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.runs import Run, load_data_of
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.widgets.studio import Painter, paint

MAX_BYTES = 8_000_000  # of all weights together: they are part of every clone
STRIP = 24  # test scenes in the strip
SCENES_IN_A_ROW = 2  # of the strip
STREET_SCALE = 4  # of the painted street
ENVIRONMENT = ("date", "pix2pix_utils", "torch", "processor", "device", "gpu")


def make_release(folders: Sequence[Path], output: Path, device: torch.device) -> list[Path]:
    """Write a release of the best generators of finished runs to the folder `output`.

    A model has the name of its experiment, and the first is the one that `released` stands for.
    Weights are rounded to 16 bits, then measured on test. The segmentation network that judges the
    photos is taken from the output folder of the first run, or trained there. A release that is
    there already is replaced. Returns the files, the manifest first.

    Raises UserError, before anything is written, if a run is not finished, has learned from
    anything but drawn streets, or does not fit the others, or if the weights are too large.
    """
    runs = _checked([Run.open(folder) for folder in folders])
    first = next(iter(runs.values()))
    data = load_data_of(first, "synthetic")
    for run in runs.values():
        load_data_of(run, "synthetic")  # raises unless its data are these drawn streets
    files = {name: _checkpoint_bytes(run) for name, run in runs.items()}
    if (size := sum(map(len, files.values()))) > MAX_BYTES:
        raise UserError(
            f"the weights have {size / 1e6:.1f} MB, but a release has at most "
            f"{MAX_BYTES / 1e6:.0f} MB: train with a smaller width, or release fewer models"
        )
    segment = segmenter(data, first.folder.resolve().parent.parent, device)
    models, painters = {}, {}
    for name, run in runs.items():
        painters[name], models[name] = _measured(run, files[name], data, segment, device)
    return _write(Path(output), _manifest(data, models, segment), files, painters, data)


def _checked(runs: Sequence[Run]) -> dict[str, Run]:
    """The runs by experiment; raises UserError if they cannot be released, or not together."""
    found: dict[str, Run] = {}
    for run in runs:
        run.result()  # raises if it is not finished
        config, other = run.config, next(iter(found.values()), run).config
        if run.data()["location"] != "synthetic":
            raise UserError(
                f"the run {run.folder} was trained on '{run.data()['name']}', but only drawn "
                "streets may be passed on with this project: release a run on synthetic"
            )
        if config.weights == "released" or config.perceptual_weight:
            raise UserError(
                f"the run {run.folder} has learned from a network that others trained on photos: "
                "release a run with weights=none and perceptual_weight=0"
            )
        for key in ("image_size", "data_seed", "train_pairs", "val_pairs", "test_pairs"):
            if getattr(config, key) != getattr(other, key):
                raise UserError(
                    f"{run.folder} has {key}={getattr(config, key)}, but the first run has "
                    f"{getattr(other, key)}: models of one release share their data"
                )
        if config.experiment in found:
            raise UserError(
                f"{run.folder} and {found[config.experiment].folder} are both "
                f"'{config.experiment}': release one of them"
            )
        found[config.experiment] = run
    return found


def _checkpoint_bytes(run: Run) -> bytes:
    """A checkpoint file with the run's configuration, palette and rounded generator."""
    load_generator(run.folder, torch.device("cpu"))  # raises unless the checkpoint is whole
    state = load_checkpoint(run.best_checkpoint)
    kept = {
        "config": state["config"],
        "palette": state["palette"],
        "generator": rounded_weights(state["generator"]),
    }
    file = io.BytesIO()
    torch.save(kept, file)
    return file.getvalue()


def rounded_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with kernels in float16; vectors, such as batch norm's, stay as they are.

    Vectors are few, and a running variance may lie outside of float16's range. Raises UserError if
    a kernel does.
    """
    found = {
        name: value.half() if value.is_floating_point() and value.ndim > 1 else value
        for name, value in state.items()
    }
    for name, value in found.items():
        if not value.isfinite().all():
            raise UserError(f"'{name}' has values above 65504, the largest 16-bit number")
    return found


def _measured(
    run: Run, file: bytes, data: StreetData, segment: Segmenter, device: torch.device
) -> tuple[Painter, dict]:
    """The rounded generator, and its entry in the manifest."""
    generator, palette, image_size = load_generator(run.folder, device)
    before = ssim_scores(generator_predictor(generator), data.test)
    state = torch.load(io.BytesIO(file), weights_only=True)
    generator.load_state_dict(state["generator"])
    predict = generator_predictor(generator)
    measured = measure(predict, data.test, segment)
    after = measured.images["ssim"]
    config, result = run.config, run.result()
    defaults = Config().to_dict()
    changed = {key: value for key, value in config.to_dict().items() if value != defaults[key]}
    entry = {
        "file": f"{config.experiment}.pt",
        "bytes": len(file),
        "sha256": hashlib.sha256(file).hexdigest(),
        "command": training_command(config),
        "config": {"experiment": config.experiment, **changed},
        "parameters": result["generator_parameters"],
        "epoch": result["best_epoch"],
        "train_seconds": result["train_seconds"],
        "environment": {key: run.sessions()[-1].get(key) for key in ENVIRONMENT},
        "rounding": {
            "before": round(float(before.mean()), 6),
            "after": round(float(after.mean()), 6),
            "largest": round(float(np.abs(after - before).max()), 6),
        },
        "scores": _scores(measured, data.palette),
    }
    return Painter(predict, palette, image_size), entry


def _scores(measured: Measures, palette: Palette) -> dict[str, dict]:
    summaries = score_summaries(measured, palette)
    return rounded({name: summaries[name] for name in TITLES})


def _manifest(data: StreetData, models: dict, segment: Segmenter) -> dict:
    shares = class_frequencies(data.train)
    unseen = [n for n, share in zip(data.palette.classes, shares, strict=True) if share == 0]
    return {
        "dataset": data.name,
        "fingerprint": data.fingerprint,
        "split_rule": data.split_rule,
        "pairs": {split: len(data[split]) for split in SPLITS},
        "image_size": data.test.image_size,
        "unseen": unseen,
        "ssim": SSIM_CONVENTION,
        "models": models,
        "no_network": {
            name: _scores(measure(fit(data.train), data.test, segment), data.palette)
            for name, fit in {**REFERENCE_PREDICTORS, **ORACLE}.items()
        },
    }


def _write(
    output: Path,
    manifest: dict,
    files: Mapping[str, bytes],
    painters: Mapping[str, Painter],
    data: StreetData,
) -> list[Path]:
    """Write the release; weights come before the manifest that names them."""
    for name, content in files.items():
        with atomic_write(output / f"{name}.pt") as temporary:
            temporary.write_bytes(content)
    write_json(output / MANIFEST, manifest)
    predictors = {name: painter.predict for name, painter in painters.items()}
    strip = street_strip(data.test, predictors, STRIP, SCENES_IN_A_ROW)
    save_picture(strip, output / SCENES)
    street = painted_street(data)
    photo = next(iter(paint(painters, street).values())).photo
    save_picture(mosaic([[data.palette.encode(street), photo]], STREET_SCALE), output / STREET)
    write_text(output / "README.md", model_card(manifest))
    for path in output.glob("*.pt"):  # of an earlier release with other models
        if path.stem not in files:
            path.unlink()
    names = [MANIFEST, "README.md", SCENES, STREET, *(f"{name}.pt" for name in files)]
    return [output / name for name in names]
