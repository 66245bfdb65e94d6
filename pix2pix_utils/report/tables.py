"""The tables of the report, as rows with a caption."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_utils.acceleration.precision import choose_precision
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import class_frequencies
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.devices import choose_device
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.confusion import segmentation_summary
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
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
from pix2pix_utils.report.selection import Selection, profile_of, protocol_of
from pix2pix_utils.training.experiments import (
    AUGMENTED,
    PROFILES,
    TABLE_1,
    configure,
    find_experiment,
)
from pix2pix_utils.training.runs import Run

ALPHAS = ("baseline-l1-50", "baseline-l1-75", "baseline")  # 50, 75 and 100
BEST_REFERENCE = "class and row colour"  # by its mean, on every data set measured so far
ORIGIN = ("model", "experiment", "starts from", *(f"report {split}" for split in SPLITS))
MEASURES = {
    "ssim": "SSIM",
    "psnr": "PSNR (dB)",
    "l1": "L1",
    "lpips": "LPIPS",
    "sharpness": "sharpness",
}
SEGMENTATION = ("pixel accuracy", "class accuracy", "class IoU")


@dataclass(frozen=True)
class Table:
    """Rows with the same keys; `name` is the name of its files."""

    name: str
    title: str
    rows: list[dict]
    caption: str
    notes: Sequence[str] = ()


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
        name, ssim = run.config.experiment, run.result()["ssim"]["eval"]
        ours = {split: INTERVAL.format(**ssim[split]) for split in SPLITS}
        rows.append({**_origin(name, start_of(run)), **ours})
    for name, means in reference.items():
        ours = {split: f"{means[split]:.3f}" if split in means else "" for split in SPLITS}
        rows.append({**dict.fromkeys(ORIGIN, ""), "model": f"no network: {name}", **ours})
    return rows


def _origin(variant: str, start: str) -> dict[str, str]:
    """The first cells of a variant's row; the report's numbers are empty outside Table I."""
    numbers = find_experiment(variant)[0].report_ssim if variant in TABLE_1 else None
    reported = [f"{value:.3f}" for value in numbers] if numbers else [""] * len(SPLITS)
    return dict(zip(ORIGIN, (title_of(variant), variant, start, *reported), strict=True))


@dataclass(frozen=True)
class Tables:
    """Makes every table from what was selected and measured."""

    data: StreetData
    selection: Selection
    measured: Measurements
    published: dict | None  # a record of `data/results`
    output: Path  # the folder with `runs/`

    def results(self) -> Iterator[Table]:
        yield Table(
            "table1",
            "Table I",
            self._score_rows(TABLE_1),
            "In brackets: 95 % bootstrap interval of the mean over the images; an image's score is "
            "its mean over the seeds. The report's numbers are for Cityscapes at 256x256 pixels "
            "after 200 epochs: compare within a column only.",
            [self._published_note()],
        )
        yield Table(
            "findings",
            "The report's findings, and what came out here",
            finding_rows(seed_scores(self.selection.variants)),
            "Differences of mean test SSIM. In brackets: 95 % bootstrap interval of the paired "
            "difference over the images. A finding is reproduced if the interval and every seed "
            "are on the report's side of zero.",
        )
        yield Table(
            "paired",
            "Image by image",
            self._paired_rows() or [{"model": "no finished run"}],
            "Differences of SSIM on the same test images. p: probability of a mean this far from "
            "zero if the signs were random. Detectable: the difference that this many images "
            "reveal with 80 % power. Both cover the sampling of images, not the training seed.",
        )
        yield Table(
            "evaluation",
            "More than SSIM",
            self._evaluation_rows(),
            "Test split. Higher is better for SSIM, PSNR and the three segmentation scores, lower "
            "for L1 and LPIPS; sharpness is the gradient energy as a share of the real photo's, so "
            "1 is best. The segmentation scores measure how well a network trained on real photos "
            "recovers the label map from a generated one.",
            sorted({text for one in self.measured.all.values() for text in one.missing.values()}),
        )
        yield Table(
            "classes",
            "SSIM by class",
            self._class_rows(),
            "Mean SSIM over the pixels of each class, then over the test images that show it.",
        )
        yield Table(
            "alpha",
            "The weight of L1",
            self._score_rows(ALPHAS),
            "The report also tried alpha = 50 and 75 (section II.C.1), without giving numbers.",
        )
        trained = self.selection.variants
        known = [name for name in AUGMENTED if name in trained]
        notes = []
        if missing := [name for name in AUGMENTED if name not in trained]:
            notes = [f"Not trained: {', '.join(missing)}.", self._why_missing(missing[0])]
        yield Table(
            "augmentation",
            "Augmentation",
            self._score_rows(
                sorted((*TABLE_1, *known), key=lambda name: TABLE_1.index(name.split("+")[0]))
            ),
            "The report gives no numbers, but says that augmentation made every model worse "
            "(section II.C.4).",
            notes,
        )
        if further := [name for name in trained if name not in {*TABLE_1, *ALPHAS, *AUGMENTED}]:
            caption = "Other experiments under the same protocol."
            yield Table("further", "Further experiments", self._score_rows(further), caption)

    def details(self) -> Iterator[Table]:
        """Settings, runs, and runs left out with the reason: tables for the page only."""
        settings = {
            "data set": f"{self.data.name}: {self.data.description}",
            "fingerprint": self.data.fingerprint,
            "splits": self.data.split_rule,
            "profile": self.selection.profile or "none: settings were changed",
            **self.selection.protocol,
        }
        rows = [{"setting": key, "value": str(value)} for key, value in settings.items()]
        caption = "The data, and the settings that all runs share."
        yield Table("protocol", "Configuration", rows, caption)
        if rows := [_run_row(run) for run in self.selection.runs]:
            yield Table("runs", "Runs", rows, "The origin of each number.")
        reasons = {}
        for run in self.selection.unfinished:
            epochs = f"{len(run.read_history())} of {run.config.epochs} epochs"
            reasons[run.folder.name] = f"not finished: {epochs}"
        for run in self.selection.others:
            reasons[run.folder.name] = _mismatch(run, self.selection)
        reasons |= self.selection.unusable
        if rows := [{"run": name, "reason": reason} for name, reason in reasons.items()]:
            yield Table("left-out", "Runs left out", rows, "Other runs in the same folder.")

    def _paired_rows(self) -> list[dict]:
        """Every model minus the first, and minus the best reference predictor, image by image."""
        first, *others = self.measured.models or [""]
        pairs = [(name, first) for name in others]
        pairs += [(name, BEST_REFERENCE) for name in self.measured.models]
        scores, rows = self.measured.ssim, []
        for name, other in pairs:
            difference = paired_difference(scores[name], scores[other])
            rows.append(
                {
                    "model": name,
                    "minus": self._label(other),
                    "difference": DIFFERENCE.format(**difference),
                    "images improved": f"{difference['improved']:.0%}",
                    "p": f"{difference['p_value']:.4f}",
                    "detectable": f"{difference['detectable']:.3f}",
                }
            )
        return rows

    def _evaluation_rows(self) -> list[dict]:
        rows = []
        for name, measures in self.measured.all.items():
            row = dict.fromkeys(("model", *MEASURES.values(), *SEGMENTATION), "")
            row["model"] = self._label(name)
            found = summaries(measures)
            for key in measures.images:
                text = "{mean:.1f} [{low:.1f}, {high:.1f}]" if key == "psnr" else INTERVAL
                row[MEASURES[key]] = text.format(**found[key]) if key in found else "infinite"
            if measures.confusion is not None:
                scores = segmentation_summary(measures.confusion, self.data.palette)
                row |= {key: INTERVAL.format(**summary) for key, summary in scores.items()}
            rows.append(row)
        return rows

    def _class_rows(self) -> list[dict]:
        shown = {**self.measured.models, BEST_REFERENCE: self.measured.reference[BEST_REFERENCE]}
        columns = {self._label(name): class_means(measures) for name, measures in shown.items()}
        shares = class_frequencies(self.data.test)
        rows = []
        for index in scored_classes(self.data.test, columns.values()):
            means = {name: values[index] for name, values in columns.items()}
            rows.append(
                {
                    "class": self.data.palette.classes[index],
                    "share of the pixels": f"{shares[index]:.2%}",
                    **{name: "" if np.isnan(m) else f"{m:.3f}" for name, m in means.items()},
                }
            )
        return rows

    def _score_rows(self, variants: Iterable[str]) -> list[dict]:
        """The rows of variants, followed by those of the reference predictors.

        The columns hold the report's, the published and our numbers, and the seeds.
        """
        columns = (*ORIGIN, "shipped test", *SPLITS, "seeds", "lowest to highest seed")
        empty, rows = dict.fromkeys(columns, ""), []
        published: dict[str, dict] = {}
        if self.published:
            published = record_summaries(self.published)
            published |= {k: v["test"] for k, v in self.published["no_network"].items()}
        shipped = {name: INTERVAL.format(**summary) for name, summary in published.items()}
        for name in variants:
            runs = self.selection.variants.get(name, [])
            row = {**empty, **_origin(name, start_of(runs[0]) if runs else self._why_missing(name))}
            row["shipped test"] = shipped.get(name, "")
            if runs:
                for split in SPLITS:
                    row[split] = INTERVAL.format(**summarize(image_scores(runs, split)))
                row["seeds"] = ", ".join(str(run.config.seed) for run in runs)
                means = [float(image_scores([run]).mean()) for run in runs]
                row["lowest to highest seed"] = seed_spread(means)
            rows.append(row)
        for name, val in self.measured.reference_val.items():
            row = {**empty, "model": self._label(name), "shipped test": shipped.get(name, "")}
            row["val"] = INTERVAL.format(**summarize(val))
            row["test"] = INTERVAL.format(**summarize(self.measured.ssim[name]))
            rows.append(row)
        return rows

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

    def _published_note(self) -> str:
        if not self.published:
            return f"There is no shipped measurement of the data set {self.data.name}."
        days = sorted({run["environment"]["date"][:10] for run in self.published["runs"]})
        protocol = self.published["protocol"]
        return (
            f"Shipped: {self.published['dataset']} at {protocol['image_size']} pixels, "
            f"{protocol['epochs']} epochs, measured "
            f"{' to '.join(dict.fromkeys((days[0], days[-1])))} for this project."
        )


def _run_row(run: Run) -> dict[str, str]:
    result, sessions = run.result(), run.sessions()
    devices = [session["gpu"] or f"{session['processor']} CPU" for session in sessions]
    changed = run.changed_code()
    return {
        "run": run.folder.name,
        "generator": f"{run.config.generator}, {result['generator_parameters']:,} parameters",
        "starts from": start_of(run),
        "best epoch on val": str(result["best_epoch"]),
        "minutes": f"{result['train_seconds'] / 60:.1f}",
        "date": sessions[-1]["date"],
        "device": ", ".join(dict.fromkeys(devices)),
        "torch": sessions[-1]["torch"],
        "python": sessions[-1]["python"],
        "code": f"older: {', '.join(changed)} changed since" if changed else "present",
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
        own["precision"] = choose_precision(own["precision"], choose_device())
        changed[profile] = {
            key: value
            for key, value in protocol.items()
            if own[key] != value and (key, value) != ("precision", "auto")
        }
    profile = min(changed, key=lambda name: len(changed[name]))
    words = ["python", "-m", "pix2pix_utils", "train", name, "--profile", profile]
    if data.location != "synthetic":
        words += ["--dataset", data.location]
    for key, value in changed[profile].items():
        words += ["--set", f"{key}={'none' if value is None else value}"]
    if output.resolve() != output_root().resolve():
        words += ["--output", str(output)]
    return shlex.join(words)
