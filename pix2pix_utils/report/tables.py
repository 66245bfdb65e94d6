"""The tables of the report, as records with a caption."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import class_frequencies
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.measures import Measures
from pix2pix_utils.evaluation.segmentation_scores import segmentation_summary
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
from pix2pix_utils.paths import output_root
from pix2pix_utils.report.collect import Measurements, class_means, scored_classes, summaries
from pix2pix_utils.report.comparison import (
    DIFFERENCE,
    INTERVAL,
    image_scores,
    seed_scores,
    seed_spread,
)
from pix2pix_utils.report.findings import finding_rows
from pix2pix_utils.report.published import SSIM_CONVENTION, record_summaries
from pix2pix_utils.report.selection import Selection, profile_of, protocol_of
from pix2pix_utils.training.experiments import PROFILES, TABLE_1, configure, find_experiment
from pix2pix_utils.training.runs import Run

AUGMENTATIONS = ("flip", "jitter", "flip+jitter")
ALPHAS = ("baseline-l1-50", "baseline-l1-75", "baseline")  # 50, 75 and 100
BEST_REFERENCE = "class and row colour"  # by its mean, on every data set measured so far


@dataclass(frozen=True)
class Table:
    """Rows of equal keys; `name` is that of its files."""

    name: str
    title: str
    rows: list[dict]
    caption: str
    notes: tuple[str, ...] = ()


def title_of(variant: str) -> str:
    """A variant's name in the report, with its augmentation and changed settings behind it."""
    experiment, _, changes = variant.partition(" ")
    try:
        row, augmentation = find_experiment(experiment)
    except UserError:
        return variant
    title = row.title if augmentation == "none" else f"{row.title} + {augmentation}"
    return f"{title}, {changes}" if changes else title


def start_of(run: Run) -> str:
    """What the generator of a finished run started from, in a few words."""
    start = run.result()["started_from"]["generator"]
    if isinstance(start, str):
        return start
    return f"learnt on {start['learnt on']}" if "learnt on" in start else start["released as"]


def table_rows(runs: Sequence[Run], floors: Mapping[str, Mapping[str, float]]) -> list[dict]:
    """A few runs beside the report's numbers, one record a run, above the floors' means.

    SSIM in `eval` mode, with the 95 % bootstrap interval over the images in brackets.
    """
    rows = []
    for run in runs:
        measured = run.result()["ssim"]["eval"]
        rows.append(
            {
                "model": title_of(run.config.experiment),
                "experiment": run.config.experiment,
                "starts from": start_of(run),
                **_reported(run.config.experiment),
                **{split: INTERVAL.format(**measured[split]) for split in SPLITS},
            }
        )
    for name, means in floors.items():
        ours = {split: f"{means[split]:.3f}" if split in means else "" for split in SPLITS}
        rows.append(_filled(rows, {"model": f"no network: {name}", **ours}))
    return rows


def _reported(variant: str) -> dict[str, str]:
    """The report's numbers for a row of Table I, else empty cells."""
    numbers = find_experiment(variant)[0].report_ssim if variant in TABLE_1 else None
    return {
        f"report {split}": f"{value:.3f}" if value else ""
        for split, value in zip(SPLITS, numbers or [None] * len(SPLITS), strict=True)
    }


def _filled(rows: Sequence[Mapping], cells: Mapping) -> dict:
    """A row with the keys of the others, empty where `cells` says nothing."""
    header = list(rows[0]) if rows else ["model", "experiment", "starts from", *_reported("")]
    return {**dict.fromkeys(header, ""), **cells}


@dataclass(frozen=True)
class Tables:
    """Makes every table from what was selected and measured."""

    data: StreetData
    selection: Selection
    measured: Measurements
    published: dict | None  # a record of `data/results`
    output: Path  # that holds the runs

    def all(self) -> list[Table]:
        tables = [self.table1(), self.findings(), self.paired(), self.evaluation(), self.classes()]
        return [*tables, self.alpha(), self.augmentation(), *self.further()]

    def table1(self) -> Table:
        return Table(
            "table1",
            "Table I",
            self._score_rows(TABLE_1),
            f"{self._caption()} In brackets: 95 % bootstrap interval of the mean over the images, "
            "each image's score being its mean over the seeds. The report's numbers are for "
            "Cityscapes at 256x256 pixels after 200 epochs: compare within a column.",
            self._published_note(),
        )

    def alpha(self) -> Table:
        return Table(
            "alpha",
            "The weight of L1",
            self._score_rows(ALPHAS),
            f"{self._caption()} The report tried alpha = 50 and 75 beside 100 (section II.C.1) and "
            "gives no numbers for them.",
        )

    def augmentation(self) -> Table:
        rows, missing = [], []
        for name in TABLE_1:
            variants = [f"{name}+{kind}" for kind in AUGMENTATIONS]
            known = [variant for variant in variants if variant in self.selection.variants]
            rows += [name, *known]
            missing += [variant for variant in variants if variant not in known]
        notes = [f"Not trained: {', '.join(missing)}."] if missing else []
        notes += [self._why_missing(name) for name in missing[:1]]
        return Table(
            "augmentation",
            "Augmentation",
            self._score_rows(rows),
            f"{self._caption()} The report left its numbers out: augmentation deteriorated every "
            "model, it says (section II.C.4).",
            tuple(notes),
        )

    def further(self) -> list[Table]:
        """Whatever else was trained under this protocol; no table if there is nothing."""
        listed = {*TABLE_1, *ALPHAS}
        listed |= {f"{name}+{kind}" for name in TABLE_1 for kind in AUGMENTATIONS}
        names = [name for name in self.selection.variants if name not in listed]
        if not names:
            return []
        rows = self._score_rows(names)
        return [Table("further", "Further experiments", rows, self._caption())]

    def findings(self) -> Table:
        return Table(
            "findings",
            "What the report found, and what came out here",
            finding_rows(seed_scores(self.selection.variants)),
            f"Differences of mean test SSIM. {self._caption()} In brackets: 95 % bootstrap "
            "interval of the paired difference over the images. A finding reproduces if the "
            "interval and every seed lie on the report's side of zero.",
        )

    def paired(self) -> Table:
        """Every model minus the first of them, and minus the best floor, image by image."""
        models = {name: m.images["ssim"] for name, m in self.measured.models.items()}
        floor = self.measured.no_network[BEST_REFERENCE].images["ssim"]
        pairs = [(name, next(iter(models))) for name in list(models)[1:]]
        rows = [_paired_row(name, first, models[name], models[first]) for name, first in pairs]
        rows += [
            _paired_row(name, self._label(BEST_REFERENCE), scores, floor)
            for name, scores in models.items()
        ]
        return Table(
            "paired",
            "Image by image",
            rows or [{"model": "no finished run"}],
            f"Differences of SSIM on the same test images. {self._caption()} p: how often signs "
            "by chance would give a mean as far from zero. Detectable: the difference that this "
            "many images would show four times in five. Both know the images' chance, not the "
            "seeds'.",
        )

    def evaluation(self) -> Table:
        titles = {
            "ssim": "SSIM",
            "psnr": "PSNR (dB)",
            "l1": "L1",
            "lpips": "LPIPS",
            "sharpness": "sharpness",
        }
        rows = []
        for name, measures in self.measured.all.items():
            taken = summaries(measures)
            cells = {
                title: _interval(taken[key], 1 if key == "psnr" else 3)
                if key in taken
                else "infinite"
                if key in measures.images
                else ""
                for key, title in titles.items()
            }
            rows.append({"model": self._label(name), **cells, **self._segmentation(measures)})
        reasons = {
            reason
            for measures in self.measured.all.values()
            for reason in measures.missing.values()
        }
        return Table(
            "evaluation",
            "More than SSIM",
            rows,
            f"Test split. {self._caption()} Higher is better for SSIM, PSNR and the three "
            "segmentation scores, lower for L1 and LPIPS; sharpness is the gradient energy as a "
            "share of the real photo's, so 1 is right. The segmentation scores say how well a "
            "network that knows real photos finds the label map in a generated one.",
            tuple(sorted(reasons)),
        )

    def _segmentation(self, measures: Measures) -> dict[str, str]:
        names = ("pixel accuracy", "class accuracy", "class IoU")
        if measures.confusion is None:
            return dict.fromkeys(names, "")
        scores = segmentation_summary(measures.confusion, self.data.palette)
        return {name: _interval(scores[name]) for name in names}

    def classes(self) -> Table:
        shown = {**self.measured.models}
        shown[BEST_REFERENCE] = self.measured.no_network[BEST_REFERENCE]
        columns = {self._label(name): class_means(measures) for name, measures in shown.items()}
        shares = class_frequencies(self.data.test)
        rows = [
            {
                "class": self.data.palette.classes[index],
                "share of the pixels": f"{shares[index]:.2%}",
                **{
                    name: "" if np.isnan(means[index]) else f"{means[index]:.3f}"
                    for name, means in columns.items()
                },
            }
            for index in scored_classes(self.data.test, columns.values())
        ]
        return Table(
            "classes",
            "SSIM by class",
            rows,
            "Mean SSIM over the pixels of each class, then over the test images that show it. "
            f"{self._caption()}",
        )

    def _score_rows(self, names: Iterable[str]) -> list[dict]:
        """The rows of variants, above those that no network made."""
        rows = [self._score_row(name) for name in names]
        return rows + [_filled(rows, cells) for cells in self._no_network_cells()]

    def _score_row(self, name: str) -> dict:
        """A variant's row: the report's numbers, the shipped one, ours, and how seeds differ."""
        runs = self.selection.variants.get(name)
        published = record_summaries(self.published) if self.published else {}
        row = {"model": title_of(name), "experiment": name}
        row["starts from"] = start_of(runs[0]) if runs else self._why_missing(name)
        row |= _reported(name)
        row["shipped test"] = INTERVAL.format(**published[name]) if name in published else ""
        for split in SPLITS:
            row[split] = INTERVAL.format(**summarize(image_scores(runs, split))) if runs else ""
        means = [float(image_scores([run]).mean()) for run in runs or []]
        row["seeds"] = ", ".join(str(run.config.seed) for run in runs or [])
        row["lowest to highest seed"] = seed_spread(means) if runs else ""
        return row

    def _no_network_cells(self) -> Iterator[dict]:
        published = self.published["no_network"] if self.published else {}
        for name, measures in self.measured.no_network.items():
            yield {
                "model": self._label(name),
                "shipped test": _interval(published[name]["test"]) if name in published else "",
                "val": _interval(summarize(self.measured.val[name])),
                "test": _interval(summarize(measures.images["ssim"])),
            }

    def _label(self, name: str) -> str:
        return f"no network: {name}" if name in self.measured.no_network else name

    def _why_missing(self, name: str) -> str:
        """Where an untrained row stands, and the command that trains it."""
        word = f"{name} is not trained" if "+" in name else "not trained"
        for run in self.selection.unfinished:
            if run.config.experiment == name:
                word = f"not finished (epoch {len(run.read_history())} of {run.config.epochs})"
        command = train_command(name, self.selection.protocol, self.data, self.output)
        return f"{word}: {command}"

    def _caption(self) -> str:
        return describe(self.selection, self.data)

    def _published_note(self) -> tuple[str, ...]:
        if not self.published:
            return (f"There is no shipped measurement of the data set {self.data.name}.",)
        days = {run["environment"]["date"][:10] for run in self.published["runs"]}
        period = " to ".join(sorted({min(days), max(days)}))
        protocol = self.published["protocol"]
        return (
            f"Shipped: {self.published['dataset']} at {protocol['image_size']} pixels, "
            f"{protocol['epochs']} epochs, measured {period} for this project.",
        )


def _paired_row(name: str, other: str, scores: np.ndarray, reference: np.ndarray) -> dict:
    difference = paired_difference(scores, reference)
    return {
        "model": name,
        "minus": other,
        "difference": DIFFERENCE.format(**difference),
        "images improved": f"{difference['improved']:.0%}",
        "p": f"{difference['p_value']:.4f}",
        "detectable": f"{difference['detectable']:.3f}",
    }


def _interval(summary: Mapping, digits: int = 3) -> str:
    return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(
        summary["mean"], summary["low"], summary["high"], d=digits
    )


def train_command(name: str, protocol: Mapping, data: StreetData, output: Path) -> str:
    """The command that trains an experiment under a protocol on a data set, into `output`."""
    words = ["python", "-m", "pix2pix_utils", "train", name]
    changed = {
        profile: {
            key: value
            for key, value in protocol.items()
            if protocol_of(configure("baseline", profile))[key] != value
        }
        for profile in PROFILES
    }
    profile = profile_of(dict(protocol)) or min(changed, key=lambda one: len(changed[one]))
    words += ["--profile", profile]
    if data.location != "synthetic":
        words += ["--dataset", data.location]
    for key, value in changed[profile].items():
        words += ["--set", f"{key}={'none' if value is None else value}"]
    if output.resolve() != output_root().resolve():
        words += ["--output", str(output)]
    return shlex.join(words)


def describe(selection: Selection, data: StreetData) -> str:
    """What a number of this report means, in one sentence for a caption."""
    protocol = selection.protocol
    seeds = sorted({run.config.seed for run in selection.runs})
    return (
        f"Data set {data.name} ({len(data.train)} / {len(data.val)} / {len(data.test)} pairs), "
        f"{protocol['image_size']}x{protocol['image_size']} pixels, width {protocol['width']}, "
        f"{protocol['epochs']} epochs, batch size {protocol['batch_size']}, "
        f"{'seeds' if len(seeds) != 1 else 'seed'} {', '.join(map(str, seeds)) or 'none'}; "
        f"{SSIM_CONVENTION}."
    )


def provenance(run: Run, data: StreetData) -> str:
    """What a number of this run means, in one sentence for a caption."""
    protocol, config = protocol_of(run.config), run.config
    return describe(Selection(protocol, None, {config.experiment: [run]}), data)
