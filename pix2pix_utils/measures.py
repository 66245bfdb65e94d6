"""Everything that is measured of a model on a split, image by image.

No single number says how good a photo is: SSIM and L1 reward the safe, smooth answer, sharpness
asks only whether anything happens, LPIPS and the segmentation score ask what a network sees.
"""

import json
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.data import StreetData, StreetPairs, to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import Predictor, batchwise, generator_predictor
from pix2pix_utils.files import replacing
from pix2pix_utils.metrics import WINDOW, gradient_energy, l1, psnr, ssim_map
from pix2pix_utils.perceptual import PerceptualDistance, lpips
from pix2pix_utils.runs import Run
from pix2pix_utils.segmentation import confusion_counts, identity, segmentation_scores, segmenter
from pix2pix_utils.translation import load_generator

__all__ = ["Measures", "measure", "measure_run", "segmentation_scores"]

VERSION = 1  # of the stored file and of how things are measured: another one is measured again


@dataclass(frozen=True)
class Measures:
    """What was measured of N images with C classes in the palette."""

    names: list[str]  # of the images
    # measure -> (N,): "ssim", "psnr" in dB, "l1" in [0, 1], "sharpness" (gradient energy as a share
    # of the real photo's), and "lpips" where it can be had
    images: dict[str, np.ndarray]
    class_ssim: np.ndarray  # (N, C) mean of the SSIM map over a class's pixels, nan without any
    # (N, C, C) pixel counts of each image: row = true class, column = what the segmentation
    # network saw in the generated photo
    confusion: np.ndarray | None
    missing: dict[str, str]  # "lpips" or "segmentation" -> one sentence why it is not there


def measure(
    predict: Predictor,
    pairs: StreetPairs,
    segmenter: Callable[[Tensor], Tensor] | None = None,
    perceptual: PerceptualDistance | None = None,
) -> Measures:
    """Measure the predicted photos of a split against the real ones.

    `segmenter` maps photos (N, 3, S, S) in [-1, 1] to class maps (N, S, S), see
    `segmentation.segmenter`; `perceptual` compares two batches of photos, see `perceptual.lpips`.
    What has no network is named in `missing`.
    """
    classes = len(pairs.palette)

    def one_batch(batch: dict) -> dict[str, np.ndarray]:
        photos = predict(batch).float()  # a network may run in half precision
        real = batch["photo"].to(photos.device)
        x, y = to_unit(photos), to_unit(real)
        # psnr and l1 check the range
        found: dict[str, Tensor | np.ndarray] = {"psnr": psnr(x, y), "l1": l1(x, y)}
        quality = ssim_map(x, y)
        found["ssim"] = quality.mean(dim=(1, 2, 3))
        found["sharpness"] = gradient_energy(x) / gradient_energy(y)
        found["class_ssim"] = _by_class(quality.mean(dim=1), batch["classes"], classes)
        if perceptual:
            found["lpips"] = perceptual(photos, real)
        if segmenter:
            found["confusion"] = confusion_counts(batch["classes"], segmenter(photos), classes)
        return {name: np.asarray(torch.as_tensor(v).cpu()) for name, v in found.items()}

    batches = list(batchwise(one_batch, pairs))
    joined = {name: np.concatenate([one[name] for one in batches]) for name in batches[0]}
    missing = {}
    if not perceptual:
        missing["lpips"] = "no perceptual distance was given"
    if not segmenter:
        missing["segmentation"] = "no segmentation network was given"
    order = ("ssim", "psnr", "l1", "sharpness", "lpips")
    return Measures(
        names=list(pairs.names),
        images={name: joined[name] for name in order if name in joined},
        class_ssim=joined["class_ssim"],
        confusion=joined.get("confusion"),
        missing=missing,
    )


def _by_class(quality: Tensor, classes: Tensor, count: int) -> np.ndarray:
    """Mean of an SSIM map (N, H - 10, W - 10) over each class's windows, (N, C).

    A window counts for the class of its middle pixel; the 5 pixels at the border have none.
    """
    border = WINDOW // 2
    inner = classes[:, border:-border, border:-border]
    cell = (torch.arange(len(inner))[:, None, None] * count + inner).flatten().numpy()
    values = quality.cpu().double().flatten().numpy()
    pixels = np.bincount(cell, minlength=len(inner) * count)
    sums = np.bincount(cell, weights=values, minlength=len(inner) * count)
    means = np.where(pixels > 0, sums / np.maximum(pixels, 1), np.nan)
    return means.reshape(len(inner), count)


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
    with replacing(path) as temporary:
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
