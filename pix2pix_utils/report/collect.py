"""Everything that is measured on the test split, by model and by what no network made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs, class_frequencies
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.measures import Measures, measure
from pix2pix_utils.evaluation.perceptual import PerceptualDistance, lpips
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import ORACLE, REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.segmentation import Segmenter, segmenter
from pix2pix_utils.evaluation.statistics import summarize
from pix2pix_utils.report.run_measures import measure_run
from pix2pix_utils.report.selection import Selection


@dataclass(frozen=True)
class Measurements:
    """The test split's measures by name, models in the order of the selection."""

    models: dict[str, Measures] = field(default_factory=dict)  # mean over seeds
    no_network: dict[str, Measures] = field(default_factory=dict)  # floors, then the real photo
    val: dict[str, np.ndarray] = field(default_factory=dict)  # SSIM of what no network made, (N,)

    @property
    def all(self) -> dict[str, Measures]:
        return {**self.models, **self.no_network}


def measure_all(
    selection: Selection,
    data: StreetData,
    output: Path,
    device: torch.device,
    progress: bool = True,
) -> Measurements:
    """Measure each run's best checkpoint, every floor and the real photo.

    `progress` is about the segmentation network, which is trained if it is not there yet.
    """
    judge, perceptual, missing = _yardsticks(data, output, device, progress)
    measured = Measurements()
    for name, runs in selection.variants.items():
        measured.models[name] = mean_measures(
            [measure_run(run, data, output, device) for run in runs]
        )
    for name, fit in {**REFERENCE_PREDICTORS, **ORACLE}.items():
        predict = fit(data.train)
        measures = measure(predict, data.test, judge, perceptual)
        measured.no_network[name] = replace(measures, missing=missing)
        measured.val[name] = ssim_scores(predict, data.val)
    return measured


def _yardsticks(
    data: StreetData, output: Path, device: torch.device, progress: bool
) -> tuple[Segmenter | None, PerceptualDistance | None, dict[str, str]]:
    """The networks that judge photos, and for each that cannot be had one sentence why."""
    judge, perceptual, missing = None, None, {}
    try:
        judge = segmenter(data, output, device, progress)
    except UserError as error:
        missing["segmentation"] = str(error)
    try:
        perceptual = lpips(data.test.image_size, device)
    except UserError as error:
        missing["lpips"] = str(error)
    return judge, perceptual, missing


def mean_measures(seeds: Sequence[Measures]) -> Measures:
    """One model's measures as the mean over its seeds, image by image; confusions add up."""
    first = seeds[0]
    shared = [name for name in first.images if all(name in one.images for one in seeds)]
    confusions = [one.confusion for one in seeds if one.confusion is not None]
    return Measures(
        names=first.names,
        images={name: np.mean([one.images[name] for one in seeds], axis=0) for name in shared},
        class_ssim=np.mean([one.class_ssim for one in seeds], axis=0),
        confusion=np.sum(confusions, axis=0) if len(confusions) == len(seeds) else None,
        missing={name: reason for one in seeds for name, reason in one.missing.items()},
    )


def summaries(measures: Measures) -> dict[str, dict]:
    """Mean and interval over the images of every measure that was taken.

    One that is infinite has neither: the PSNR of a photo with itself.
    """
    return {
        name: summarize(values)
        for name, values in measures.images.items()
        if np.isfinite(values).all()
    }


def class_means(measures: Measures) -> np.ndarray:
    """Mean SSIM over the images that show a class, (C,), nan for a class that none shows."""
    shown = ~np.isnan(measures.class_ssim)
    totals = np.where(shown, measures.class_ssim, 0).sum(axis=0)
    return np.where(shown.any(axis=0), totals / np.maximum(shown.sum(axis=0), 1), np.nan)


def scored_classes(pairs: StreetPairs, means: Iterable[np.ndarray]) -> list[int]:
    """The classes that any of the (C,) `means` has a number for, those of most pixels first."""
    scored = (~np.isnan(np.stack(list(means)))).any(axis=0)
    return [int(i) for i in np.argsort(-class_frequencies(pairs), kind="stable") if scored[i]]
