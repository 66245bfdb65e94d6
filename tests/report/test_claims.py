"""The claims of the report, and the verdicts on them."""

import numpy as np

from pix2pix_utils.report import claim_rows, count_verdicts
from pix2pix_utils.training.experiments import EXPERIMENTS, configure

IMAGES = 40
BASE = np.linspace(0.2, 0.8, IMAGES)  # images differ far more than models do
FALLING = {
    "generator_loss": [9.0, 7.0, 6.0, 5.5],
    "discriminator_loss": [0.7, 0.5, 0.45, 0.44],
    "val_ssim": [0.1, 0.2, 0.3, 0.4],
}


def record_of(scores: dict[str, dict[int, np.ndarray]], groups: list[int] | None = None) -> dict:
    """A record of runs with these test scores, by variant and seed."""
    runs = []
    for name, by_seed in scores.items():
        for seed, values in by_seed.items():
            config = configure(name, "smoke", seed).to_dict()
            history, result = FALLING, {"best_epoch": config["epochs"]}
            runs.append(
                dict(config=config, test_ssim=values.tolist(), history=history, result=result)
            )
    accuracy = {"pixel accuracy": {"mean": 0.8}}
    return {
        "profile": "smoke",
        "groups": groups,
        "runs": runs,
        "segmentation": dict.fromkeys([*scores, "real photo"], accuracy),
        "measures": {
            name: {
                "ssim": {"mean": float(np.mean(list(by_seed.values())))},
                "psnr": {"mean": float(-number)},
                "sharpness": {"mean": 0.3},
            }
            for number, (name, by_seed) in enumerate(scores.items())
        },
    }


def row_of(rows: list[dict], start: str) -> dict:
    (row,) = [row for row in rows if row["the report says"].startswith(start)]
    return row


def test_claims_compare_the_same_images_and_every_seed():
    rows = claim_rows(
        record_of(
            {
                "baseline": {0: BASE, 1: BASE},
                "baseline-mse": {0: BASE + 0.01, 1: BASE + 0.02},
                "baseline+flip": {0: BASE + 0.01, 1: BASE + 0.01},
            }
        )
    )
    lifted = row_of(rows, "Least squares improve the baseline")
    assert lifted["its difference"] == "+0.198" and lifted["verdict"] == "reproduces"
    assert "by seed: +0.010, +0.020" in lifted["here"]
    flipped = row_of(rows, "Flip makes baseline worse")
    assert flipped["verdict"] == "the other way round" and flipped["its difference"] == ""
    untrained = row_of(rows, "The enhanced generator beats the baseline")
    assert (untrained["verdict"], untrained["reason"]) == ("not trained", "needs enhanced")
    sections = [row["section"].split(",")[0].split(".")[0] for row in rows]
    assert sections[-1] == "V" and sections[0] == "II"


def test_one_seed_is_provisional_and_counted_apart():
    scores = {"baseline": {0: BASE}, "baseline-mse": {0: BASE + 0.01}}
    rows = claim_rows(record_of(scores))
    row = row_of(rows, "Least squares improve the baseline")
    assert row["verdict"] == "reproduces, provisional (one seed)"
    counted = count_verdicts(rows)
    assert counted.startswith(f"Verdicts on {len(rows)} claims: ")
    assert "reproduces, provisional (one seed): " in counted and " reproduces: " not in counted
    counts = [int(part.split(": ")[-1]) for part in counted.rstrip(".").split("; ")]
    assert sum(counts) == len(rows)


def test_many_comparisons_are_corrected_and_frames_of_a_drive_are_not_independent():
    noise = np.random.default_rng(0).normal(0.004, 0.01, IMAGES)
    barely = {"baseline": {0: BASE, 1: BASE}, "baseline-mse": {0: BASE + noise, 1: BASE + noise}}
    claim = "Least squares improve the baseline"
    alone = row_of(claim_rows(record_of(barely)), claim)
    assert alone["verdict"] == "reproduces"
    others = {n: {0: BASE, 1: BASE} for n in EXPERIMENTS if n not in barely}
    crowded = row_of(claim_rows(record_of(barely | others)), claim)
    assert crowded["verdict"] == "undecided" and "Holm" in crowded["reason"]
    frames = row_of(claim_rows(record_of(barely, groups=[0] * IMAGES)), claim)
    assert frames["verdict"] == "undecided"
    assert frames["reason"] == f"{IMAGES} images in 2 blocks: no interval"


def test_claims_about_curves_and_measures_follow_their_rules():
    record = record_of({"baseline": {0: BASE, 1: BASE}, "enhanced": {0: BASE + 0.1, 1: BASE}})
    rows = claim_rows(record)
    begins = (
        "The baseline's generator loss falls",
        "The baseline's discriminator loss falls",
        "Photos show the right structure",
        "More epochs would raise SSIM",
        "PSNR and LPIPS show more",  # the model with the higher SSIM has the lower PSNR
    )
    assert {row_of(rows, start)["verdict"] for start in begins} == {"reproduces"}
    rising = {key: values[::-1] for key, values in FALLING.items()}
    for run in record["runs"]:
        run |= {"history": rising, "result": {"best_epoch": 1}}
    record["measures"]["enhanced"]["sharpness"]["mean"] = 1.2
    record["measures"]["baseline"]["sharpness"]["mean"] = 1.2
    rows = claim_rows(record)
    assert {row_of(rows, start)["verdict"] for start in begins[:4]} == {"does not reproduce"}


def test_without_runs_no_claim_is_decided():
    rows = claim_rows(record_of({}))
    assert {row["verdict"] for row in rows} == {"not trained", "not tested"}
    assert all(row["reason"] for row in rows)
