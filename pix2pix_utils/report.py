"""Finished runs in, tables and figures out."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from pix2pix_utils import figures
from pix2pix_utils.data import StreetData, to_uint8
from pix2pix_utils.evaluation import (
    generator_predictor,
    paired_difference,
    ssim_scores,
    summarize,
)
from pix2pix_utils.experiments import find_experiment
from pix2pix_utils.files import read_json, replacing, write_json, write_text
from pix2pix_utils.floors import FLOORS
from pix2pix_utils.runs import Run
from pix2pix_utils.sources import SPLITS
from pix2pix_utils.translation import load_generator

SCENES = 4  # test scenes in the strip of translations
MODELS = 8  # in one strip or panel of curves; more cannot be told apart in print


def floor_scores(data: StreetData) -> dict[str, dict[str, float]]:
    """Mean SSIM on val and test of the predictions that no network made, fitted on train."""
    scores = {}
    for name, fit in FLOORS.items():
        predict = fit(data.train)
        scores[name] = {
            split: float(ssim_scores(predict, data[split]).mean()) for split in ("val", "test")
        }
    return scores


def table_rows(runs: Sequence[Run], floors: Mapping[str, Mapping[str, float]]) -> list[dict]:
    """Table I with our numbers beside the report's, one record a row.

    SSIM in `eval` mode, with the 95 % bootstrap interval over the images in brackets.
    """
    rows = []
    for run in runs:
        result = run.result()
        row, augmentation = find_experiment(run.config.experiment)
        augmented = augmentation != "none"
        reported = ("",) * 3 if augmented else row.report_ssim or ("",) * 3
        ours = {
            split: "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**result["ssim"]["eval"][split])
            for split in SPLITS
        }
        rows.append(
            {
                "model": f"{row.title} + {augmentation}" if augmented else row.title,
                "experiment": run.config.experiment,
                "starts from": start_of(run),
                **{f"report {split}": value for split, value in zip(SPLITS, reported, strict=True)},
                **ours,
            }
        )
    for name, means in floors.items():
        floor = {f"report {split}": "" for split in SPLITS}
        ours = {split: f"{means[split]:.3f}" if split in means else "" for split in SPLITS}
        rows.append(
            {
                "model": f"no network: {name}",
                "experiment": "",
                "starts from": "",
                **floor,
                **ours,
            }
        )
    return rows


def start_of(run: Run) -> str:
    """What the generator of a finished run started from, in a few words."""
    start = run.result()["started_from"]["generator"]
    if isinstance(start, str):
        return start
    return f"learnt on {start['learnt on']}" if "learnt on" in start else start["released as"]


def results_record(
    runs: Sequence[Run], floors: Mapping[str, Mapping[str, float]], data: StreetData
) -> dict:
    """All that a table needs, and where it comes from, as plain values for a JSON file."""
    return {
        "dataset": data.name,
        "fingerprint": data.fingerprint,
        "split_rule": data.split_rule,
        "pairs": {split: len(data[split]) for split in SPLITS},
        "floors": floors,
        "runs": [
            {
                "config": run.config.to_dict(),
                "environment": read_json(run.folder / "environment.json"),
                "result": run.result(),
            }
            for run in runs
        ],
    }


def image_scores(runs: Sequence[Run], split: str = "test", inference: str = "eval") -> np.ndarray:
    """SSIM of every image of a split, (N,), as the mean over runs that differ in their seed."""
    columns = []
    for run in runs:
        rows = run.read_scores()
        chosen = [r["ssim"] for r in rows if (r["split"], r["inference"]) == (split, inference)]
        columns.append(np.array(chosen, dtype=float))
    return np.mean(columns, axis=0)


def comparison_rows(
    groups: Mapping[str, Sequence[Run]], reference: str, split: str = "test"
) -> list[dict]:
    """Each group of runs (one variant, one or more seeds) beside the `reference` group.

    SSIM with its 95 % interval over images, the spread over seeds, and the paired difference to
    the reference on the same images with its interval and the share of images that improve.
    """
    baseline, rows = image_scores(groups[reference], split), []
    for name, runs in groups.items():
        scores = image_scores(runs, split)
        seeds = [image_scores([run], split).mean() for run in runs]
        difference = paired_difference(scores, baseline)
        rows.append(
            {
                "variant": name,
                "seeds": len(runs),
                f"{split} SSIM": "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**summarize(scores)),
                "lowest to highest seed": f"{min(seeds):.3f} to {max(seeds):.3f}",
                f"difference to {reference}": ""
                if name == reference
                else "{mean:+.3f} [{low:+.3f}, {high:+.3f}]".format(**difference),
                "images improved": "" if name == reference else f"{difference['improved']:.0%}",
            }
        )
    return rows


def as_markdown(rows: Sequence[Mapping]) -> str:
    """Records as a Markdown table."""
    header = list(rows[0])
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(row[key]) for key in header) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[Mapping]) -> str:
    """Records as comma-separated values."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def provenance(run: Run, data: StreetData) -> str:
    """What a number of this run means, in one sentence for a caption."""
    config = run.config
    return (
        f"Data set {data.name} ({len(data.train)} / {len(data.val)} / {len(data.test)} pairs), "
        f"{config.image_size}x{config.image_size} pixels, width {config.width}, "
        f"{config.epochs} epochs, batch size {config.batch_size}, seed {config.seed}; "
        "SSIM with a Gaussian window (sigma 1.5, 11 pixels), data range 1, mean over RGB, "
        "generator in eval mode."
    )


@torch.no_grad()
def translation_strip(runs: Sequence[Run], data: StreetData):
    """The same test scenes by every run: label map, one column a run, the real photo."""
    scenes = [index * len(data.test) // SCENES for index in range(min(SCENES, len(data.test)))]
    batch = data.test.batch(scenes)
    columns, titles = [batch["label"]], ["label map"]
    for run in runs:
        generator, _, _ = load_generator(run.folder, torch.device("cpu"))
        columns.append(generator_predictor(generator)(batch))
        titles.append(run.config.experiment)
    columns.append(batch["photo"])
    images = np.stack([to_uint8(column) for column in columns], axis=1)  # (scene, column, H, W, 3)
    return figures.image_grid(images, [*titles, "photo"])


def write_report(runs: Sequence[Run], data: StreetData, folder: Path) -> list[Path]:
    """Write the table and the figures of finished runs on one data set; returns the files.

    The table and the scores have all of them, the strip and the curves the first `MODELS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    floors = floor_scores(data)
    rows = table_rows(runs, floors)
    caption = provenance(runs[0], data)
    write_text(folder / "table1.md", f"# Table I\n\n{as_markdown(rows)}\n{caption}\n")
    write_text(folder / "table1.csv", as_csv(rows))
    write_json(folder / "results.json", results_record(runs, floors, data))
    drawn = {
        "translations": translation_strip(runs[:MODELS], data),
        "curves": figures.training_curves(
            {run.config.experiment: run.read_history() for run in runs[:MODELS]}
        ),
        "ssim": figures.score_intervals(
            {run.config.experiment: run.result()["ssim"]["eval"]["test"] for run in runs},
            {name: means["test"] for name, means in floors.items()},
        ),
    }
    written = [folder / name for name in ("table1.md", "table1.csv", "results.json")]
    for name, figure in drawn.items():
        path = folder / f"{name}.png"
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=150)
        written.append(path)
    return written
