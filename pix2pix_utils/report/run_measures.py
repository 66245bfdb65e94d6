"""Everything that is measured of a model on a split, image by image.

No single number says how good a photo is: SSIM and L1 reward the safe, smooth answer, sharpness
asks only whether anything happens, LPIPS and the segmentation score ask what a network sees.
"""

import json
import zipfile
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.measures import Measures, measure
from pix2pix_utils.evaluation.perceptual import lpips
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.evaluation.segmentation import identity, segmenter
from pix2pix_utils.files import atomic_write
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

VERSION = 1  # of the stored file and of how things are measured: another one is measured again


def measure_run(
    run: Run,
    data: StreetData,
    output: Path,
    device: torch.device,
    split: str = "test",
    inference: str = "eval",
) -> Measures:
    """Measure a run's best checkpoint on a split of the data that it was trained on.

    The segmentation network is taken from `output/segmentation`, or trained there. The outcome is
    kept in the run's folder and read from there, as long as checkpoint, data and segmentation
    network are the same; a damaged file is measured again, and so is one without LPIPS as soon as
    LPIPS can be had. Raises UserError if the run has no checkpoint yet or `data` is not its data.
    """
    recorded = run.data()["fingerprint"]
    if data.fingerprint != recorded:
        raise UserError(
            f"the data set {data.location} is not what {run.folder} was trained on "
            f"(fingerprint {data.fingerprint}, not {recorded})"
        )
    if not run.best_checkpoint.is_file():
        raise UserError(
            f"the run {run.folder} has no best checkpoint yet: train one epoch at least"
        )
    pairs = data[split]
    perceptual, why_not = None, ""
    path = run.folder / "measures" / f"{split}-{inference}.npz"
    key = _key(run, data, split, inference)
    stored = _read(path, key)
    if stored and "lpips" in stored.images:
        return stored
    try:
        perceptual = lpips(pairs.image_size, device)
    except UserError as error:
        why_not = str(error)
    if stored and not perceptual:
        return replace(stored, missing={**stored.missing, "lpips": why_not})

    missing, judge = {"lpips": why_not} if why_not else {}, None
    try:
        judge = segmenter(data, output, device)
    except UserError as error:
        missing["segmentation"] = str(error)
    generator, _, _ = load_generator(run.folder, device)
    measured = measure(generator_predictor(generator, inference), pairs, judge, perceptual)
    measured = replace(measured, missing={**measured.missing, **missing})
    with suppress(OSError):  # a run that may only be read can be measured all the same
        _write(path, key, measured)
    return measured


def _key(run: Run, data: StreetData, split: str, inference: str) -> str:
    """All that decides what is measured."""
    checkpoint = run.best_checkpoint.stat()
    values = {
        "version": VERSION,
        "checkpoint": [checkpoint.st_size, checkpoint.st_mtime_ns],
        "inference": inference,
        "split": split,
        "names": data[split].names,
        "segmentation": identity(data),
    }
    return json.dumps(values, sort_keys=True)


def _write(path: Path, key: str, measured: Measures) -> None:
    arrays = {
        "key": np.array(key),
        "names": np.array(measured.names),
        "class_ssim": measured.class_ssim,
        "missing": np.array(json.dumps(measured.missing)),
        **{f"images/{name}": values for name, values in measured.images.items()},
    }
    if measured.confusion is not None:
        arrays["confusion"] = measured.confusion
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]  # a quirk of its stub


def _read(path: Path, key: str) -> Measures | None:
    """What `_write` wrote under the same key; None if it is missing, stale or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            arrays = {name: file[name] for name in file.files}
        return Measures(
            names=arrays["names"].tolist(),
            images={
                name.removeprefix("images/"): values
                for name, values in arrays.items()
                if name.startswith("images/")
            },
            class_ssim=arrays["class_ssim"],
            confusion=arrays.get("confusion"),
            missing=json.loads(str(arrays["missing"])),
        )
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
        return None
