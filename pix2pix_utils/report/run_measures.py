"""All measures of a run's best checkpoint on a split, stored in the run's folder."""

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
from pix2pix_utils.evaluation.perceptual import PerceptualDistance, perceptual_distances
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.evaluation.segmentation import Segmenter, identity, segmenter
from pix2pix_utils.files import atomic_write
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

VERSION = 4  # of the stored file and of how measures are computed; other versions are ignored
# what the segmentation network makes of the photos: all of them are there, or none
JUDGED = ("confusion", "features", "real_features", "real_confusion")


class UnusableRun(UserError):
    """A run without a usable checkpoint, or trained on other data."""


def measure_run(
    run: Run,
    data: StreetData,
    output: Path,
    device: torch.device,
    split: str = "test",
    inference: str = "eval",
) -> Measures:
    """Measure a run's best checkpoint on a split of the data that it was trained on.

    The segmentation network is taken from `output/segmentation`, or trained there. The result is
    stored in the run's folder and read from there while configuration, checkpoint, data and
    segmentation network are unchanged. A damaged file is measured again, and so is one that lacks a
    measure once that is available; what it has is kept, even if it cannot be measured any more.
    Raises UnusableRun, a UserError, if the run has no usable checkpoint or `data` is not its data.
    """
    recorded = run.data()["fingerprint"]
    if data.fingerprint != recorded:
        raise UnusableRun(
            f"the data set {data.location} is not what {run.folder} was trained on "
            f"(fingerprint {data.fingerprint}, not {recorded})"
        )
    if not run.best_checkpoint.is_file():
        raise UnusableRun(
            f"the run {run.folder} has no best checkpoint yet: train at least one epoch"
        )
    path = run.folder / "measures" / f"{split}-{inference}.npz"
    key = _key(run, data, split, inference)
    stored = _read(path, key, data[split].groups)
    if stored and not stored.missing:
        return stored
    segment, perceptual, missing = judging_networks(data, output, device)
    if stored and missing.keys() >= stored.missing.keys():  # nothing more can be measured now
        return replace(stored, missing={name: missing[name] for name in stored.missing})
    try:
        generator, _, _ = load_generator(run.folder, device)
    except UserError as error:
        raise UnusableRun(str(error)) from None
    measured = measure(generator_predictor(generator, inference), data[split], segment, perceptual)
    measured = _completed(replace(measured, missing=missing), stored)
    with suppress(OSError):  # a read-only run can be measured, too
        _write(path, key, measured)
    return measured


def judging_networks(
    data: StreetData, output: Path, device: torch.device, progress: bool = True
) -> tuple[Segmenter | None, dict[str, PerceptualDistance], dict[str, str]]:
    """The segmentation network, the perceptual distances, and a reason for each unavailable one."""
    segment = None
    perceptual, missing = perceptual_distances(data.test.image_size, device)
    try:
        segment = segmenter(data, output, device, progress)
    except UserError as error:
        missing["segmentation"] = str(error)
    return segment, perceptual, missing


def _completed(measured: Measures, stored: Measures | None) -> Measures:
    """New measures with what only the stored ones have, such as LPIPS from a day with a network."""
    if stored is None:
        return measured
    judged = stored if measured.confusion is None else measured
    return replace(
        measured,
        images={**stored.images, **measured.images},
        **{name: getattr(judged, name) for name in JUDGED},
        missing={
            name: reason for name, reason in measured.missing.items() if name in stored.missing
        },
    )


def _key(run: Run, data: StreetData, split: str, inference: str) -> str:
    """Everything that the measures depend on."""
    checkpoint = run.best_checkpoint.stat()
    values = {
        "version": VERSION,
        "config": run.config.to_dict(),
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
        arrays |= {name: getattr(measured, name) for name in JUDGED}
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]  # numpy's stub is wrong


def _read(path: Path, key: str, groups: list[str]) -> Measures | None:
    """What `_write` wrote with the same key; None if it is missing, outdated or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            arrays = {name: file[name] for name in file.files}
        images = {name[len("images/") :]: arrays[name] for name in arrays if "/" in name}
        return Measures(
            names=arrays["names"].tolist(),
            groups=groups,
            images=images,
            class_ssim=arrays["class_ssim"],
            missing=json.loads(str(arrays["missing"])),
            **{name: arrays.get(name) for name in JUDGED},
        )
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
        return None
