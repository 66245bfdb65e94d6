"""SSIM of finished runs image by image, compared between models and with the report's findings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.statistics import paired_difference, summarize
from pix2pix_utils.training.experiments import AUGMENTED, EXPERIMENTS
from pix2pix_utils.training.runs import Run

INTERVAL = "{mean:.3f} [{low:.3f}, {high:.3f}]"
DIFFERENCE = "{mean:+.3f} [{low:+.3f}, {high:+.3f}]"

SeedScores = dict[str, dict[int, np.ndarray]]
"""Variant -> seed -> SSIM of every test image, (N,), in the same order for all."""


def reference_scores(data: StreetData) -> dict[str, dict[str, float]]:
    """Mean SSIM of the reference predictors, fitted on train: name -> "val" or "test" -> mean."""
    scores = {}
    for name, fit in REFERENCE_PREDICTORS.items():
        predict = fit(data.train)
        scores[name] = {
            split: float(ssim_scores(predict, data[split]).mean()) for split in ("val", "test")
        }
    return scores


def image_scores(runs: Sequence[Run], split: str = "test", inference: str = "eval") -> np.ndarray:
    """SSIM of every image of a split, (N,), as the mean over runs that differ in their seed."""
    columns = []
    for run in runs:
        rows = run.read_scores()
        chosen = [r["ssim"] for r in rows if (r["split"], r["inference"]) == (split, inference)]
        columns.append(np.array(chosen, dtype=float))
    return np.mean(columns, axis=0)


def seed_scores(groups: Mapping[str, Sequence[Run]]) -> SeedScores:
    """The test scores of each group of runs, seed by seed."""
    return {
        name: {run.config.seed: image_scores([run]) for run in runs}
        for name, runs in groups.items()
    }


def mean_over_seeds(scores: Mapping[int, np.ndarray]) -> np.ndarray:
    """Each image's mean over the seeds, (N,)."""
    return np.mean(list(scores.values()), axis=0)


def seed_spread(means: Sequence[float]) -> str:
    """The lowest and highest of the seeds' means, in words."""
    return f"{min(means):.3f} to {max(means):.3f}" if len(means) > 1 else "one seed"


def comparison_rows(
    groups: Mapping[str, Sequence[Run]], reference: str, split: str = "test"
) -> list[dict]:
    """Table rows that compare groups of runs (one variant, one or more seeds) with one of them.

    SSIM with its 95 % interval over images, the spread over seeds, and the paired difference to
    the group `reference` on the same images with its interval and the share of images that improve.
    """
    baseline, rows = image_scores(groups[reference], split), []
    for name, runs in groups.items():
        scores = image_scores(runs, split)
        difference = paired_difference(scores, baseline)
        other = name != reference
        rows.append(
            {
                "variant": name,
                "seeds": len(runs),
                f"{split} SSIM": INTERVAL.format(**summarize(scores)),
                "lowest to highest seed": seed_spread(
                    [image_scores([run], split).mean() for run in runs]
                ),
                f"difference to {reference}": DIFFERENCE.format(**difference) if other else "",
                "images improved": f"{difference['improved']:.0%}" if other else "",
            }
        )
    return rows


@dataclass(frozen=True)
class Finding:
    """A claim of the report: one model scores higher than another."""

    text: str
    better: str
    worse: str
    section: str  # of the report


FINDINGS = (
    Finding("least squares improve the baseline", "baseline-mse", "baseline", "III"),
    Finding(
        "networks pretrained in torchvision beat the baseline",
        "pretrained-torchvision",
        "baseline",
        "III",
    ),
    Finding(
        "a pretrained U-Net beats the baseline with least squares",
        "pretrained-unet",
        "baseline-mse",
        "Table I",
    ),
    Finding(
        "of the two pretrained models, the U-Net is better",
        "pretrained-unet",
        "pretrained-torchvision",
        "Table I",
    ),
    Finding("the enhanced generator beats the baseline", "enhanced", "baseline", "III, IV"),
    Finding(
        "least squares do not improve the enhanced model", "enhanced", "enhanced-mse", "III, IV"
    ),
    Finding(
        "the enhanced generator is the best of all: it beats the second best",
        "enhanced",
        "pretrained-unet",
        "III, IV",
    ),
)


def verdict(difference: Mapping[str, float], seeds: Iterable[float]) -> str:
    """Whether a difference reproduces a finding.

    `difference` has the `low` and `high` end of its interval over images, positive if it agrees
    with the report; `seeds` are the mean differences of the seeds that both models share. The
    interval and all seeds must agree, since an interval over images does not cover other seeds.
    """
    seeds = list(seeds)
    for word, sign in (("reproduces", 1), ("the other way round", -1)):
        excludes_zero = min(sign * difference["low"], sign * difference["high"]) > 0
        if excludes_zero and all(sign * seed > 0 for seed in seeds):
            return word if len(seeds) > 1 else f"{word}, one seed"
    return "undecided"


def finding_rows(scores: SeedScores) -> list[dict]:
    """Table rows: each finding of the report, the difference in `scores`, and the verdict.

    Each augmented model adds the finding that augmentation makes its base model worse.
    """
    findings = list(FINDINGS)
    for name in scores:
        if name in AUGMENTED:
            base, _, kind = name.partition("+")
            findings.append(Finding(f"{kind} makes {base} worse", base, name, "II.C.4"))
    rows = []
    for finding in findings:
        names = (finding.better, finding.worse)
        one, two = (EXPERIMENTS[n].report_ssim if n in EXPERIMENTS else None for n in names)
        row = {
            "the report": finding.text,
            "section": finding.section,
            "its difference": f"{one[2] - two[2]:+.3f}" if one and two else "no number",
            "comparison": " minus ".join(names),
            "difference here": "",
            "seeds, one by one": "",
        }
        rows.append(row)
        if missing := [name for name in names if name not in scores]:
            row["verdict"] = f"not trained: {', '.join(missing)}"
            continue
        better, worse = (scores[name] for name in names)
        difference = paired_difference(mean_over_seeds(better), mean_over_seeds(worse))
        shared = sorted(better.keys() & worse.keys())
        by_seed = [float(np.mean(better[seed] - worse[seed])) for seed in shared]
        row["difference here"] = DIFFERENCE.format(**difference)
        row["seeds, one by one"] = ", ".join(f"{value:+.3f}" for value in by_seed)
        row["verdict"] = verdict(difference, by_seed)
    return rows
