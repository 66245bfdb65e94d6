"""Measurements as one JSON record: `report/results.json`, and the published ones in `data/results`.

{
  "dataset", "fingerprint", "split_rule", "pairs", "classes": of the data set
  "profile": whose protocol it is, or null;  "protocol": the settings that all runs share
  "ssim": the convention, in words
  "groups": the drive of each test image as a number, null if all images are independent
  "no_network": reference predictor -> split -> summary of SSIM
  "measures": name -> measure -> summary (test split, mean over seeds)
  "segmentation": name -> segmentation score -> summary
  "distances": name -> distance to the set of real photos -> summary
  "class_ssim": name -> one number per class, null if no test image shows it
  "runs": one for each variant and seed: config, environment, result, history (epoch by epoch),
    test_ssim (image by image)
}
A summary is what `evaluation.summarize` returns.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.evaluation.confusion import segmentation_summary
from pix2pix_utils.evaluation.measures import image_summaries
from pix2pix_utils.evaluation.statistics import summarize
from pix2pix_utils.files import read_json, write_text
from pix2pix_utils.paths import project_root
from pix2pix_utils.report.collect import Measurements, class_means, distances
from pix2pix_utils.report.comparison import SeedScores, image_scores, mean_over_seeds
from pix2pix_utils.report.selection import SSIM_CONVENTION, Selection, variant_name
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.runs import Run

# recorded of every epoch; those of train and test only where `score_every` asked for them
HISTORY = ("generator_loss", "discriminator_loss", "train_ssim", "val_ssim", "test_ssim")


def results_record(selection: Selection, data: StreetData, measured: Measurements) -> dict:
    """All numbers of the tables with their origin, as plain values for a JSON file."""
    return {
        "dataset": data.name,
        "fingerprint": data.fingerprint,
        "split_rule": data.split_rule,
        "pairs": {split: len(data[split]) for split in SPLITS},
        "classes": list(data.palette.classes),
        "profile": selection.profile,
        "protocol": selection.protocol,
        "ssim": SSIM_CONVENTION,
        "groups": numbered(data.test.groups),
        "no_network": {
            name: rounded(
                {
                    "val": summarize(val, data.val.groups),
                    "test": summarize(measured.ssim[name], data.test.groups),
                }
            )
            for name, val in measured.reference_val.items()
        },
        "measures": {
            name: rounded(image_summaries(measures)) for name, measures in measured.all.items()
        },
        "segmentation": {
            name: rounded(segmentation_summary(one.confusion, data.palette, one.groups))
            for name, one in measured.all.items()
            if one.confusion is not None
        },
        "distances": {
            name: rounded(found) for name, one in measured.all.items() if (found := distances(one))
        },
        "class_ssim": {
            name: [
                None if np.isnan(mean) else round(float(mean), 4) for mean in class_means(measures)
            ]
            for name, measures in measured.all.items()
        },
        "runs": [
            {
                "config": run.config.to_dict(),
                "environment": run.sessions()[-1],
                "result": run.result(),
                "history": _history(run),
                "test_ssim": four_digits(image_scores([run])),
            }
            for run in selection.runs
        ],
    }


def _history(run: Run) -> dict[str, list[float | None]]:
    """`HISTORY` of a run, epoch by epoch; what a run does not record is left out, nan is None."""
    epochs = run.read_history()
    return {
        key: [None if np.isnan(epoch[key]) else round(epoch[key], 4) for epoch in epochs]
        for key in HISTORY
        if all(key in epoch for epoch in epochs)
    }


def numbered(groups: Sequence[str]) -> list[int] | None:
    """Groups as numbers from 0, in the order of their first image; None if no two are equal."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] for group in groups] if len(numbers) < len(groups) else None


def four_digits(scores: np.ndarray) -> list[float]:
    """SSIM image by image, as it stands in a record."""
    return [round(float(score), 4) for score in scores]


def rounded(found: dict[str, dict]) -> dict[str, dict]:
    """Summaries with six digits: far below the width of any interval here."""
    return {
        name: {key: round(value, 6) for key, value in summary.items()}
        for name, summary in found.items()
    }


def write_record(path: Path, record: dict) -> None:
    """Write a record atomically, with each list of numbers on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    # a list of numbers contains no quotes or brackets, and JSON strings contain no line breaks
    numbers = re.compile(r'\[\n[^\[\]{}"]*\]')
    write_text(path, numbers.sub(lambda found: " ".join(found[0].split()), text) + "\n")


def find_published(
    dataset: str, profile: str | None = "demo", kind: str = "runs", **protocol: object
) -> dict | None:
    """A published record of a data set with these settings in its protocol, or None.

    `find_published("camvid", epochs=200)`, for example. Of several records it is the one of
    `profile` if there is one. `kind` is the key with the record's models: "runs", or "models" for a
    record of `beyond`.
    """
    records = [
        record
        for record in _published()
        if record["dataset"] == dataset
        and kind in record
        and all(record["protocol"].get(key) == value for key, value in protocol.items())
    ]
    return min(records, key=lambda record: record["profile"] != profile, default=None)


def find_long_runs() -> dict | None:
    """The published record with the most epochs and with scores of all splits on the way to them.

    None if there is none.
    """
    records = [
        record
        for record in _published()
        if record.get("runs") and all("test_ssim" in run["history"] for run in record["runs"])
    ]
    return max(records, key=lambda record: record["protocol"]["epochs"], default=None)


def _published() -> list[dict]:
    root = project_root()
    return list(map(read_json, sorted((root / "data" / "results").glob("*.json")))) if root else []


def variant_of(run: Mapping, record: Mapping) -> str:
    """The variant of one of the record's runs."""
    return variant_name(Config.from_dict(run["config"]), record["profile"])


def record_scores(record: dict) -> SeedScores:
    """SSIM of every test image in a record, by variant and seed."""
    scores: SeedScores = {}
    for run in record["runs"]:
        by_seed = scores.setdefault(variant_of(run, record), {})
        by_seed[run["config"]["seed"]] = np.array(run["test_ssim"])
    return scores


def record_histories(record: dict, variant: str) -> dict[int, dict[str, list[float]]]:
    """The training curves of a variant in a record by seed: `HISTORY` -> one number per epoch."""
    found = {}
    for run in record["runs"]:
        if variant_of(run, record) == variant and "history" in run:
            found[run["config"]["seed"]] = run["history"]
    return found


def record_curves(record: dict) -> dict[str, list[dict[str, float]]]:
    """Name of each run -> its training curves epoch by epoch, as in `Run.read_history`.

    The name is the variant's, with the seed if the record has more runs than variants.
    """
    names = [variant_of(run, record) for run in record["runs"]]
    if len(set(names)) < len(names):
        seeds = [run["config"]["seed"] for run in record["runs"]]
        names = [f"{name}, seed {seed}" for name, seed in zip(names, seeds, strict=True)]
    return {name: _epochs(run["history"]) for name, run in zip(names, record["runs"], strict=True)}


def _epochs(history: Mapping[str, Sequence[float | None]]) -> list[dict[str, float]]:
    """Lists of one number per epoch as one record per epoch; None becomes nan."""
    columns = [[math.nan if one is None else one for one in values] for values in history.values()]
    return [
        {"epoch": epoch, **dict(zip(history, values, strict=True))}
        for epoch, values in enumerate(zip(*columns, strict=True), start=1)
    ]


def record_summaries(record: dict) -> dict[str, dict]:
    """Test SSIM by variant: summary over images of the mean over seeds, and `seeds`, their means.

    Images of one drive count in blocks, as in `evaluation.summarize`.
    """
    return {
        name: {
            **summarize(mean_over_seeds(by_seed), record["groups"]),
            "seeds": [float(values.mean()) for values in by_seed.values()],
        }
        for name, by_seed in record_scores(record).items()
    }


def long_run_rows(record: dict) -> list[dict[str, str]]:
    """Mean SSIM of each run on all splits: after the epoch that val chooses, and after the last."""
    rows = []
    for (name, history), run in zip(record_curves(record).items(), record["runs"], strict=True):
        chosen = {split: run["result"]["ssim"]["eval"][split]["mean"] for split in SPLITS}
        end = next(epoch for epoch in reversed(history) if not math.isnan(epoch["test_ssim"]))
        last = {split: end[f"{split}_ssim"] for split in SPLITS}
        rows.append(
            {
                "model": name,
                "epoch val chooses": str(run["result"]["best_epoch"]),
                **{f"{split} there": f"{value:.3f}" for split, value in chosen.items()},
                **{
                    f"{split} after {end['epoch']:.0f}": f"{value:.3f}"
                    for split, value in last.items()
                },
                "train minus test there": f"{chosen['train'] - chosen['test']:+.3f}",
                "at the end": f"{last['train'] - last['test']:+.3f}",
            }
        )
    return rows
