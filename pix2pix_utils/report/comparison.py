"""SSIM of finished runs image by image, compared between models and with the report's findings."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.statistics import (
    holm,
    interval_text,
    mean_text,
    paired_difference,
    summarize,
)
from pix2pix_utils.training.runs import Run

PROVISIONAL = "provisional (one seed)"

SeedScores = dict[str, dict[int, np.ndarray]]
"""Variant -> seed -> SSIM of every test image, (N,), in the same order for all."""


def reference_images(
    data: StreetData, names: Collection[str] = tuple(REFERENCE_PREDICTORS)
) -> dict[str, dict[str, np.ndarray]]:
    """SSIM of reference predictors, fitted on train: name -> "val" or "test" -> image by image."""
    scores = {}
    for name in names:
        predict = REFERENCE_PREDICTORS[name](data.train)
        scores[name] = {split: ssim_scores(predict, data[split]) for split in ("val", "test")}
    return scores


def reference_scores(data: StreetData) -> dict[str, dict[str, float]]:
    """Mean SSIM of the reference predictors, fitted on train: name -> "val" or "test" -> mean."""
    return {
        name: {split: float(images.mean()) for split, images in splits.items()}
        for name, splits in reference_images(data).items()
    }


def image_scores(runs: Sequence[Run], split: str = "test", inference: str = "eval") -> np.ndarray:
    """SSIM of every image of a split, (N,), as the mean over runs that differ in their seed."""
    columns = []
    for run in runs:
        rows = run.read_scores()
        chosen = [r["ssim"] for r in rows if (r["split"], r["inference"]) == (split, inference)]
        columns.append(np.array(chosen, dtype=float))
    return np.mean(columns, axis=0)


def image_groups(run: Run, split: str = "test") -> list[str]:
    """The group of every image of a split, in the order of `image_scores`."""
    wanted = (split, "eval")
    rows = run.read_scores()
    return [row["group"] for row in rows if (row["split"], row["inference"]) == wanted]


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
    the group `reference` on the same images with its interval, the share of images that improve and
    the p-value, by Holm's correction for all these differences.
    """
    drives = image_groups(groups[reference][0], split)
    scores = {name: image_scores(runs, split) for name, runs in groups.items()}
    differences = {
        name: paired_difference(values, scores[reference], drives)
        for name, values in scores.items()
        if name != reference
    }
    adjusted = holm([difference["p_value"] for difference in differences.values()])
    for difference, p_value in zip(differences.values(), adjusted, strict=True):
        difference["p_value"] = p_value
    rows = []
    for name, runs in groups.items():
        means = [float(image_scores([run], split).mean()) for run in runs]
        row = {
            "variant": name,
            "seeds": len(runs),
            f"{split} SSIM": mean_text(summarize(scores[name], drives)),
            "lowest to highest seed": seed_spread(means),
            f"difference to {reference}": "",
            "images improved": "",
            "p (Holm)": "",
        }
        if name != reference:
            row[f"difference to {reference}"] = mean_text(differences[name], sign="+")
            row["images improved"] = f"{differences[name]['improved']:.0%}"
            row["p (Holm)"] = p_text(differences[name])
        rows.append(row)
    return rows


def p_text(difference: Mapping, digits: int = 4) -> str:
    """The p-value, perhaps corrected, of a paired difference, or why it cannot be below 0.05.

    The signs of B blocks have 2^B combinations, of which two are as far from zero as any.
    """
    blocks, images = difference["blocks"], difference["images"]
    lowest = 2.0 ** (1 - blocks)
    if lowest < 0.05:
        return f"{difference['p_value']:.{digits}f}"
    what = "image" if blocks == images else "block"
    return f"{lowest:.2g} at best, with {blocks} {what}{'s' * (blocks != 1)}"


def verdict(difference: Mapping, seeds: Iterable[float]) -> str:
    """Whether a difference reproduces a claim, see `judge`."""
    return judge(difference, seeds)[0]


def judge(difference: Mapping, seeds: Iterable[float]) -> tuple[str, str]:
    """Whether a difference reproduces a claim, and the reason.

    `difference` has the `low` and `high` end of its interval over images, positive if it agrees
    with the claim, and perhaps a `p_value`, corrected if there are several comparisons; `seeds` are
    the mean differences of the seeds that both models share. Interval, p-value and all seeds must
    agree, since an interval over images does not cover other seeds. The verdict is "reproduces",
    "the other way round" or "undecided"; one that rests on a single seed is provisional and says
    so.
    """
    if "low" not in difference:
        return "undecided", interval_text(difference)
    seeds, p_value = list(seeds), difference.get("p_value", 0.0)
    for word, sign in (("reproduces", 1), ("the other way round", -1)):
        if min(sign * difference["low"], sign * difference["high"]) <= 0:
            continue
        if p_value >= 0.05:
            return "undecided", f"p after Holm's correction: {p_text(difference, 2)}"
        if any(sign * seed <= 0 for seed in seeds):
            return "undecided", "the seeds disagree"
        if len(seeds) > 1:
            return word, f"the interval and all {len(seeds)} seeds agree"
        return f"{word}, {PROVISIONAL}", "the interval excludes zero, but another seed may differ"
    return "undecided", "the interval includes zero"
