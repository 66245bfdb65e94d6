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
from pix2pix_utils.evaluation.measures import image_summaries
from pix2pix_utils.evaluation.statistics import (
    BLOCK,
    holm,
    images_text,
    mean_text,
    paired_difference,
    summarize,
)
from pix2pix_utils.paths import output_root
from pix2pix_utils.report.claims import claim_rows, count_verdicts
from pix2pix_utils.report.collect import (
    Measurements,
    class_means,
    distances,
    scored_classes,
)
from pix2pix_utils.report.comparison import image_scores, p_text, seed_spread
from pix2pix_utils.report.published import record_summaries
from pix2pix_utils.report.selection import Selection, profile_of, protocol_of
from pix2pix_utils.training.experiments import (
    AUGMENTED,
    BEYOND,
    PROFILES,
    TABLE_1,
    configure,
    find_experiment,
)
from pix2pix_utils.training.runs import Run

ALPHAS = ("baseline-l1-50", "baseline-l1-75", "baseline")  # 50, 75 and 100
BEST_REFERENCE = "class and row colour"  # by its mean, on every data set measured so far
BEYOND_TITLE = "Beyond the report"
ORIGIN = ("model", "experiment", "starts from", *(f"report {split}" for split in SPLITS))
NAMED = 6  # untrained models in a note
MEASURES = {  # with the unit, if it has one, and an arrow for the better direction
    "ssim": "SSIM ↑",
    "psnr": "PSNR (dB) ↑",
    "l1": "L1 (share of the range) ↓",
    "lpips": "LPIPS ↓",
    "dists": "DISTS ↓",
    "sharpness": "sharpness (real photo: 1)",
}


@dataclass(frozen=True)
class Table:
    """Rows with the same keys; `name` is the name of its files."""

    name: str
    title: str
    rows: list[dict]
    caption: str
    notes: Sequence[str] = ()


def filled(rows: Sequence[dict]) -> list[dict]:
    """The rows without the columns in which every cell is empty."""
    columns = [key for key in rows[0] if any(row[key] for row in rows)] if rows else []
    return [{key: row[key] for key in columns} for row in rows]


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
        ours = {split: mean_text(ssim[split]) for split in SPLITS}
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
    record: dict  # of the same runs, in the format of `data/results`
    published: dict | None  # such a record, shipped with the project
    output: Path  # the folder with `runs/`

    def results(self) -> Iterator[Table]:
        yield Table(
            "table1",
            "Table I: SSIM ↑",
            filled(self._score_rows(TABLE_1)),
            "In brackets: 95 % bootstrap interval of the mean over the images; an image's score is "
            "its mean over the seeds. The report's numbers are for Cityscapes at 256x256 pixels "
            "after 200 epochs: compare within a column only. Reference predictors (no network) are "
            "fitted on train, so they have no score there.",
            [*self._missing(TABLE_1), *self._dependence_note(), self._published_note()],
        )
        rows = claim_rows(self.record)
        yield Table(
            "claims",
            "Every claim of the report",
            filled(rows),
            f"{count_verdicts(rows)} A claim about two models reproduces if the 95 % interval of "
            "the mean difference of test SSIM, its p-value after Holm's correction for all of them "
            "and every seed agree. With one seed that is provisional.",
        )
        if rows := self._paired_rows():
            yield Table(
                "paired",
                "Image by image: differences of SSIM",
                rows,
                "On the same test images. p: probability of a mean this far from zero if the signs "
                "were random, after Holm's correction for all comparisons of this table. "
                "Detectable: the difference that this many images reveal with 80 % power. All of "
                "it covers the sampling of images, not the training seed.",
                self._dependence_note(),
            )
        missing = {text for one in self.measured.all.values() for text in one.missing.values()}
        yield Table(
            "evaluation",
            "More than SSIM",
            filled(self._evaluation_rows()),
            "Test split; the arrow points to the better values. Sharpness is the gradient energy "
            "as a share of the real photo's. Accuracies and IoU measure how well a network trained "
            "on real photos recovers the label map from a generated one; the distances compare its "
            "features of all generated photos with those of all real ones.",
            [f"Left out: {text}." for text in sorted(missing)],
        )
        yield Table(
            "classes",
            "SSIM ↑ by class",
            self._class_rows(),
            "Mean SSIM over the pixels of each class, then over the test images that show it.",
        )
        trained = self.selection.variants
        if any(name in trained for name in ALPHAS if name not in TABLE_1):
            yield Table(
                "alpha",
                "The weight of L1: SSIM ↑",
                filled(self._score_rows(ALPHAS)),
                "The report also tried alpha = 50 and 75 (section II.C.1), without giving numbers.",
                self._missing(ALPHAS),
            )
        if known := [name for name in AUGMENTED if name in trained]:
            bases = [name for name in TABLE_1 if any(n.split("+")[0] == name for n in known)]
            yield Table(
                "augmentation",
                "Augmentation: SSIM ↑",
                filled(self._score_rows(sorted((*bases, *known)))),
                "The report gives no numbers, but says that augmentation made every model worse "
                "(section II.C.4).",
                self._missing(AUGMENTED),
            )
        if further := [name for name in trained if name not in {*TABLE_1, *ALPHAS, *AUGMENTED}]:
            caption = "Other experiments under the same protocol."
            yield Table(
                "further", "Further experiments: SSIM ↑", self._score_rows(further), caption
            )

    def _paired_rows(self) -> list[dict]:
        """Every model minus the first, and minus the best reference predictor, image by image."""
        first, *others = self.measured.models or [""]
        pairs = [(name, first) for name in others]
        pairs += [(name, BEST_REFERENCE) for name in self.measured.models]
        scores, groups = self.measured.ssim, self.data.test.groups
        differences = [paired_difference(scores[one], scores[two], groups) for one, two in pairs]
        adjusted = holm([difference["p_value"] for difference in differences])
        return [
            {
                "model": name,
                "minus": self._label(other),
                "difference": mean_text(difference, sign="+"),
                "images improved": f"{difference['improved']:.0%}",
                "p (Holm)": p_text({**difference, "p_value": p_value}),
                "detectable": "unknown"
                if np.isnan(difference["detectable"])
                else f"{difference['detectable']:.3f}",
            }
            for (name, other), difference, p_value in zip(pairs, differences, adjusted, strict=True)
        ]

    def _evaluation_rows(self) -> list[dict]:
        segmentation = {
            name: f"{name} ↑" for name in ("pixel accuracy", "class accuracy", "class IoU")
        }
        sets = ("kernel distance ↓", "Fréchet distance ↓")
        rows = []
        for name, measures in self.measured.all.items():
            row = dict.fromkeys(("model", *MEASURES.values(), *segmentation.values(), *sets), "")
            row["model"] = self._label(name)
            found = image_summaries(measures)
            for key in measures.images:
                digits = 1 if key == "psnr" else 3
                row[MEASURES[key]] = mean_text(found[key], digits) if key in found else "infinite"
            if measures.confusion is not None:
                scores = segmentation_summary(
                    measures.confusion, self.data.palette, measures.groups
                )
                row |= {segmentation[key]: mean_text(summary) for key, summary in scores.items()}
            for title, one in zip(sets, distances(measures).values(), strict=False):
                row[title] = mean_text(one, 4) if "low" in one else f"{one['mean']:.4f}"
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
        shipped = {name: mean_text(summary) for name, summary in published.items()}
        for name in variants:
            runs = self.selection.variants.get(name, [])
            row = {**empty, **_origin(name, start_of(runs[0]) if runs else self._state(name))}
            row["shipped test"] = shipped.get(name, "")
            if runs:
                for split in SPLITS:
                    scores = image_scores(runs, split)
                    row[split] = mean_text(summarize(scores, self.data[split].groups))
                row["seeds"] = ", ".join(str(run.config.seed) for run in runs)
                means = [float(image_scores([run]).mean()) for run in runs]
                row["lowest to highest seed"] = seed_spread(means)
            rows.append(row)
        for name, val in self.measured.reference_val.items():
            row = {**empty, "model": self._label(name), "shipped test": shipped.get(name, "")}
            row["val"] = mean_text(summarize(val, self.data.val.groups))
            row["test"] = mean_text(summarize(self.measured.ssim[name], self.data.test.groups))
            rows.append(row)
        return rows

    def _label(self, name: str) -> str:
        return f"no network: {name}" if name in self.measured.reference else name

    def _state(self, name: str) -> str:
        """How far the training of a variant without a finished run has come."""
        for run in self.selection.unfinished:
            if run.config.experiment == name:
                return f"not finished (epoch {len(run.read_history())} of {run.config.epochs})"
        return "not trained"

    def _missing(self, names: Sequence[str]) -> list[str]:
        return missing_note(names, self.selection, self.data, self.output)

    def _dependence_note(self) -> list[str]:
        """What the images of the test split are worth; nothing if they are independent."""
        worth = [summarize(v, self.data.test.groups) for v in self.measured.ssim.values()]
        if all(one["blocks"] == one["images"] for one in worth):
            return []
        least = min(worth, key=lambda one: one["effective"])
        return [
            "Neighbouring frames of a drive show nearly the same scene. They count in blocks of "
            f"about {BLOCK} or more: {least['blocks']} blocks here, for {images_text(least)} by "
            "the scores of the model whose neighbouring frames are most alike."
        ]

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


def left_out(selection: Selection, data: StreetData, output: Path) -> list[str]:
    """One sentence for each part of the page without any run, with the remedy."""
    sentences = []
    parts = {"The weight of L1": ALPHAS[:-1], "Augmentation": AUGMENTED, BEYOND_TITLE: BEYOND}
    for title, names in parts.items():
        if not any(name in selection.variants for name in names):
            command = train_command(names[0], selection.protocol, data, output)
            sentences.append(
                f"{title} is left out, as none of its {len(names)} models is trained; the first: "
                f"{command}"
            )
    return sentences


def detail_tables(data: StreetData, selection: Selection) -> Iterator[Table]:
    """Settings, runs, and runs left out with the reason: tables for the page only."""
    settings = {
        "data set": f"{data.name}: {data.description}",
        "fingerprint": data.fingerprint,
        "splits": data.split_rule,
        "profile": selection.profile or "none: settings were changed",
        **selection.protocol,
    }
    rows = [{"setting": key, "value": str(value)} for key, value in settings.items()]
    caption = "The data, and the settings that all runs share."
    yield Table("protocol", "Configuration", rows, caption)
    if rows := [_run_row(run) for run in selection.runs]:
        yield Table("runs", "Runs", rows, "The origin of each number.")
    reasons = {}
    for run in selection.unfinished:
        epochs = f"{len(run.read_history())} of {run.config.epochs} epochs"
        reasons[run.folder.name] = f"not finished: {epochs}"
    for run in selection.others:
        reasons[run.folder.name] = _mismatch(run, selection)
    reasons |= selection.unusable
    if rows := [{"run": name, "reason": reason} for name, reason in reasons.items()]:
        yield Table("left-out", "Runs left out", rows, "Other runs in the same folder.")


def missing_note(
    names: Sequence[str], selection: Selection, data: StreetData, output: Path
) -> list[str]:
    """Which of the variants are not trained, and the command for the first; none if all are."""
    missing = [name for name in names if name not in selection.variants]
    if not missing:
        return []
    command = train_command(missing[0], selection.protocol, data, output)
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    listed = ", ".join(missing[:NAMED]) + more
    return [f"Not trained: {listed}. The first is trained by: {command}"]


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
