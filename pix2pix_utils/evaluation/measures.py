"""All measures of the predicted photos of a split, image by image."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.data.pairs import StreetPairs, to_unit
from pix2pix_utils.evaluation.confusion import confusion_counts
from pix2pix_utils.evaluation.metrics import WINDOW, gradient_energy, l1, psnr, ssim_map
from pix2pix_utils.evaluation.perceptual import PerceptualDistance
from pix2pix_utils.evaluation.predictors import Predictor, batchwise


@dataclass(frozen=True)
class Measures:
    """Measures of N images with C classes in the palette."""

    names: list[str]  # of the images
    groups: list[str]  # as `StreetPairs.groups`: images of one drive depend on each other
    # measure -> (N,): "ssim", "psnr" in dB, "l1" in [0, 1], "sharpness" (gradient energy as a share
    # of the real photo's, nan if that has none) and, if available, "lpips"
    images: dict[str, np.ndarray]
    class_ssim: np.ndarray  # (N, C) mean of the SSIM map over a class's pixels, nan if it has none
    # (N, C, C) pixel counts of each image: row = true class, column = class that the segmentation
    # network predicts for the generated photo
    confusion: np.ndarray | None
    missing: dict[str, str]  # "lpips" or "segmentation" -> the reason, in one sentence


def measure(
    predict: Predictor,
    pairs: StreetPairs,
    segmenter: Callable[[Tensor], Tensor] | None = None,
    perceptual: PerceptualDistance | None = None,
) -> Measures:
    """Measure the predicted photos of a split against the real ones.

    `segmenter` maps photos (N, 3, S, S) in [-1, 1] to class maps (N, S, S), see
    `segmentation.segmenter`; `perceptual` compares two batches of photos, see `perceptual.lpips`.
    A measure whose network is not given is named in `missing`. Raises UserError if memory is too
    small for a single image.
    """
    classes = len(pairs.palette)

    def one_batch(batch: dict) -> dict[str, np.ndarray]:
        photos = predict(batch).float()  # from half precision, perhaps
        real = batch["photo"].to(photos.device)
        x, y = to_unit(photos), to_unit(real)
        ratio, distance = psnr(x, y), l1(x, y)  # both check the range, which ssim_map does not
        quality, energy = ssim_map(x, y), gradient_energy(y)
        found: dict[str, Tensor | np.ndarray] = {
            "ssim": quality.mean(dim=(1, 2, 3)),
            "psnr": ratio,
            "l1": distance,
            "sharpness": (gradient_energy(x) / energy).where(energy > 0, torch.nan),
            "class_ssim": _by_class(quality.mean(dim=1), batch["classes"], classes),
        }
        if perceptual:
            found["lpips"] = perceptual(photos, real)
        if segmenter:
            found["confusion"] = confusion_counts(batch["classes"], segmenter(photos), classes)
        return {name: np.asarray(torch.as_tensor(v).cpu()) for name, v in found.items()}

    batches = list(batchwise(one_batch, pairs))
    joined = {name: np.concatenate([one[name] for one in batches]) for name in batches[0]}
    missing = {} if perceptual else {"lpips": "no perceptual distance was given"}
    if not segmenter:
        missing["segmentation"] = "no segmentation network was given"
    class_ssim, confusion = joined.pop("class_ssim"), joined.pop("confusion", None)
    return Measures(pairs.names, pairs.groups, joined, class_ssim, confusion, missing)


def _by_class(quality: Tensor, classes: Tensor, count: int) -> np.ndarray:
    """Mean of an SSIM map (N, H - 10, W - 10) over each class's windows, (N, C).

    A window belongs to the class of its centre pixel; the 5 pixels at each border have no window.
    """
    border = WINDOW // 2
    inner = classes[:, border:-border, border:-border]
    cell = (torch.arange(len(inner))[:, None, None] * count + inner).flatten().numpy()
    values = quality.cpu().double().flatten().numpy()
    pixels = np.bincount(cell, minlength=len(inner) * count)
    sums = np.bincount(cell, weights=values, minlength=len(inner) * count)
    means = np.where(pixels > 0, sums / np.maximum(pixels, 1), np.nan)
    return means.reshape(len(inner), count)
