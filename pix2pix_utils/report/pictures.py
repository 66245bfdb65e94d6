"""The figures of the report, each with a caption that says what its numbers are based on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import to_uint8
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
from pix2pix_utils.report.collect import Measurements, class_means, scored_classes
from pix2pix_utils.report.comparison import image_scores
from pix2pix_utils.report.selection import Selection, describe
from pix2pix_utils.report.tables import BEST_REFERENCE
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

SCENES = 4  # test scenes in the strip of translations
MODELS = 8  # in one strip or panel of curves; more cannot be distinguished in print
RANKED = 2  # scenes each of the best, the median and the worst


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its files, its caption and its text alternative."""

    name: str
    title: str
    figure: Figure | None  # None: an animation, NAME.gif, with its last frame in NAME.png
    caption: str
    alternative: str


def best_on_val(runs: Sequence[Run]) -> Run:
    """The run with the highest mean SSIM on the validation split."""
    return max(runs, key=lambda run: run.result()["ssim"]["eval"]["val"]["mean"])


@torch.no_grad()
def generated(run: Run, data: StreetData, indices: Sequence[int]) -> np.ndarray:
    """Photos of test scenes by a run's best checkpoint, (N, S, S, 3) uint8."""
    generator, _, _ = load_generator(run.folder, torch.device("cpu"))
    return to_uint8(generator_predictor(generator)(data.test.batch(indices)))


def translation_strip(runs: Sequence[Run], data: StreetData) -> Figure:
    """The same test scenes by every run: label map, one column per run, real photo."""
    count = min(SCENES, len(data.test))
    scenes = [index * len(data.test) // count for index in range(count)]
    batch = data.test.batch(scenes)
    columns = [to_uint8(batch["label"])]
    columns += [generated(run, data, scenes) for run in runs]
    columns.append(to_uint8(batch["photo"]))
    titles = ["label map", *(run.config.experiment for run in runs), "photo"]
    return figures.image_grid(list(zip(*columns, strict=True)), titles)


def ranked_scenes(scores: np.ndarray, count: int = RANKED) -> dict[str, list[int]]:
    """The indices of the `count` best, median and worst of (N,) scores, without repetition."""
    order = [int(index) for index in np.argsort(-scores, kind="stable")]
    count = min(count, len(order) // 3) or 1
    middle = (len(order) - count) // 2
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[-count:],
    }


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
        row_titles=["label map", "generated", "photo"],
    )


def _one_picture(image: np.ndarray) -> Figure:
    """A single picture (H, W, 3) uint8 without axes or margins."""
    figure = Figure(figsize=(3, 3))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(image, interpolation="nearest")
    axis.set_axis_off()
    return figure


def _listed(values: Mapping[str, float], style: str = ".3f") -> str:
    return "; ".join(f"{name} {value:{style}}" for name, value in values.items())


@dataclass(frozen=True)
class Pictures:
    """Makes every figure that the selected runs allow."""

    data: StreetData
    selection: Selection
    measured: Measurements

    def all(self) -> Iterator[Picture]:
        trained = bool(self.selection.variants)
        if trained:
            yield from self._figures_1_and_2()
            yield self._strip()
            yield from self._curves()
        yield self._intervals()
        if len(self.measured.models) > 1:
            yield self._differences()
        yield self._distribution()
        yield self._sharpness()
        yield self._classes()
        if trained:
            yield self._ranked()

    def animation(self) -> Picture:
        run = best_on_val(self.selection.runs)
        return self._picture(
            "epochs",
            "Epoch by epoch",
            None,
            f"{run.config.experiment}, seed {run.config.seed}, the best model on val: label maps, "
            "generated photos and real photos of scenes of val.",
            "Label maps, the photos that the network generates after each epoch, and real photos.",
        )

    def _picture(
        self, name: str, title: str, figure: Figure | None, caption: str, alternative: str
    ) -> Picture:
        caption = f"{caption} {describe(self.selection, self.data)}"
        return Picture(name, title, figure, caption, alternative)

    def _figures_1_and_2(self) -> Iterator[Picture]:
        run = best_on_val(self.selection.runs)
        scores = image_scores([run])
        (index,) = ranked_scenes(scores, 1)["median"]
        scene = (
            f"test scene {self.data.test.names[index]}, the median of the test split by SSIM "
            f"({scores[index]:.3f}). Best on val: {run.config.experiment}, seed {run.config.seed}."
        )
        yield self._picture(
            "figure1",
            "Figure 1: generated image of the best model",
            _one_picture(generated(run, self.data, [index])[0]),
            f"Like the report's Figure 1: the generated photo of {scene}",
            "A street scene generated by the best model from a label map.",
        )
        yield self._picture(
            "figure2",
            "Figure 2: its target",
            _one_picture(to_uint8(self.data.test.batch([index])["photo"])[0]),
            f"Like the report's Figure 2: the real photo of {scene}",
            "The real photo of the scene in Figure 1.",
        )

    def _strip(self) -> Picture:
        firsts = [runs[0] for runs in self.selection.variants.values()][:MODELS]
        return self._picture(
            "translations",
            "The same test scenes by every model",
            translation_strip(firsts, self.data),
            f"Evenly spaced scenes of the test split; seed {firsts[0].config.seed} of each model.",
            f"A grid: label maps on the left, photos generated by {len(firsts)} models, and the "
            "real photos on the right.",
        )

    def _curves(self) -> Iterator[Picture]:
        several = len(self.selection.runs) > 1
        histories = {
            f"{name}, seed {run.config.seed}" if several else name: run.read_history()
            for name, runs in self.selection.variants.items()
            for run in runs
        }
        names = list(histories)
        for number, start in enumerate(range(0, len(names), MODELS), start=1):
            shown = {name: histories[name] for name in names[start : start + MODELS]}
            last = {name: history[-1]["val_ssim"] for name, history in shown.items()}
            yield self._picture(
                "curves" if number == 1 else f"curves-{number}",
                "Training" if number == 1 else f"Training, continued ({number})",
                figures.training_curves(shown),
                "Mean losses of each epoch and SSIM on val after it.",
                f"Curves by epoch. Validation SSIM after the last one: {_listed(last)}",
            )

    @property
    def _models(self) -> dict[str, np.ndarray]:
        """Test SSIM of the models, (N,) each."""
        return {name: one.images["ssim"] for name, one in self.measured.models.items()}

    @property
    def _reference(self) -> dict[str, np.ndarray]:
        """Test SSIM of the reference predictors; the oracle would stretch every axis."""
        found = {name: one.images["ssim"] for name, one in self.measured.reference.items()}
        return {name: scores for name, scores in found.items() if scores.mean() < 0.999}

    def _intervals(self) -> Picture:
        models = {name: summarize(scores) for name, scores in self._models.items()}
        reference = {name: float(scores.mean()) for name, scores in self._reference.items()}
        means = {name: summary["mean"] for name, summary in models.items()}
        return self._picture(
            "ssim",
            "Mean SSIM on the test split",
            figures.score_intervals(models, reference),
            "Dots: networks, with the 95 % bootstrap interval of the mean over the images. "
            "Diamonds: reference predictors (no network).",
            f"{_listed(means)}; no network: {_listed(reference)}",
        )

    def _differences(self) -> Picture:
        models = self._models
        first, *rest = models
        rows = {name: paired_difference(models[name], models[first]) for name in rest}
        return self._picture(
            "differences",
            f"Each model minus {first}, on the same images",
            figures.differences(rows, f"difference of test SSIM to {first}"),
            "Mean of the paired differences with its 95 % bootstrap interval over the images; "
            "a dot is filled if the interval excludes zero.",
            _listed({name: row["mean"] for name, row in rows.items()}, "+.3f"),
        )

    def _distribution(self) -> Picture:
        models, reference = self._models, self._reference
        medians = {name: np.median(scores) for name, scores in {**models, **reference}.items()}
        return self._picture(
            "distribution",
            "SSIM of every test image",
            figures.score_distribution(models, reference),
            "A dot is a test image; the box contains the middle half of them, its line is the "
            "median. Grey: reference predictors (no network).",
            f"Medians: {_listed(medians)}",
        )

    def _sharpness(self) -> Picture:
        def points(names) -> dict[str, tuple[float, float]]:
            images = {name: self.measured.all[name].images for name in names}
            return {
                name: (float(np.nanmean(one["sharpness"])), float(one["ssim"].mean()))
                for name, one in images.items()
            }

        networks, others = points(self._models), points(self._reference)
        return self._picture(
            "sharpness",
            "SSIM against sharpness",
            figures.ssim_against_sharpness(networks, others),
            "Means over the test images. Hollow: reference predictors (no network).",
            "; ".join(
                f"{name}: sharpness {sharpness:.2f}, SSIM {score:.3f}"
                for name, (sharpness, score) in {**networks, **others}.items()
            ),
        )

    def _classes(self) -> Picture:
        palette = self.data.palette
        shown = dict(list(self.measured.models.items())[: MODELS - 1])
        shown[BEST_REFERENCE] = self.measured.reference[BEST_REFERENCE]
        means = {name: class_means(measures) for name, measures in shown.items()}
        order = scored_classes(self.data.test, means.values())
        return self._picture(
            "class-ssim",
            "SSIM by class",
            figures.class_scores(
                {name: values[order] for name, values in means.items()},
                [palette.classes[index] for index in order],
            ),
            "Mean SSIM over the pixels of a class, then over the test images that show it; "
            "classes with the most pixels first.",
            "The numbers are in the table of SSIM by class.",
        )

    def _ranked(self) -> Picture:
        run = best_on_val(self.selection.runs)
        return self._picture(
            "ranked",
            "Best, median and worst",
            ranked_figure(run, self.data),
            f"Test scenes of {run.config.experiment}, seed {run.config.seed}, the best model on "
            "val, by their SSIM.",
            "Label maps, generated and real photos of the scenes with the highest, median and "
            "lowest SSIM.",
        )
