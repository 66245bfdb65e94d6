"""All measures of the predicted photos of a split, image by image."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.data.pairs import StreetPairs, to_unit
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.evaluation.confusion import confusion_counts, segmentation_summary
from pix2pix_utils.evaluation.feature_distance import distance_summary, photo_features
from pix2pix_utils.evaluation.metrics import WINDOW, gradient_energy, l1, psnr, ssim_map
from pix2pix_utils.evaluation.perceptual import PERCEPTUAL, PerceptualDistance
from pix2pix_utils.evaluation.predictors import Predictor, batchwise
from pix2pix_utils.evaluation.segmentation import Segmenter
from pix2pix_utils.evaluation.statistics import summarize


@dataclass(frozen=True)
class Measures:
    """Measures of N images with C classes in the palette."""

    names: list[str]  # of the images
    groups: list[str]  # as `StreetPairs.groups`: images of one drive depend on each other
    # measure -> (N,): "ssim", "psnr" in dB, "l1" in [0, 1], "sharpness" (gradient energy as a share
    # of the real photo's, nan if that has none) and, if available, "lpips" and "dists"
    images: dict[str, np.ndarray]
    class_ssim: np.ndarray  # (N, C) mean of the SSIM map over a class's pixels, nan if it has none
    # (N, C, C) pixel counts of each image: row = true class, column = class that the segmentation
    # network predicts for the generated photo
    confusion: np.ndarray | None
    missing: dict[str, str]  # "lpips", "dists" or "segmentation" -> the reason, in one sentence
    # (K, N, D) as in `feature_distance.distance_summary`, of the photos of K networks
    features: np.ndarray | None = None
    real_features: np.ndarray | None = None  # (N, D), of the real photos
    real_confusion: np.ndarray | None = None  # as `confusion`, of the real photos


def measure(
    predict: Predictor,
    pairs: StreetPairs,
    segmenter: Segmenter | None = None,
    perceptual: Mapping[str, PerceptualDistance] | None = None,
) -> Measures:
    """Measure the predicted photos of a split against the real ones.

    `segmenter` judges both, see `segmentation.segmenter`; `perceptual` maps a name to a function
    that compares two batches of photos, see `perceptual.perceptual_distances`. A measure whose
    network is not given is named in `missing`. Raises UserError if memory is too small for a
    single image.
    """
    classes, perceptual = len(pairs.palette), perceptual or {}

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
        for name, compare in perceptual.items():
            found[name] = compare(photos, real)
        if segmenter:
            for prefix, judged in (("", photos), ("real_", real)):
                seen = confusion_counts(batch["classes"], segmenter(judged), classes)
                found[f"{prefix}confusion"] = seen
                found[f"{prefix}features"] = photo_features(segmenter, judged)
        return {name: np.asarray(torch.as_tensor(v).cpu()) for name, v in found.items()}

    batches = list(batchwise(one_batch, pairs))
    joined = {name: np.concatenate([one[name] for one in batches]) for name in batches[0]}
    missing = {
        name: "no perceptual distance was given" for name in PERCEPTUAL if name not in perceptual
    }
    if not segmenter:
        missing["segmentation"] = "no segmentation network was given"
    features = joined.pop("features", None)
    return Measures(
        names=pairs.names,
        groups=pairs.groups,
        class_ssim=joined.pop("class_ssim"),
        confusion=joined.pop("confusion", None),
        missing=missing,
        features=None if features is None else features[None],
        real_features=joined.pop("real_features", None),
        real_confusion=joined.pop("real_confusion", None),
        images=joined,  # what is left
    )


def image_summaries(measures: Measures) -> dict[str, dict]:
    """Mean and interval over the images of every measure of single images.

    A measure with an infinite value, such as the PSNR of a photo with itself, is left out. Images
    without a value, such as those of undefined sharpness, do not count.
    """
    found = {}
    for name, values in measures.images.items():
        defined = ~np.isnan(values)
        if defined.any() and np.isfinite(values[defined]).all():
            groups = [group for group, kept in zip(measures.groups, defined, strict=True) if kept]
            found[name] = summarize(values[defined], groups)
    return found


def score_summaries(measures: Measures, palette: Palette) -> dict[str, dict]:
    """`image_summaries`, and, if the photos were judged, segmentation scores and both distances.

    The segmentation scores leave void pixels out, see `confusion.segmentation_summary`; the
    distances are those of `feature_distance.distance_summary`.
    """
    found = image_summaries(measures)
    if measures.confusion is not None:
        found |= segmentation_summary(measures.confusion, palette, measures.groups)
    if measures.features is not None and measures.real_features is not None:
        found |= distance_summary(measures.features, measures.real_features, measures.groups)
    return found


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
