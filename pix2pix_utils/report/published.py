"""Measurements as one JSON record: what a report writes and `data/results` holds.

{
  "dataset", "fingerprint", "split_rule", "pairs", "classes": of the data set
  "profile": whose protocol it is, or null;  "protocol": the settings that all runs share
  "ssim": the convention, in words
  "no_network": name -> split -> mean, low, high, images (SSIM)
  "measures": name -> measure -> mean, low, high, images (test split, mean over seeds)
  "segmentation": name -> score -> mean, low, high, images: what a segmentation network finds
  "class_ssim": name -> one number a class, null where no test image shows it
  "runs": one for each variant and seed: config, environment, result, test_ssim (image by image)
}
"""

import json
import re
from pathlib import Path

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.segmentation_scores import segmentation_summary
from pix2pix_utils.evaluation.statistics import summarize
from pix2pix_utils.files import read_json, write_text
from pix2pix_utils.paths import project_root
from pix2pix_utils.report.collect import Measurements, class_means, summaries
from pix2pix_utils.report.comparison import SeedScores, image_scores
from pix2pix_utils.report.selection import Selection, variant_name
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import TABLE_1

SSIM_CONVENTION = (
    "SSIM with a Gaussian window (sigma 1.5, 11 pixels), data range 1, mean over RGB, "
    "generator in eval mode"
)


def results_record(selection: Selection, data: StreetData, measured: Measurements) -> dict:
    """All that the tables need, and where it comes from, as plain values for a JSON file."""
    return {
        "dataset": data.name,
        "fingerprint": data.fingerprint,
        "split_rule": data.split_rule,
        "pairs": {split: len(data[split]) for split in SPLITS},
        "classes": list(data.palette.classes),
        "profile": selection.profile,
        "protocol": selection.protocol,
        "ssim": SSIM_CONVENTION,
        "no_network": {
            name: {
                "val": _rounded(summarize(measured.val[name])),
                "test": _rounded(summarize(measures.images["ssim"])),
            }
            for name, measures in measured.no_network.items()
        },
        "measures": {
            name: {key: _rounded(summary) for key, summary in summaries(measures).items()}
            for name, measures in measured.all.items()
        },
        "segmentation": _segmentation(measured, data.palette),
        "class_ssim": {
            name: [None if np.isnan(mean) else round(float(mean), 4) for mean in means]
            for name, means in (
                (name, class_means(measures)) for name, measures in measured.all.items()
            )
        },
        "runs": [
            {
                "config": run.config.to_dict(),
                "environment": read_json(run.folder / "environment.json"),
                "result": run.result(),
                "test_ssim": [round(float(score), 4) for score in image_scores([run])],
            }
            for run in selection.runs
        ],
    }


def _segmentation(measured: Measurements, palette: Palette) -> dict[str, dict[str, dict]]:
    return {
        name: {
            score: _rounded(summary)
            for score, summary in segmentation_summary(measures.confusion, palette).items()
        }
        for name, measures in measured.all.items()
        if measures.confusion is not None
    }


def _rounded(summary: dict) -> dict:
    """Six digits: more than any interval here can tell apart."""
    return {key: round(value, 6) for key, value in summary.items()}


def write_record(path: Path, record: dict) -> None:
    """Write a record in one piece, each list of numbers on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    # a list of numbers holds no quotes or brackets, and no string of JSON holds a line break
    numbers = re.compile(r'\[\n[^\[\]{}"]*\]')
    write_text(path, numbers.sub(lambda found: " ".join(found[0].split()), text) + "\n")


def publish(path: Path, record: dict) -> None:
    """Write a record for `data/results`; raises UserError if a row of Table I is missing."""
    trained = {run["config"]["experiment"] for run in record["runs"]}
    if missing := [name for name in TABLE_1 if name not in trained]:
        raise UserError(
            f"{path} is for a whole Table I, but not trained: {', '.join(missing)}; "
            "`study` trains them"
        )
    write_record(path, record)


def find_published(dataset: str, profile: str | None = None) -> dict | None:
    """The shipped record of a data set, of this profile if there is one; else None."""
    root = project_root()
    folder = root / "data" / "results" if root else Path()
    records = [read_json(path) for path in sorted(folder.glob("*.json"))] if root else []
    fitting = [record for record in records if record["dataset"] == dataset]
    return min(fitting, key=lambda record: record["profile"] != profile, default=None)


def record_scores(record: dict) -> SeedScores:
    """Every test image's SSIM in a record, by variant and seed; without runs that have none."""
    scores: SeedScores = {}
    for run in record["runs"]:
        if "test_ssim" in run:
            config = Config.from_dict(run["config"])
            name = variant_name(config, record["profile"])
            scores.setdefault(name, {})[config.seed] = np.array(run["test_ssim"])
    return scores


def record_summaries(record: dict) -> dict[str, dict]:
    """Test SSIM by variant: mean and interval over images of the mean over seeds, and the seeds.

    A record without single images has one seed a variant, and that run's own interval.
    """
    by_variant: dict[str, list[dict]] = {}
    for run in record["runs"]:
        name = variant_name(Config.from_dict(run["config"]), record["profile"])
        by_variant.setdefault(name, []).append(run)
    found = {}
    for name, runs in by_variant.items():
        own = [run["result"]["ssim"]["eval"]["test"] for run in runs]
        images = [run["test_ssim"] for run in runs if "test_ssim" in run]
        summary = own[0] if len(images) < len(runs) else summarize(np.mean(images, axis=0))
        found[name] = {**summary, "seeds": [one["mean"] for one in own]}
    return found
