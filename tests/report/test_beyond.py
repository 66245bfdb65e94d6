"""What the ingredients of the recommended experiments are worth, and SSIM against realism."""

from pathlib import Path

import numpy as np
import pytest

from pix2pix_utils.evaluation.feature_distance import (
    distance_summary,
    kernel_difference,
    kernel_distance,
)
from pix2pix_utils.files import read_json
from pix2pix_utils.report import (
    PATHS,
    ablation_rows,
    find_published,
    lead_rows,
    realism_points,
    recommended,
    recommended_rows,
    step_rows,
)
from pix2pix_utils.report.beyond import STEP, ablations, ingredient
from pix2pix_utils.report.selection import base_of, is_beyond
from pix2pix_utils.training.experiments import BEYOND, EXPERIMENTS, TABLE_1, configure

IMAGES = 40
BASE = np.linspace(0.4, 0.7, IMAGES)  # images differ far more than models do
SSIM_BASE, LOOK_BASE = "best-ssim", "best-look"


def model(name, ssim, distances=(0.1,), minus_base=None):
    """An entry of a record: one SSIM array and one kernel distance per seed."""
    entry = {
        "config": configure(name.split(" ")[0], "demo").to_dict(),
        "environment": {"date": "2026-01-01", "torch": "2"},
        "parameters": 1234567,
        "seeds": [
            {"seed": seed, "seconds": 60.0 + seed, "best_epoch": 5, "test_ssim": values.tolist()}
            | {"sharpness": 0.4, "class IoU": 0.3, "kernel distance": distance}
            for seed, (values, distance) in enumerate(zip(ssim, distances, strict=True))
        ],
        "kernel distance": summary(float(np.mean(distances))),
    }
    if minus_base is not None:
        entry["kernel distance minus base"] = minus_base
    return entry


def summary(mean, width=0.01):
    return {"mean": mean, "low": mean - width, "high": mean + width, "images": 40, "blocks": 40}


def record_of(**models):
    table = {name.replace("_", "-"): entry for name, entry in models.items()}
    simple = {"ssim": summary(0.5), "test_ssim": [0.5] * IMAGES, "sharpness": 0.4, "class IoU": 0.4}
    return {
        "dataset": "synthetic",
        "profile": "demo",
        "groups": None,
        "real_floor": {},
        "models": table,
        "no_network": {
            name: {**simple, "kernel distance": summary(0.6)}
            for name in ("class colour", "class and row colour", "real photo")
        },
    }


def verdict(record, name) -> str:
    (row,) = [row for row in ablation_rows(record) if row["model"] == name]
    return row["earns its place"]


def test_every_experiment_beyond_the_report_is_recommended_or_has_a_base():
    assert set(recommended()) < set(BEYOND)
    for name in BEYOND:
        assert (base_of(name) is None) == (name in recommended())
        assert is_beyond(name) and is_beyond(f"{name} alpha=3.0") and is_beyond(f"{name}+flip")
        assert base_of(f"{name} alpha=3.0") == name
    assert not any(is_beyond(name) or base_of(name) for name in EXPERIMENTS if name not in BEYOND)


def test_an_ablation_names_the_ingredient_and_who_has_it():
    settings = ["label_input=one-hot+coordinates", "average_decay=0.99", "ssim_weight=20"]
    base = configure("baseline-l1-only", "demo").with_settings(settings)
    for changes, text, in_base in (
        (["label_input=one-hot"], "label_input=coordinates", True),
        (["label_input=one-hot+edges+coordinates"], "label_input=edges", False),
        (["label_input=rgb"], "label_input=one-hot+coordinates, not label_input=rgb", True),
        (["average_decay=0"], "average_decay=0.99", True),
        (["weights=streets", "seed=3"], "weights=streets", False),
        (
            ["augmentation=mirror", "label_input=one-hot+coordinates+mirrored"],
            "label_input=mirrored augmentation=mirror",
            False,
        ),
        (["ssim_weight=0", "ms_ssim_weight=9"], "ssim_weight=20.0, not ms_ssim_weight=9.0", True),
        (["alpha=20"], "alpha=100.0, not alpha=20.0", True),
    ):
        found = ingredient(base, base.with_settings(changes))
        assert (found.text, found.in_base) == (text, in_base)


@pytest.mark.parametrize(
    ("shifts", "said"),
    [
        ([-0.01, -0.02], "yes"),
        ([0.01, 0.02], "no, it does harm"),
        ([0.01, -0.03], "open: the seeds disagree"),
        ([-0.01], "yes, provisional (one seed)"),
    ],
)
def test_by_ssim_an_ingredient_earns_its_place_if_images_and_seeds_agree(shifts, said):
    noise = np.random.default_rng(0).normal(0, 0.001, IMAGES)
    seeds = len(shifts)
    record = record_of(
        best_ssim=model(SSIM_BASE, [BASE] * seeds, [0.1] * seeds),
        best_ssim_l1=model("best-ssim-l1", [BASE + s + noise for s in shifts], [0.1] * seeds),
    )
    assert verdict(record, "best-ssim-l1") == said


def test_what_the_base_lacks_earns_a_place_if_it_helps():
    def said(shift):
        return verdict(
            record_of(
                best_ssim=model(SSIM_BASE, [BASE] * 2, [0.1] * 2),
                best_ssim_edges=model("best-ssim-edges", [BASE + shift] * 2, [0.1] * 2),
            ),
            "best-ssim-edges",
        )

    assert (said(0.02), said(-0.02)) == ("yes", "no, it does harm")


@pytest.mark.parametrize(
    ("differences", "width", "said"),
    [
        ([0.03, 0.02], 0.01, "yes"),  # without it, photos are farther from real ones
        ([-0.03, -0.02], 0.01, "no, it does harm"),
        ([0.03, 0.02], 0.05, "open: the interval includes zero"),
        ([0.06, -0.01], 0.01, "open: the seeds disagree"),
    ],
)
def test_the_look_is_judged_by_the_kernel_distance(differences, width, said):
    after = [0.1 + one for one in differences]
    minus = summary(float(np.mean(differences)), width)
    record = record_of(
        best_look=model(LOOK_BASE, [BASE] * 2, [0.1] * 2),
        best_look_no_average=model("best-look-no-average", [BASE + 0.1] * 2, after, minus),
    )
    assert verdict(record, "best-look-no-average") == said
    (row,) = ablation_rows(record)
    assert row["kernel distance ↓ by seed"] == ", ".join(f"{one:+.4f}" for one in differences)


def test_only_common_seeds_are_compared_and_many_comparisons_corrected():
    noise = np.random.default_rng(0).normal(-0.004, 0.01, IMAGES)
    names = [name for name in BEYOND if base_of(name) == SSIM_BASE and STEP not in name]
    models = {SSIM_BASE: model(SSIM_BASE, [BASE, BASE + 1], [0.1] * 2)}
    alone = record_of(**models, **{names[0]: model(names[0], [BASE + noise])})
    crowd = record_of(**models, **{name: model(name, [BASE + noise]) for name in names})
    (one,) = ablations(alone)
    assert one.differences["ssim"]["mean"] == pytest.approx(noise.mean())  # without the other seed
    assert len(ablations(crowd)) == len(names)
    assert ablations(crowd)[0].differences["ssim"]["p_value"] > one.differences["ssim"]["p_value"]


def test_an_ablation_without_its_base_or_without_distances_is_no_mistake():
    lonely = model("best-look-rgb", [BASE])
    del lonely["kernel distance"], lonely["seeds"][0]["kernel distance"]
    assert ablation_rows(record_of(best_look_rgb=lonely)) == []
    both = record_of(best_look=model(LOOK_BASE, [BASE]), best_look_rgb=lonely)
    (row,) = ablation_rows(both)
    assert row["earns its place"] == "not measured" and row["kernel distance ↓"] == ""
    families, _ = realism_points(both)
    assert [list(family) for family in families.values()] == [[LOOK_BASE]]


def test_the_recommended_stand_beside_the_reports_six_and_simple_predictors():
    names = [*TABLE_1, "baseline-l1-only", *BEYOND]
    record = record_of(**{name: model(name, [BASE]) for name in names})
    rows = recommended_rows(record)
    simple = ["no network: class colour", "no network: class and row colour"]
    assert [row["model"] for row in rows] == [*recommended(), *TABLE_1, *simple]
    assert rows[0]["parameters"] == "1,234,567" and rows[0]["seconds of training"] == "60"
    assert rows[0]["kernel distance ↓"] == "0.1000 [0.0900, 0.1100]"
    assert rows[-1]["seeds"] == "" and rows[-1]["class IoU ↑"] == "0.400"
    families, others = realism_points(record)
    assert sorted(name for family in families.values() for name in family) == sorted(names)
    assert list(others) == ["class colour", "class and row colour"]
    assert families["the report's Table I"].keys() == set(TABLE_1)
    assert families["best-look and its ablations"].keys() >= {LOOK_BASE, "best-look-rgb"}


def test_leads_are_differences_on_the_same_images_and_for_the_same_seeds():
    noise = np.linspace(-0.005, 0.005, IMAGES)
    record = record_of(
        best_ssim=model(SSIM_BASE, [BASE + 0.1 + noise, BASE + 0.12 + noise], (0.1, 0.1)),
        enhanced=model("enhanced", [BASE]),  # without the second seed
    )
    rows = {row["minus"]: row for row in lead_rows(record)}
    classes, places = "no network: class colour", "no network: class and row colour"
    assert list(rows) == ["enhanced", classes, places]
    assert all(row["model"] == SSIM_BASE for row in rows.values())
    assert rows["enhanced"]["SSIM ↑"][:6] == "+0.100" and "[+0.09" in rows["enhanced"]["SSIM ↑"]
    assert rows["enhanced"]["SSIM ↑ by seed"] == "+0.100"
    level = BASE.mean() - 0.5
    assert rows[places]["SSIM ↑"].startswith(f"{level + 0.11:+.3f}")
    assert rows[places]["SSIM ↑ by seed"] == f"{level + 0.1:+.3f}, {level + 0.12:+.3f}"


def test_every_way_leads_from_the_report_to_a_recommended_experiment():
    assert list(PATHS) == recommended()
    for name, way in PATHS.items():
        assert way[0] in TABLE_1 and way[-1] == name and set(way) <= EXPERIMENTS.keys()
        steps = {one for one in BEYOND if one.startswith(f"{name}{STEP}")}
        assert steps <= set(way)


def test_a_way_names_what_each_step_changes_and_brings():
    steps = {
        "baseline-mse": model("baseline-mse", [BASE]),
        "baseline-l1-only": model("baseline-l1-only", [BASE + 0.01]),
        "best-ssim": model("best-ssim", [BASE + 0.1]),
    }
    first, second, last = step_rows(record_of(**steps), "best-ssim")  # the others are not there
    assert first["changes"] == first["minus the step before"] == ""
    assert second["changes"] == "adversarial_loss: mse → none"
    assert second["minus the step before"].startswith("+0.010")
    assert (
        "ssim_weight: 0.0 → " in last["changes"] and last["minus the step before"][:6] == "+0.090"
    )
    other_seed = {**steps["best-ssim"], "seeds": [{**steps["best-ssim"]["seeds"][0], "seed": 7}]}
    last = step_rows(record_of(**{**steps, "best-ssim": other_seed}), "best-ssim")[-1]
    assert last["minus the step before"] == ""


def test_shipped_records_are_whole():
    for path in (Path(__file__).parents[2] / "data" / "results").glob("*.json"):
        record = read_json(path)
        if "models" not in record:
            continue
        models = record["models"]
        assert {*TABLE_1, *recommended()} <= models.keys(), path
        wanted = {*BEYOND} if record["profile"] == "demo" else {*recommended()}
        assert wanted <= models.keys(), path
        assert all(len(models[name]["seeds"]) >= 3 for name in wanted), path
        assert find_published(record["dataset"], record["profile"], kind="models") == record


# ---- the difference of two kernel distances


def features(seed, shift=0.0, networks=2, images=30):
    return np.random.default_rng(seed).normal(shift, 1, (networks, images, 8)).astype(np.float32)


@pytest.mark.parametrize("groups", [None, ["drive"] * 30, [str(n // 3) for n in range(30)]])
def test_a_difference_of_kernel_distances_is_what_it_says(groups):
    near, far, (real,) = features(1, 0.2), features(2, 1.5), features(3, networks=1)
    found = kernel_difference(near, far, real, groups)
    mean = [np.mean([kernel_distance(one, real, groups) for one in side]) for side in (near, far)]
    assert found["mean"] == pytest.approx(mean[0] - mean[1])
    if groups is None or len(set(groups)) > 1:
        assert found["low"] < found["mean"] < found["high"] < 0
    else:
        assert "low" not in found and found["blocks"] == 1


def test_a_model_differs_from_itself_by_nothing():
    one, (real,) = features(1), features(3, networks=1)
    found = kernel_difference(one, one, real)
    assert found["mean"] == found["low"] == found["high"] == 0


def test_scenes_that_are_hard_for_both_do_not_widen_the_interval():
    random = np.random.default_rng(0)
    hard = random.normal(0, 3, (1, 40, 8)) * (np.arange(40) < 5)[None, :, None]
    real = random.normal(0, 1, (40, 8))
    one, two = hard + real + random.normal(0, 0.05, (2, 1, 40, 8))
    alone = distance_summary(one, real)["kernel distance"]
    paired = kernel_difference(one, two, real)
    assert paired["high"] - paired["low"] < (alone["high"] - alone["low"]) / 3
