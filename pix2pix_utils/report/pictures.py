"""The figures of the report, each with the caption that says what its numbers are for."""

from collections.abc import Iterator, Sequence
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
from pix2pix_utils.report.selection import Selection
from pix2pix_utils.report.tables import BEST_REFERENCE, describe
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

SCENES = 4  # test scenes in the strip of translations
MODELS = 8  # in one strip or panel of curves; more cannot be told apart in print
RANKED = 2  # scenes each of the best, the median and the worst


@dataclass(frozen=True)
class Picture:
    """A figure, the name of its files, its caption, and what a reader who sees none is told."""

    name: str
    title: str
    figure: Figure
    caption: str
    alternative: str


def best_on_val(runs: Sequence[Run]) -> Run:
    """The run with the highest mean SSIM on the validation split."""
    return max(runs, key=lambda run: run.result()["ssim"]["eval"]["val"]["mean"])


@torch.no_grad()
def generated(run: Run, data: StreetData, indices: Sequence[int]) -> np.ndarray:
    """What a run's best checkpoint makes of test scenes, (N, S, S, 3) uint8."""
    generator, _, _ = load_generator(run.folder, torch.device("cpu"))
    return to_uint8(generator_predictor(generator)(data.test.batch(indices)))


def translation_strip(runs: Sequence[Run], data: StreetData) -> Figure:
    """The same test scenes by every run: label map, one column a run, the real photo."""
    count = min(SCENES, len(data.test))
    scenes = [index * len(data.test) // count for index in range(count)]
    batch = data.test.batch(scenes)
    columns = [to_uint8(batch["label"])]
    columns += [generated(run, data, scenes) for run in runs]
    columns.append(to_uint8(batch["photo"]))
    titles = ["label map", *(run.config.experiment for run in runs), "photo"]
    return figures.image_grid(list(zip(*columns, strict=True)), titles)


def ranked_scenes(scores: np.ndarray, count: int = RANKED) -> dict[str, list[int]]:
    """The indices of the `count` best, middle and worst of (N,) scores, without repetition."""
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


def one_picture(image: np.ndarray) -> Figure:
    """A single picture without anything around it, (H, W, 3) uint8."""
    figure = Figure(figsize=(3, 3))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(image, interpolation="nearest")
    axis.set_axis_off()
    return figure


@dataclass(frozen=True)
class Pictures:
    """Makes every figure that there is something to show in."""

    data: StreetData
    selection: Selection
    measured: Measurements

    def all(self) -> Iterator[Picture]:
        if self.selection.variants:
            yield from self._figures_1_and_2()
            yield self._strip()
            yield from self._curves()
        yield self._intervals()
        yield from self._differences()
        yield self._distribution()
        yield self._sharpness()
        yield self._classes()
        if self.selection.variants:
            yield self._ranked()

    @property
    def best(self) -> Run:
        return best_on_val(self.selection.runs)

    def _picture(
        self, name: str, title: str, figure: Figure, caption: str, alternative: str
    ) -> Picture:
        caption = f"{caption} {describe(self.selection, self.data)}"
        return Picture(name, title, figure, caption, alternative)

    def _figures_1_and_2(self) -> Iterator[Picture]:
        run = self.best
        scores = image_scores([run])
        (index,) = ranked_scenes(scores, 1)["median"]
        words = (
            f"test scene {self.data.test.names[index]}, the median of the test split by SSIM "
            f"({scores[index]:.3f}). Best on val: {run.config.experiment}, seed {run.config.seed}."
        )
        image = generated(run, self.data, [index])[0]
        yield self._picture(
            "figure1",
            "Figure 1: generated image of the best model",
            one_picture(image),
            f"As the report's Figure 1: the generated photo of {words}",
            "A street scene painted by the best model from a label map.",
        )
        target = to_uint8(self.data.test.batch([index])["photo"])[0]
        yield self._picture(
            "figure2",
            "Figure 2: its target",
            one_picture(target),
            f"As the report's Figure 2: the real photo of {words}",
            "The photo that belongs to the label map of Figure 1.",
        )

    def _strip(self) -> Picture:
        firsts = [runs[0] for runs in self.selection.variants.values()][:MODELS]
        return self._picture(
            "translations",
            "The same test scenes by every model",
            translation_strip(firsts, self.data),
            f"Evenly spaced scenes of the test split; seed {firsts[0].config.seed} of each model.",
            f"A grid: label maps on the left, what {len(firsts)} models make of them, and the real "
            "photos on the right.",
        )

    def _curves(self) -> Iterator[Picture]:
        histories = {
            f"{name}, seed {run.config.seed}" if len(self.selection.runs) > 1 else name: (
                run.read_history()
            )
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
                "Curves by epoch. Validation SSIM after the last one: "
                + ", ".join(f"{name} {value:.3f}" for name, value in last.items()),
            )

    def _summaries(self) -> dict[str, dict]:
        return {name: summarize(m.images["ssim"]) for name, m in self.measured.models.items()}

    def _floors(self) -> dict[str, np.ndarray]:
        """Test SSIM of what no network made, without the ceiling, which would flatten a figure."""
        found = {name: m.images["ssim"] for name, m in self.measured.no_network.items()}
        return {name: scores for name, scores in found.items() if scores.mean() < 0.999}

    def _intervals(self) -> Picture:
        models, floors = self._summaries(), self._floors()
        means = {name: float(scores.mean()) for name, scores in floors.items()}
        return self._picture(
            "ssim",
            "Mean SSIM on the test split",
            figures.score_intervals(models, means),
            "Dots: networks, with the 95 % bootstrap interval of the mean over the images. "
            "Diamonds: predictions that no network made.",
            "; ".join(f"{n} {s['mean']:.3f}" for n, s in models.items())
            + "; no network: "
            + "; ".join(f"{name} {mean:.3f}" for name, mean in means.items()),
        )

    def _differences(self) -> Iterator[Picture]:
        models = {name: m.images["ssim"] for name, m in self.measured.models.items()}
        if len(models) < 2:
            return
        first, *rest = models
        rows = {name: paired_difference(models[name], models[first]) for name in rest}
        yield self._picture(
            "differences",
            f"Each model minus {first}, on the same images",
            figures.differences(rows, f"difference of test SSIM to {first}"),
            "Mean of the paired differences with its 95 % bootstrap interval over the images; "
            "filled dots where it leaves zero out.",
            "; ".join(f"{name} {row['mean']:+.3f}" for name, row in rows.items()),
        )

    def _distribution(self) -> Picture:
        models = {name: m.images["ssim"] for name, m in self.measured.models.items()}
        shown = {**models, **self._floors()}
        return self._picture(
            "distribution",
            "SSIM of every test image",
            figures.score_distribution(models, self._floors()),
            "A dot is a test image; the box holds the middle half of them, its line is the median. "
            "Grey: no network.",
            "Medians: " + "; ".join(f"{name} {np.median(s):.3f}" for name, s in shown.items()),
        )

    def _sharpness(self) -> Picture:
        points = {
            name: (float(m.images["sharpness"].mean()), float(m.images["ssim"].mean()))
            for name, m in self.measured.all.items()
        }
        networks = {name: points[name] for name in self.measured.models}
        others = {name: points[name] for name in self._floors()}
        return self._picture(
            "sharpness",
            "SSIM against sharpness",
            figures.ssim_against_sharpness(networks, others),
            "Means over the test images. Hollow: no network.",
            "; ".join(
                f"{name}: sharpness {points[name][0]:.2f}, SSIM {points[name][1]:.3f}"
                for name in (*networks, *others)
            ),
        )

    def _classes(self) -> Picture:
        palette = self.data.palette
        shown = dict(list(self.measured.models.items())[: MODELS - 1])
        shown[BEST_REFERENCE] = self.measured.no_network[BEST_REFERENCE]
        means = {name: class_means(measures) for name, measures in shown.items()}
        order = scored_classes(self.data.test, means.values())
        return self._picture(
            "class-ssim",
            "SSIM by class",
            figures.class_scores(
                {name: values[order] for name, values in means.items()},
                [palette.classes[index] for index in order],
            ),
            "Mean SSIM over the pixels of a class, then over the test images that show it; the "
            "class with most pixels on top.",
            "The numbers are in the table of SSIM by class.",
        )

    def _ranked(self) -> Picture:
        run = self.best
        return self._picture(
            "ranked",
            "Best, median and worst",
            ranked_figure(run, self.data),
            f"Test scenes of {run.config.experiment}, seed {run.config.seed}, the best model on "
            "val, by their SSIM.",
            "Label maps, generated and real photos of the scenes with the highest, middle and "
            "lowest SSIM.",
        )
