"""What the report found, and whether the same comes out of other scores."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pix2pix_utils.evaluation.statistics import paired_difference
from pix2pix_utils.report.comparison import DIFFERENCE, SeedScores, mean_over_seeds
from pix2pix_utils.training.experiments import EXPERIMENTS, TABLE_1


@dataclass(frozen=True)
class Finding:
    """One model above another, as the report has it."""

    text: str
    better: str
    worse: str
    section: str  # of the report


FINDINGS = (
    Finding("least squares lift the baseline", "baseline-mse", "baseline", "III"),
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
        "of the two pretrained models the U-Net is ahead",
        "pretrained-unet",
        "pretrained-torchvision",
        "Table I",
    ),
    Finding("the enhanced generator beats the baseline", "enhanced", "baseline", "III, IV"),
    Finding("least squares do not help the enhanced one", "enhanced", "enhanced-mse", "III, IV"),
    Finding(
        "the enhanced generator is the best of all: above the second best",
        "enhanced",
        "pretrained-unet",
        "III, IV",
    ),
)


def augmentation_findings(names: Iterable[str]) -> list[Finding]:
    """Augmentation makes every model worse (section II.C.4), for each one that was trained."""
    found = []
    for name in names:
        base, plus, kind = name.partition("+")
        if plus and base in TABLE_1 and " " not in kind:
            found.append(Finding(f"{kind} makes {base} worse", base, name, "II.C.4"))
    return found


def verdict(difference: Mapping[str, float], seeds: Iterable[float]) -> str:
    """Does a difference reproduce a finding?

    `difference` has `low` and `high` of its interval over images, positive as the report has it;
    `seeds` are the mean differences of the seeds that both models have. Both kinds of chance must
    agree: an interval over images says nothing about another seed.
    """
    seeds = list(seeds)
    for word, sign in (("reproduces", 1), ("the other way round", -1)):
        beyond_images = min(sign * difference["low"], sign * difference["high"]) > 0
        if beyond_images and all(sign * seed > 0 for seed in seeds):
            return word if len(seeds) > 1 else f"{word}, one seed"
    return "undecided"


def finding_rows(scores: SeedScores) -> list[dict]:
    """Each finding of the report beside the difference in `scores` and the verdict on it."""
    rows = []
    for finding in (*FINDINGS, *augmentation_findings(scores)):
        rows.append(
            {
                "the report": finding.text,
                "section": finding.section,
                "its difference": _reported(finding),
                "comparison": f"{finding.better} minus {finding.worse}",
                **_measured(finding, scores),
            }
        )
    return rows


def _reported(finding: Finding) -> str:
    """The report's own difference on test, where Table I has both models."""
    if not {finding.better, finding.worse} <= set(TABLE_1):
        return "no number"
    better, worse = (EXPERIMENTS[name].report_ssim for name in (finding.better, finding.worse))
    assert better and worse  # every row of Table I has numbers
    return f"{better[2] - worse[2]:+.3f}"


def _measured(finding: Finding, scores: SeedScores) -> dict[str, str]:
    missing = [name for name in (finding.better, finding.worse) if name not in scores]
    if missing:
        words = f"not trained: {', '.join(missing)}"
        return {"difference here": "", "seeds, one by one": "", "verdict": words}
    better, worse = scores[finding.better], scores[finding.worse]
    difference = paired_difference(mean_over_seeds(better), mean_over_seeds(worse))
    shared = sorted(better.keys() & worse.keys())
    by_seed = [float(np.mean(better[seed] - worse[seed])) for seed in shared]
    return {
        "difference here": DIFFERENCE.format(**difference),
        "seeds, one by one": ", ".join(f"{value:+.3f}" for value in by_seed),
        "verdict": verdict(difference, by_seed),
    }
