"""The tables of the report, as rows with a caption."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import class_frequencies
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.confusion import segmentation_summary
from pix2pix_utils.evaluation.measures import Measures
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
from pix2pix_utils.files import read_json
from pix2pix_utils.paths import output_root
from pix2pix_utils.report.collect import Measurements, class_means, scored_classes, summaries
from pix2pix_utils.report.comparison import (
    DIFFERENCE,
    INTERVAL,
    finding_rows,
    image_scores,
    seed_scores,
    seed_spread,
)
from pix2pix_utils.report.published import record_summaries
from pix2pix_utils.report.selection import Selection, describe, profile_of, protocol_of
from pix2pix_utils.training.experiments import PROFILES, TABLE_1, configure, find_experiment
from pix2pix_utils.training.runs import Run

AUGMENTATIONS = ("flip", "jitter", "flip+jitter")
ALPHAS = ("baseline-l1-50", "baseline-l1-75", "baseline")  # 50, 75 and 100
BEST_REFERENCE = "class and row colour"  # by its mean, on every data set measured so far
MEASURES = {  # name -> title, format of mean and interval
    "ssim": ("SSIM", INTERVAL),
    "psnr": ("PSNR (dB)", "{mean:.1f} [{low:.1f}, {high:.1f}]"),
    "l1": ("L1", INTERVAL),
    "lpips": ("LPIPS", INTERVAL),
    "sharpness": ("sharpness", INTERVAL),
}


@dataclass(frozen=True)
class Table:
    """Rows with the same keys; `name` is the name of its files."""

    name: str
    title: str
    rows: list[dict]
    caption: str
    notes: tuple[str, ...] = ()


def title_of(variant: str) -> str:
    """A variant's name in the report, followed by its augmentation and changed settings."""
    experiment, _, changes = variant.partition(" ")
    try:
        row, augmentation = find_experiment(experiment)
    except UserError:
        return variant
    title = row.title if augmentation == "none" else f"{row.title} + {augmentation}"
    return f"{title}, {changes}" if changes else title


def start_of(run: Run) -> str:
    """The initial weights of a finished run's generator, in a few words."""
    start = run.result()["started_from"]["generator"]
    if isinstance(start, str):
        return start
    return f"learnt on {start['learnt on']}" if "learnt on" in start else start["released as"]


def table_rows(runs: Sequence[Run], reference: Mapping[str, Mapping[str, float]]) -> list[dict]:
    """Table rows of a few runs with the report's numbers, and of the reference predictors' means.

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
    for name, means in reference.items():
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
    """A row with the same keys as `rows`, empty where `cells` has none."""
    header = list(rows[0]) if rows else ["model", "experiment", "starts from", *_reported("")]
    return {**dict.fromkeys(header, ""), **cells}


@dataclass(frozen=True)
class Tables:
    """Makes every table from what was selected and measured."""

    data: StreetData
    selection: Selection
    measured: Measurements
    published: dict | None  # a record of `data/results`
    output: Path  # the folder with `runs/`

    def results(self) -> list[Table]:
        tables = [self.table1(), self.findings(), self.paired(), self.evaluation(), self.classes()]
        return [*tables, self.alpha(), self.augmentation(), *self.further()]

    def details(self) -> list[Table]:
        """Settings and runs: tables for the page only."""
        return [self.configuration(), *self.runs(), *self.left_out()]

    def table1(self) -> Table:
        return Table(
            "table1",
            "Table I",
            self._score_rows(TABLE_1),
            f"{self._caption()} In brackets: 95 % bootstrap interval of the mean over the images; "
            "an image's score is its mean over the seeds. The report's numbers are for "
            "Cityscapes at 256x256 pixels after 200 epochs: compare within a column only.",
            (self._published_note(),),
        )

    def alpha(self) -> Table:
        return Table(
            "alpha",
            "The weight of L1",
            self._score_rows(ALPHAS),
            f"{self._caption()} The report also tried alpha = 50 and 75 (section II.C.1), without "
            "giving numbers.",
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
            f"{self._caption()} The report gives no numbers, but says that augmentation made every "
            "model worse (section II.C.4).",
            tuple(notes),
        )

    def further(self) -> list[Table]:
        """Whatever else was trained under this protocol, if anything."""
        listed = {*TABLE_1, *ALPHAS}
        listed |= {f"{name}+{kind}" for name in TABLE_1 for kind in AUGMENTATIONS}
        names = [name for name in self.selection.variants if name not in listed]
        if not names:
            return []
        return [Table("further", "Further experiments", self._score_rows(names), self._caption())]

    def findings(self) -> Table:
        return Table(
            "findings",
            "The report's findings, and what came out here",
            finding_rows(seed_scores(self.selection.variants)),
            f"Differences of mean test SSIM. {self._caption()} In brackets: 95 % bootstrap "
            "interval of the paired difference over the images. A finding is reproduced if the "
            "interval and every seed are on the report's side of zero.",
        )

    def paired(self) -> Table:
        """Every model minus the first, and minus the best reference predictor, image by image."""
        models = {name: m.images["ssim"] for name, m in self.measured.models.items()}
        reference = self.measured.reference[BEST_REFERENCE].images["ssim"]
        first = next(iter(models), "")
        rows = [
            _paired_row(name, first, models[name], models[first]) for name in list(models)[1:]
        ] + [
            _paired_row(name, self._label(BEST_REFERENCE), scores, reference)
            for name, scores in models.items()
        ]
        return Table(
            "paired",
            "Image by image",
            rows or [{"model": "no finished run"}],
            f"Differences of SSIM on the same test images. {self._caption()} p: probability of a "
            "mean this far from zero if the signs were random. Detectable: the difference that "
            "this many images reveal with 80 % power. Both cover the sampling of images, not the "
            "training seed.",
        )

    def evaluation(self) -> Table:
        rows = []
        for name, measures in self.measured.all.items():
            taken = summaries(measures)
            cells = {title: "" for title, _ in MEASURES.values()}
            for key in measures.images:
                title, text = MEASURES[key]
                cells[title] = text.format(**taken[key]) if key in taken else "infinite"
            rows.append({"model": self._label(name), **cells, **self._segmentation(measures)})
        all_missing = (measures.missing.values() for measures in self.measured.all.values())
        return Table(
            "evaluation",
            "More than SSIM",
            rows,
            f"Test split. {self._caption()} Higher is better for SSIM, PSNR and the three "
            "segmentation scores, lower for L1 and LPIPS; sharpness is the gradient energy as a "
            "share of the real photo's, so 1 is best. The segmentation scores measure how well a "
            "network trained on real photos recovers the label map from a generated one.",
            tuple(sorted({reason for reasons in all_missing for reason in reasons})),
        )

    def _segmentation(self, measures: Measures) -> dict[str, str]:
        if measures.confusion is None:
            return dict.fromkeys(("pixel accuracy", "class accuracy", "class IoU"), "")
        scores = segmentation_summary(measures.confusion, self.data.palette)
        return {name: INTERVAL.format(**summary) for name, summary in scores.items()}

    def classes(self) -> Table:
        shown = {**self.measured.models, BEST_REFERENCE: self.measured.reference[BEST_REFERENCE]}
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

    def configuration(self) -> Table:
        settings = {
            "data set": f"{self.data.name}: {self.data.description}",
            "fingerprint": self.data.fingerprint,
            "splits": self.data.split_rule,
            "profile": self.selection.profile or "none: settings were changed",
            **self.selection.protocol,
        }
        rows = [{"setting": key, "value": str(value)} for key, value in settings.items()]
        caption = "The data, and the settings that all runs share."
        return Table("protocol", "Configuration", rows, caption)

    def runs(self) -> list[Table]:
        rows = [_run_row(run) for run in self.selection.runs]
        return [Table("runs", "Runs", rows, "The origin of each number.")] if rows else []

    def left_out(self) -> list[Table]:
        """Runs that the tables do not count, each with the reason, if there are any."""
        reasons = {}
        for run in self.selection.unfinished:
            epochs = f"{len(run.read_history())} of {run.config.epochs} epochs"
            reasons[run.folder.name] = f"not finished: {epochs}"
        for run in self.selection.others:
            reasons[run.folder.name] = _mismatch(run, self.selection)
        reasons |= self.selection.unusable
        rows = [{"run": name, "reason": reason} for name, reason in reasons.items()]
        caption = "Other runs in the same folder."
        return [Table("left-out", "Runs left out", rows, caption)] if rows else []

    def _score_rows(self, names: Iterable[str]) -> list[dict]:
        """The rows of variants, followed by those of the reference predictors."""
        rows = [self._score_row(name) for name in names]
        published = self.published["no_network"] if self.published else {}
        for name, measures in self.measured.reference.items():
            cells = {
                "model": self._label(name),
                "shipped test": INTERVAL.format(**published[name]["test"])
                if name in published
                else "",
                "val": INTERVAL.format(**summarize(self.measured.reference_val[name])),
                "test": INTERVAL.format(**summarize(measures.images["ssim"])),
            }
            rows.append(_filled(rows, cells))
        return rows

    def _score_row(self, name: str) -> dict:
        """A variant's row: the report's and the published numbers, ours, and the seeds."""
        runs = self.selection.variants.get(name, [])
        published = record_summaries(self.published) if self.published else {}
        means = [float(image_scores([run]).mean()) for run in runs]
        return {
            "model": title_of(name),
            "experiment": name,
            "starts from": start_of(runs[0]) if runs else self._why_missing(name),
            **_reported(name),
            "shipped test": INTERVAL.format(**published[name]) if name in published else "",
            **{
                split: INTERVAL.format(**summarize(image_scores(runs, split))) if runs else ""
                for split in SPLITS
            },
            "seeds": ", ".join(str(run.config.seed) for run in runs),
            "lowest to highest seed": seed_spread(means) if runs else "",
        }

    def _label(self, name: str) -> str:
        return f"no network: {name}" if name in self.measured.reference else name

    def _why_missing(self, name: str) -> str:
        """The state of an untrained row, and the command that trains it."""
        state = f"{name} is not trained" if "+" in name else "not trained"
        for run in self.selection.unfinished:
            if run.config.experiment == name:
                state = f"not finished (epoch {len(run.read_history())} of {run.config.epochs})"
        command = train_command(name, self.selection.protocol, self.data, self.output)
        return f"{state}: {command}"

    def _caption(self) -> str:
        return describe(self.selection, self.data)

    def _published_note(self) -> str:
        if not self.published:
            return f"There is no shipped measurement of the data set {self.data.name}."
        days = {run["environment"]["date"][:10] for run in self.published["runs"]}
        protocol = self.published["protocol"]
        return (
            f"Shipped: {self.published['dataset']} at {protocol['image_size']} pixels, "
            f"{protocol['epochs']} epochs, measured "
            f"{' to '.join(sorted({min(days), max(days)}))} for this project."
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


def _run_row(run: Run) -> dict[str, str]:
    result, environment = run.result(), read_json(run.folder / "environment.json")
    return {
        "run": run.folder.name,
        "generator": f"{run.config.generator}, {result['generator_parameters']:,} parameters",
        "starts from": start_of(run),
        "best epoch on val": str(result["best_epoch"]),
        "minutes": f"{result['train_seconds'] / 60:.1f}",
        "date": environment["date"],
        "device": environment["gpu"] or f"{environment['processor']} CPU",
        "torch": environment["torch"],
        "python": environment["python"],
    }


def _mismatch(run: Run, selection: Selection) -> str:
    """Why a finished run does not belong to the selection."""
    own = protocol_of(run.config)
    changed = [f"{key}={value}" for key, value in own.items() if selection.protocol[key] != value]
    if not changed:
        return f"other data: {run.data()['name']}"
    profile = profile_of(own)
    return f"profile {profile}" if profile else f"other settings: {', '.join(changed)}"


def train_command(name: str, protocol: Mapping, data: StreetData, output: Path) -> str:
    """The command that trains an experiment under a protocol on a data set, into `output`."""
    changed = {}  # profile -> the settings that differ from it
    for profile in PROFILES:
        own = protocol_of(configure("baseline", profile))
        changed[profile] = {key: value for key, value in protocol.items() if own[key] != value}
    profile = min(changed, key=lambda one: len(changed[one]))
    words = ["python", "-m", "pix2pix_utils", "train", name, "--profile", profile]
    if data.location != "synthetic":
        words += ["--dataset", data.location]
    for key, value in changed[profile].items():
        words += ["--set", f"{key}={'none' if value is None else value}"]
    if output.resolve() != output_root().resolve():
        words += ["--output", str(output)]
    return shlex.join(words)
