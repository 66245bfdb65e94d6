"""The figures of the report, with their captions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import to_uint8
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.evaluation.reference import ORACLE
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
from pix2pix_utils.figures.curves import describe_splits
from pix2pix_utils.figures.described import Figure
from pix2pix_utils.report.collect import Measurements, class_means, scored_classes
from pix2pix_utils.report.comparison import image_scores
from pix2pix_utils.report.published import record_curves
from pix2pix_utils.report.selection import Selection
from pix2pix_utils.report.tables import BEST_REFERENCE
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

SCENES = 4  # test scenes in the strip of translations
MODELS = 8  # in one strip or panel of curves; more cannot be distinguished in print
RANKED = 2  # scenes each of the best, the median and the worst


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its files and its caption.

    An animation has no figure, but NAME.gif, its last frame in NAME.png, and a text alternative.
    """

    name: str
    title: str
    figure: Figure | None
    caption: str
    alternative_of_animation: str = ""

    @property
    def alternative(self) -> str:
        return self.figure.alt if self.figure else self.alternative_of_animation


def best_on_val(runs: Sequence[Run]) -> Run:
    """The run with the highest mean SSIM on the validation split."""
    return max(runs, key=lambda run: run.result()["ssim"]["eval"]["val"]["mean"])


@torch.no_grad()
def generated(run: Run, data: StreetData, indices: Sequence[int]) -> np.ndarray:
    """Photos of test scenes by a run's best checkpoint, (N, S, S, 3) uint8."""
    generator, _, _ = load_generator(run.folder, torch.device("cpu"))
    return to_uint8(generator_predictor(generator)(data.test.batch(indices)))


def weights_of(run: Run) -> str:
    """The weights that a finished run's photos are made with: of its best epoch on val."""
    return f"epoch {run.result()['best_epoch']} of {run.config.epochs}"


def translation_strip(runs: Sequence[Run], data: StreetData) -> Figure:
    """The same test scenes by every run: label map, one column per run, real photo."""
    count = min(SCENES, len(data.test))
    scenes = [index * len(data.test) // count for index in range(count)]
    batch = data.test.batch(scenes)
    photos = [generated(run, data, scenes) for run in runs]
    columns = [to_uint8(batch["label"]), *photos, to_uint8(batch["photo"])]
    names = [f"{run.config.experiment}\n{weights_of(run)}" for run in runs]
    titles = ["label map", *names, "photo"]
    return figures.image_grid(list(zip(*columns, strict=True)), titles).described_as(
        f"Each row is a test scene of {data.name}, painted by {len(runs)} "
        f"model{'s' * (len(runs) != 1)} between its label map and its real photo."
    )


def ranked_scenes(scores: np.ndarray, count: int = RANKED) -> dict[str, list[int]]:
    """The indices of the `count` best, median and worst of (N,) scores, without repetition."""
    order = [int(index) for index in np.argsort(-scores, kind="stable")]
    count = min(count, len(order) // 3) or 1
    middle = (len(order) - count) // 2
    median = order[middle : middle + count]
    return {"best": order[:count], "median": median, "worst": order[-count:]}


def ranked_figure(run: Run, data: StreetData) -> Figure:
    """The best, median and worst test scenes of a run: label map, generated photo, real photo."""
    scores = image_scores([run])
    chosen = [(word, i) for word, indices in ranked_scenes(scores).items() for i in indices]
    indices = [index for _, index in chosen]
    batch = data.test.batch(indices)
    images = (to_uint8(batch["label"]), generated(run, data, indices), to_uint8(batch["photo"]))
    return figures.image_grid(
        [list(row) for row in images],
        column_titles=[f"{word}: SSIM {scores[index]:.3f}" for word, index in chosen],
        row_titles=["label map", f"generated, {weights_of(run)}", "photo"],
    ).described_as(
        f"The test scenes on which the SSIM of {run.config.experiment} is highest, in the middle "
        "and lowest."
    )


def all_pictures(
    data: StreetData, selection: Selection, measured: Measurements
) -> Iterator[Picture]:
    """Every figure that the selected runs allow."""
    if selection.runs:
        yield from _pictures_of_the_best(data, best_on_val(selection.runs))
        firsts = [runs[0] for runs in selection.variants.values()][:MODELS]
        yield Picture(
            "translations",
            "The same test scenes by every model",
            translation_strip(firsts, data),
            f"Evenly spaced scenes of the test split; seed {firsts[0].config.seed} of each model.",
        )
        yield from _curves(selection)
    yield from _score_pictures(measured, data.test.groups)
    shown = dict(list(measured.models.items())[: MODELS - 1])
    shown[BEST_REFERENCE] = measured.reference[BEST_REFERENCE]
    means = {name: class_means(measures) for name, measures in shown.items()}
    order = scored_classes(data.test, means.values())
    yield Picture(
        "class-ssim",
        "SSIM by class",
        figures.class_scores(
            {name: values[order] for name, values in means.items()},
            [data.palette.classes[index] for index in order],
        ),
        "Mean SSIM over the pixels of a class, then over the test images that show it; "
        "classes with the most pixels first.",
    )


def _pictures_of_the_best(data: StreetData, run: Run) -> Iterator[Picture]:
    scores = image_scores([run])
    (index,) = ranked_scenes(scores, 1)["median"]
    best = f"{run.config.experiment}, seed {run.config.seed}"
    scene = (
        f"test scene {data.test.names[index]}, the median of the test split by SSIM "
        f"({scores[index]:.3f}). Best on val: {best}."
    )
    yield Picture(
        "figure1",
        "Figure 1: generated image of the best model",
        _one_picture(generated(run, data, [index])[0]).described_as(
            f"A street of {data.name} as {run.config.experiment} paints it from its label map."
        ),
        f"Like the report's Figure 1: the generated photo of {scene}",
    )
    yield Picture(
        "figure2",
        "Figure 2: its target",
        _one_picture(to_uint8(data.test.batch([index])["photo"])[0]).described_as(
            "The real photo of the same street."
        ),
        f"Like the report's Figure 2: the real photo of {scene}",
    )
    yield Picture(
        "ranked",
        "Best, median and worst",
        ranked_figure(run, data),
        f"Test scenes of {best}, the best model on val, by their SSIM.",
    )
    if list(run.samples.glob("epoch-*.png")):
        yield Picture(
            "epochs",
            "Epoch by epoch",
            None,
            f"{best}, the best model on val: label maps, generated photos and real photos of "
            "scenes of val.",
            "Label maps, the photos that the network generates after each epoch, and real photos.",
        )


def _one_picture(image: np.ndarray) -> Figure:
    """A single picture (H, W, 3) uint8 without axes or margins."""
    figure = Figure(figsize=(3, 3))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(image, interpolation="nearest")
    axis.set_axis_off()
    return figure


def _curves(selection: Selection) -> Iterator[Picture]:
    several = len(selection.runs) > 1
    histories = {
        f"{name}, seed {run.config.seed}" if several else name: run.read_history()
        for name, runs in selection.variants.items()
        for run in runs
    }
    names = list(histories)
    for number, start in enumerate(range(0, len(names), MODELS), start=1):
        shown = {name: histories[name] for name in names[start : start + MODELS]}
        yield Picture(
            "curves" if number == 1 else f"curves-{number}",
            "Training" if number == 1 else f"Training, continued ({number})",
            figures.training_curves(shown),
            "Mean losses of each epoch and SSIM on val after it.",
        )
    scored = {name: one for name, one in histories.items() if "test_ssim" in one[0]}
    if scored:
        ends = "; ".join(f"{name}: {describe_splits(history)}" for name, history in scored.items())
        yield Picture(
            "curves-by-split",
            "Where training should stop",
            figures.split_curves(scored),
            "SSIM on all three splits by epoch; the dotted line is the epoch that val chooses. "
            f"{ends}.",
        )


def long_run_picture(record: dict) -> Picture:
    """The curves of a published record with many epochs, from `published.find_long_runs`."""
    protocol = record["protocol"]
    return Picture(
        "long-runs",
        f"{protocol['epochs']} epochs",
        figures.split_curves(record_curves(record)),
        f"Published measurement: {record['dataset']} at {protocol['image_size']} pixels, "
        f"{record['pairs']['train']} training pairs. SSIM on all three splits by epoch; the dotted "
        "line is the epoch that val chooses.",
    )


def _score_pictures(measured: Measurements, groups: Sequence[str]) -> Iterator[Picture]:
    # without the oracle, which would stretch every axis
    scores = {name: values for name, values in measured.ssim.items() if name not in ORACLE}
    models = {name: scores[name] for name in measured.models}
    reference = {name: scores[name] for name in scores if name not in models}
    means = {name: float(values.mean()) for name, values in scores.items()}
    reference_means = {name: means[name] for name in reference}
    yield Picture(
        "ssim",
        "Mean SSIM on the test split",
        figures.score_intervals(
            {name: summarize(values, groups) for name, values in models.items()}, reference_means
        ),
        "Dots: networks, with the 95 % bootstrap interval of the mean over the images. "
        "Diamonds: reference predictors (no network).",
    )
    first, *others = models or [""]
    if others:
        rows = {name: paired_difference(models[name], models[first], groups) for name in others}
        yield Picture(
            "differences",
            f"Each model minus {first}, on the same images",
            figures.differences(rows, f"difference of test SSIM to {first}: right is better"),
            "Mean of the paired differences with its 95 % bootstrap interval over the images; "
            "a dot is filled if the interval excludes zero.",
        )
    yield Picture(
        "distribution",
        "SSIM of every test image",
        figures.score_distribution(models, reference),
        "A dot or cross is a test image; the box contains the middle half of them, its line is "
        "the median. Crosses: reference predictors (no network).",
    )
    points = {
        name: (float(np.nanmean(measured.all[name].images["sharpness"])), means[name])
        for name in scores
    }
    yield Picture(
        "sharpness",
        "SSIM against sharpness",
        figures.ssim_against_sharpness(
            {name: points[name] for name in models}, {name: points[name] for name in reference}
        ),
        "Means over the test images. Hollow: reference predictors (no network).",
    )
