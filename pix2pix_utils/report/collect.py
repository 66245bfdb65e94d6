"""All measures on the test split, by model and by reference predictor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs, class_frequencies
from pix2pix_utils.evaluation.feature_distance import distance_summary, real_floor
from pix2pix_utils.evaluation.measures import Measures, measure
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import ORACLE, REFERENCE_PREDICTORS
from pix2pix_utils.report.run_measures import UnusableRun, judging_networks, measure_run
from pix2pix_utils.report.selection import Selection


@dataclass(frozen=True)
class Measurements:
    """Measures of the test split by name, models in the order of the selection."""

    models: dict[str, Measures] = field(default_factory=dict)  # mean over seeds
    seeds: dict[str, dict[int, Measures]] = field(default_factory=dict)  # of the same models
    reference: dict[str, Measures] = field(default_factory=dict)  # the oracle comes last
    reference_val: dict[str, np.ndarray] = field(default_factory=dict)  # SSIM on val, (N,)
    # kernel and Fréchet distance of the real photos of val, a summary each; empty if not measured
    floor: dict[str, dict] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, Measures]:
        return {**self.models, **self.reference}

    def of(self, selection: Selection) -> "Measurements":
        """Those of the selected models, and of all reference predictors."""
        models = {name: one for name, one in self.models.items() if name in selection.variants}
        return replace(self, models=models, seeds={name: self.seeds[name] for name in models})

    @property
    def ssim(self) -> dict[str, np.ndarray]:
        """SSIM of every test image, (N,), by model and reference predictor."""
        return {name: measures.images["ssim"] for name, measures in self.all.items()}


def measure_all(
    selection: Selection,
    data: StreetData,
    output: Path,
    device: torch.device,
    progress: bool = True,
) -> Measurements:
    """Measure each run's best checkpoint, every reference predictor and the oracle.

    A run whose checkpoint cannot be used moves to `selection.unusable`. `progress` shows the
    training of the segmentation network, if there is none yet.
    """
    segment, perceptual, missing = judging_networks(data, output, device, progress)
    measured = Measurements(floor=real_floor(segment, data.test, data.val) if segment else {})
    for name, runs in list(selection.variants.items()):
        seeds = {}
        for run in list(runs):
            try:
                seeds[run.config.seed] = measure_run(run, data, output, device)
            except UnusableRun as error:
                selection.unusable[run.folder.name] = str(error)
                runs.remove(run)
        if seeds:
            measured.seeds[name] = seeds
            measured.models[name] = mean_measures(list(seeds.values()))
        else:
            del selection.variants[name]
    for name, fit in {**REFERENCE_PREDICTORS, **ORACLE}.items():
        predict = fit(data.train)
        measures = measure(predict, data.test, segment, perceptual)
        measured.reference[name] = replace(measures, missing=missing)
        measured.reference_val[name] = ssim_scores(predict, data.val)
    return measured


def mean_measures(seeds: Sequence[Measures]) -> Measures:
    """One model's measures as the mean over its seeds, image by image.

    Confusions are summed, and features are kept seed by seed.
    """
    first = seeds[0]
    shared = [name for name in first.images if all(name in one.images for one in seeds)]
    confusions = [one.confusion for one in seeds if one.confusion is not None]
    features = [one.features for one in seeds if one.features is not None]
    return replace(
        first,
        images={name: np.mean([one.images[name] for one in seeds], axis=0) for name in shared},
        class_ssim=np.mean([one.class_ssim for one in seeds], axis=0),
        confusion=np.sum(confusions, axis=0) if len(confusions) == len(seeds) else None,
        features=np.concatenate(features) if len(features) == len(seeds) else None,
        missing={name: reason for one in seeds for name, reason in one.missing.items()},
    )


def distances(measures: Measures) -> dict[str, dict]:
    """Kernel and Fréchet distance to the set of real photos; empty if not measured."""
    if measures.features is None or measures.real_features is None:
        return {}
    return distance_summary(measures.features, measures.real_features, measures.groups)


def class_means(measures: Measures) -> np.ndarray:
    """Mean SSIM over the images that show a class, (C,), nan if none does."""
    shown = ~np.isnan(measures.class_ssim)
    totals = np.where(shown, measures.class_ssim, 0).sum(axis=0)
    return np.where(shown.any(axis=0), totals / np.maximum(shown.sum(axis=0), 1), np.nan)


def scored_classes(pairs: StreetPairs, means: Iterable[np.ndarray]) -> list[int]:
    """The classes with a number in any of the (C,) `means`, most pixels first."""
    scored = (~np.isnan(np.stack(list(means)))).any(axis=0)
    return [int(i) for i in np.argsort(-class_frequencies(pairs), kind="stable") if scored[i]]
