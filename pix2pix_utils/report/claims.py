"""Every claim of the report: where it is tested, our numbers, and the verdict with its reason.

The claims are in our words and in the report's order; `data/paper` has the sentences and numbers.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pix2pix_utils.evaluation.statistics import holm, mean_text, paired_difference
from pix2pix_utils.report.comparison import PROVISIONAL, SeedScores, judge, mean_over_seeds
from pix2pix_utils.report.published import record_histories, record_scores
from pix2pix_utils.training.experiments import AUGMENTED, EXPERIMENTS

Judgement = tuple[str, str, str]
"""Our numbers, the verdict and its reason."""

NOT_TESTED = "not tested"
NOT_TRAINED = "not trained"


@dataclass(frozen=True)
class Claim:
    """A claim of the report. It has two experiments, a function, or a reason for no test."""

    section: str  # of the report
    text: str
    where: str  # it is tested
    better: str = ""  # its test SSIM is the higher one, says the report
    worse: str = ""
    judge: Callable[[dict], Judgement] | None = None  # takes a record of `data/results`
    untested: str = ""  # why there is no test


def falling_generator_loss(record: dict) -> Judgement:
    """Whether the baseline's generator loss falls in nearly every epoch."""
    histories = record_histories(record, "baseline")
    if not histories:
        return "", NOT_TRAINED, "needs the training curves of baseline"
    falls = []
    for history in histories.values():
        loss = np.array(history["generator_loss"])
        falls.append(float((np.diff(loss) < 0).mean()) if len(loss) > 1 else 0.0)
    numbers = f"it fell in {', '.join(f'{100 * share:.0f} %' for share in falls)} of the epochs"
    rule = "the rule: in three of four epochs"
    return numbers, _of_seeds(min(falls) >= 0.75, len(falls)), rule


def levelling_discriminator_loss(record: dict) -> Judgement:
    """Whether the baseline's discriminator loss falls first and is steady at the end."""
    histories = record_histories(record, "baseline")
    if not histories:
        return "", NOT_TRAINED, "needs the training curves of baseline"
    shown, holds = [], []
    for history in histories.values():
        loss = history["discriminator_loss"]
        third = max(1, len(loss) // 3)
        if len(loss) < 3:
            return f"{len(loss)} epochs", "undecided", "too few epochs for a beginning and an end"
        start, early, late, end = loss[0], loss[third], loss[-1 - third], loss[-1]
        shown.append(f"{start:.2f}, {early:.2f}, {late:.2f}, {end:.2f}")
        holds.append(early < start and abs(end - late) <= 0.1 * late)
    numbers = "at the start, after a third, before the last third, at the end: " + "; ".join(shown)
    rule = "the rule: lower after a third, and less than 10 % of change in the last third"
    return numbers, _of_seeds(all(holds), len(holds)), rule


def structure_without_detail(record: dict) -> Judgement:
    """Whether classes are recognised in generated photos as in real ones, while texture lacks."""
    trained = set(record_scores(record))
    judged = {name: one for name, one in record["segmentation"].items() if name in trained}
    if not judged or "real photo" not in record["segmentation"]:
        return "", NOT_TRAINED, "needs a model and the segmentation network"
    best = max(judged, key=lambda name: judged[name]["pixel accuracy"]["mean"])
    accuracy = judged[best]["pixel accuracy"]["mean"]
    real = record["segmentation"]["real photo"]["pixel accuracy"]["mean"]
    sharpness = record["measures"][best]["sharpness"]["mean"]
    numbers = (
        f"{best}: pixel accuracy {accuracy:.2f}, real photos {real:.2f}; sharpness {sharpness:.2f}"
    )
    holds = accuracy >= 0.9 * real and sharpness < 0.9
    rule = "the rule: 90 % of the real photos' pixel accuracy, less than 90 % of their sharpness"
    return numbers, _of_seeds(holds, len(record_scores(record)[best])), rule


def more_epochs_help(record: dict) -> Judgement:
    """Whether most runs score best on val in their last epoch."""
    if not record["runs"]:
        return "", NOT_TRAINED, "needs a run"
    last = [run["result"]["best_epoch"] == run["config"]["epochs"] for run in record["runs"]]
    numbers = f"the last epoch was the best on val in {sum(last)} of {len(last)} runs"
    rule = "the rule: the last epoch is the best in most runs, so that SSIM was still rising"
    if 2 * sum(last) == len(last):
        return numbers, "undecided", rule
    return numbers, _of_seeds(2 * sum(last) > len(last), _fewest_seeds(record)), rule


def other_measures_tell_more(record: dict) -> Judgement:
    """Whether another measure than SSIM ranks the models otherwise."""
    measures = {name: record["measures"][name] for name in record_scores(record)}
    if len(measures) < 2:
        return "", NOT_TRAINED, "needs two models"
    orders = {}
    for title, key, sign in (("SSIM", "ssim", -1), ("PSNR", "psnr", -1), ("LPIPS", "lpips", 1)):
        if all(key in one for one in measures.values()):
            orders[title] = sorted(measures, key=lambda name: sign * measures[name][key]["mean"])
    by_ssim = orders.pop("SSIM")
    moved = {
        title: sum(one != two for one, two in zip(order, by_ssim, strict=True))
        for title, order in orders.items()
    }
    numbers = "; ".join(
        f"{title} gives {count} of {len(measures)} models another rank than SSIM"
        for title, count in moved.items()
    )
    rule = "the rule: a measure gives any model another rank"
    return numbers, _of_seeds(any(moved.values()), _fewest_seeds(record)), rule


def highest_score(record: dict) -> Judgement:
    """The highest test SSIM, which has no verdict beside numbers of other data."""
    means = {name: mean_over_seeds(one).mean() for name, one in record_scores(record).items()}
    if not means:
        return "", NOT_TRAINED, "needs a model"
    best = max(means, key=lambda name: means[name])
    reason = "numbers of other data, sizes and epochs cannot be compared"
    return f"{means[best]:.3f} ({best})", NOT_TESTED, reason


CLAIMS = (
    Claim(
        "II.A",
        "Skip connections keep the fine detail of the label map.",
        "",
        untested="no U-Net is without them; notebook 4 compares DeepLab with and without",
    ),
    Claim(
        "II.A",
        "A discriminator that judges patches gives detailed feedback, so photos are better.",
        "notebook 4",
        "patch-torchvision",
        "pretrained-torchvision",
    ),
    Claim(
        "II.A",
        "The L1 term beside the adversarial loss keeps the photo close to its target.",
        "notebook 3",
        "baseline",
        "baseline-gan-only",
    ),
    Claim(
        "II.B",
        "SSIM follows human perception better than measures of single pixels.",
        "notebooks 1 and 3",
        untested="it takes judgements of people; the notebooks show what SSIM rewards",
    ),
    *(
        Claim(
            "II.C.1",
            f"A weight of 100 for L1 gives a higher score than {alpha} (no numbers; 100 is kept).",
            "notebook 3, The weight of L1",
            "baseline",
            f"baseline-l1-{alpha}",
        )
        for alpha in (50, 75)
    ),
    Claim(
        "II.C.2",
        "Pretrained features help a generator on DeepLab's backbone.",
        "notebook 4",
        "pretrained-torchvision",
        "scratch-torchvision",
    ),
    Claim(
        "II.C.3",
        "Batch norm after every convolution makes the enhanced generator better.",
        "notebook 5",
        "enhanced",
        "enhanced-baseline-norm",
    ),
    Claim(
        "II.C.3",
        "Dropout in the first three decoder blocks keeps it from overfitting.",
        "notebook 5",
        "enhanced",
        "enhanced-no-dropout",
    ),
    Claim(
        "III",
        "The baseline's generator loss falls consistently.",
        "notebook 2",
        judge=falling_generator_loss,
    ),
    Claim(
        "III",
        "The baseline's discriminator loss falls at first, then levels off.",
        "notebook 2",
        judge=levelling_discriminator_loss,
    ),
    Claim(
        "III, IV",
        "Least squares improve the baseline.",
        "notebook 3, Table I",
        "baseline-mse",
        "baseline",
    ),
    Claim(
        "III",
        "Networks pretrained in torchvision beat the baseline.",
        "notebook 4, Table I",
        "pretrained-torchvision",
        "baseline",
    ),
    Claim(
        "Table I",
        "A pretrained U-Net beats the baseline with least squares.",
        "notebook 4, Table I",
        "pretrained-unet",
        "baseline-mse",
    ),
    Claim(
        "Table I, IV",
        "Of the two pretrained models, the one with least squares, the U-Net, is better.",
        "notebook 4, Table I",
        "pretrained-unet",
        "pretrained-torchvision",
    ),
    Claim(
        "III, IV",
        "The enhanced generator beats the baseline.",
        "notebook 5, Table I",
        "enhanced",
        "baseline",
    ),
    Claim(
        "III, IV",
        "Least squares do not improve the enhanced model.",
        "notebook 5, Table I",
        "enhanced",
        "enhanced-mse",
    ),
    Claim(
        "III",
        "The enhanced model is the best of all: it beats the second best.",
        "Table I",
        "enhanced",
        "pretrained-unet",
    ),
    Claim(
        "Abstract, IV",
        "A more complex generator helps the baseline more than another loss does.",
        "Table I",
        "enhanced",
        "baseline-mse",
    ),
    Claim(
        "Abstract, III, IV",
        "The best model reaches a test SSIM of 0.535.",
        "Table I",
        judge=highest_score,
    ),
    Claim(
        "III, IV",
        "Photos show the right structure and main parts, but lack detail.",
        "notebook 7, More than SSIM",
        judge=structure_without_detail,
    ),
    Claim(
        "V",
        "More epochs would raise SSIM.",
        "Training",
        judge=more_epochs_help,
    ),
    Claim(
        "V",
        "Pretrained weights that fit the task better would help.",
        "notebook 4",
        "pretrained-unet",
        "scratch-unet",
    ),
    Claim(
        "V",
        "A systematic search for hyperparameters would raise SSIM.",
        "",
        untested="every model is trained with the report's settings",
    ),
    Claim(
        "V",
        "Gentler augmentation, made for the task, may help where flips and jitter do not.",
        "notebook 6",
        untested="the notebook measures when augmentation pays, on fewer pairs",
    ),
    Claim(
        "V",
        "PSNR and LPIPS show more than SSIM alone.",
        "notebook 7, More than SSIM",
        judge=other_measures_tell_more,
    ),
)


def claim_rows(record: dict) -> list[dict[str, str]]:
    """Table rows: every claim of the report, our numbers from a record, verdict and reason.

    `record` is in the format of `data/results`. Each augmented model in it adds the claim that
    augmentation makes its base model worse. The p-values of all comparisons are corrected together
    (Holm 1979).
    """
    scores, groups = record_scores(record), record["groups"]
    before = [claim for claim in CLAIMS if claim.section.startswith("II.")]
    claims = [*before, *_augmentation_claims(scores), *CLAIMS[len(before) :]]
    differences: dict[tuple[str, str], dict] = {}
    for claim in claims:
        if claim.better in scores and claim.worse in scores:
            better, worse = (mean_over_seeds(scores[name]) for name in (claim.better, claim.worse))
            differences[claim.better, claim.worse] = paired_difference(better, worse, groups)
    adjusted = holm([difference["p_value"] for difference in differences.values()])
    for difference, p_value in zip(differences.values(), adjusted, strict=True):
        difference["p_value"] = p_value
    rows = []
    for claim in claims:
        if claim.better:
            numbers, verdict, reason = _judge_difference(claim, scores, differences)
        elif claim.judge:
            numbers, verdict, reason = claim.judge(record)
        else:
            numbers, verdict, reason = "", NOT_TESTED, claim.untested
        rows.append(
            {
                "section": claim.section,
                "the report says": claim.text,
                "its difference": _reported_difference(claim),
                "tested in": claim.where or "nowhere",
                "here": numbers,
                "verdict": verdict,
                "reason": reason,
            }
        )
    return rows


def count_verdicts(rows: Sequence[Mapping[str, str]]) -> str:
    """How many claims have which verdict, in one sentence; provisional ones count apart."""
    counts = Counter(row["verdict"] for row in rows)
    listed = "; ".join(f"{verdict}: {count}" for verdict, count in counts.most_common())
    return f"Verdicts on {len(rows)} claims: {listed}."


def _augmentation_claims(scores: SeedScores) -> list[Claim]:
    """One claim for each augmented model; one for all if none is trained."""
    claims = []
    for name in scores:
        if name in AUGMENTED:
            base, _, kind = name.partition("+")
            text = f"{kind.replace('+', ' and ').capitalize()} makes {base} worse."
            claims.append(Claim("II.C.4, IV", text, "notebook 6, Augmentation", base, name))
    every = "Flips and colour jitter make every model worse."
    return claims or [Claim("II.C.4, IV", every, "notebook 6", "baseline", AUGMENTED[0])]


def _reported_difference(claim: Claim) -> str:
    """The difference of the report's numbers for test; empty if it has none."""
    names = (claim.better, claim.worse)
    one, two = (EXPERIMENTS[n].report_ssim if n in EXPERIMENTS else None for n in names)
    return f"{one[2] - two[2]:+.3f}" if one and two else ""


def _judge_difference(
    claim: Claim, scores: SeedScores, differences: Mapping[tuple[str, str], dict]
) -> Judgement:
    names = (claim.better, claim.worse)
    if missing := [name for name in names if name not in scores]:
        return "", NOT_TRAINED, f"needs {' and '.join(missing)}"
    difference = differences[names]
    better, worse = (scores[name] for name in names)
    seeds = [float(np.mean(better[s] - worse[s])) for s in sorted(better.keys() & worse.keys())]
    numbers = f"{' minus '.join(names)}: {mean_text(difference, sign='+')}"
    if len(seeds) > 1:
        numbers += f"; by seed: {', '.join(f'{seed:+.3f}' for seed in seeds)}"
    return numbers, *judge(difference, seeds)


def _fewest_seeds(record: dict) -> int:
    """The number of seeds of the model that has the fewest."""
    return min(len(by_seed) for by_seed in record_scores(record).values())


def _of_seeds(holds: bool, seeds: int) -> str:
    """The verdict of a rule that has been applied to so many seeds."""
    word = "reproduces" if holds else "does not reproduce"
    return word if seeds > 1 else f"{word}, {PROVISIONAL}"
