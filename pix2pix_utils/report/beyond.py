"""Beyond the report: recommended experiments, and what each of their ingredients is worth.

The experiments of `BEYOND` are of two kinds. A recommended one has a short name, such as
`best-ssim`; each of its ablations, such as `best-ssim-l1`, departs from it in one ingredient. All
tables and figures are made from a record, `report/beyond.json`, which `data/results` may hold, too:

{
  "dataset", "fingerprint", "pairs", "profile", "protocol", "ssim", "groups": as in `published`
  "models": variant -> {
    "config": of its first seed, without the values that are `Config`'s defaults
    "environment": of that seed,  "parameters": of the generator
    "seeds": for each seed {"seed", "seconds", "best_epoch", "test_ssim": image by image,
      and, if they could be measured, "sharpness", "class IoU", "kernel distance"}
    "kernel distance": summary over the test images of the mean over seeds
    "kernel distance minus base": the same of an ablation's difference to its base}
  "real_floor": distance -> summary of the real photos of other scenes
  "no_network": reference predictor ->
    {"ssim": summary, "test_ssim": image by image, "sharpness", "class IoU",
      "kernel distance": summary}
}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.evaluation.confusion import segmentation_scores
from pix2pix_utils.evaluation.feature_distance import kernel_difference
from pix2pix_utils.evaluation.measures import Measures
from pix2pix_utils.evaluation.statistics import holm, mean_text, paired_difference, summarize
from pix2pix_utils.report.collect import Measurements, distances
from pix2pix_utils.report.comparison import image_scores, judge
from pix2pix_utils.report.published import four_digits, numbered, rounded
from pix2pix_utils.report.selection import SSIM_CONVENTION, Selection, base_of, is_beyond
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import BEYOND, EXPERIMENTS, TABLE_1

SIMPLE = ("class colour", "class and row colour")  # reference predictors to compare with
IOU, DISTANCE, MINUS_BASE = "class IoU", "kernel distance", "kernel distance minus base"
DIGITS = 4  # of a kernel distance
# The measure by which the ablations of a recommended experiment are judged; else the distance.
JUDGED_BY = {"best-ssim": "ssim"}
# The values of settings at which an ingredient is left out.
LEFT_OUT = {
    "adversarial_loss": "none",
    "ssim_weight": 0.0,
    "ms_ssim_weight": 0.0,
    "feature_weight": 0.0,
    "perceptual_weight": 0.0,
    "augmentation": "none",
    "discriminator_augmentation": "none",
    "weights": "none",
    "decay_from": 1.0,
    "average_decay": 0.0,
}
JOINED = ("label_input", "augmentation", "discriminator_augmentation")  # several parts, by "+"
STEP = "-step-"  # in the names of experiments that are only steps on the way to another
# The way to each recommended experiment: from a row of the report, one change at a time.
PATHS = {
    "best-ssim": (
        "baseline-mse",
        "baseline-l1-only",
        "best-ssim-step-loss",
        "best-ssim-step-input",
        "best-ssim-transposed",
        "best-ssim",
    ),
    "best-look": (
        "baseline-mse",
        "best-look-step-loss",
        "best-look-step-input",
        "best-look-step-average",
        "best-look-transposed",
        "best-look",
    ),
}


def recommended() -> list[str]:
    """The experiments of `BEYOND` that are not derived from another."""
    return [name for name in BEYOND if base_of(name) is None]


def beyond_record(selection: Selection, data: StreetData, measured: Measurements) -> dict:
    """All numbers of this part of the report, as plain values for a JSON file.

    Of the models it has the experiments of the table, and every variant of those of `BEYOND`.
    """
    models = {}
    for name, runs in selection.variants.items():
        if name not in EXPERIMENTS and not is_beyond(name):
            continue
        seeds = measured.seeds[name]
        models[name] = {
            "config": _compact(runs[0].config),
            "environment": runs[0].sessions()[-1],
            "parameters": runs[0].result()["generator_parameters"],
            "seeds": [
                {
                    "seed": run.config.seed,
                    "seconds": run.result()["train_seconds"],
                    "best_epoch": run.result()["best_epoch"],
                    "test_ssim": four_digits(image_scores([run])),
                    **_values(seeds[run.config.seed], data),
                }
                for run in runs
            ],
        }
        if distance := distances(measured.models[name]):
            models[name] |= rounded({DISTANCE: distance[DISTANCE]})
        if difference := _minus_base(name, measured):
            models[name] |= rounded({MINUS_BASE: difference})
    return {
        "dataset": data.name,
        "fingerprint": data.fingerprint,
        "pairs": {split: len(data[split]) for split in SPLITS},
        "profile": selection.profile,
        "protocol": selection.protocol,
        "ssim": SSIM_CONVENTION,
        "groups": numbered(data.test.groups),
        "models": models,
        "real_floor": rounded(measured.floor),
        "no_network": {
            name: {
                **_values(one, data),
                **rounded({"ssim": summarize(one.images["ssim"], one.groups)}),
                "test_ssim": four_digits(one.images["ssim"]),
                **rounded({key: found for key, found in distances(one).items() if key == DISTANCE}),
            }
            for name, one in measured.reference.items()
        },
    }


def _compact(config: Config) -> dict:
    defaults = Config().to_dict()
    return {key: value for key, value in config.to_dict().items() if value != defaults[key]}


def _values(measures: Measures, data: StreetData) -> dict[str, float]:
    """What was measured of photos beside SSIM, each as one number."""
    found = {}
    sharpness = measures.images["sharpness"]
    if not np.isnan(sharpness).all():
        found["sharpness"] = float(np.nanmean(sharpness))
    if measures.confusion is not None:
        found[IOU] = segmentation_scores(measures.confusion, data.palette)[IOU]
    if one := distances(measures):
        found[DISTANCE] = one[DISTANCE]["mean"]
    return {name: round(value, 6) for name, value in found.items()}


def _minus_base(name: str, measured: Measurements) -> dict[str, float] | None:
    """The difference of a model's kernel distance to its base's, by the seeds that both have."""
    ours, theirs = measured.seeds[name], measured.seeds.get(base_of(name) or "", {})
    shared = sorted(ours.keys() & theirs.keys())
    features = [(ours[seed].features, theirs[seed].features) for seed in shared]
    mine = [one for one, _ in features if one is not None]
    others = [other for _, other in features if other is not None]
    real, groups = measured.models[name].real_features, measured.models[name].groups
    if real is None or len(real) < 2 or not shared or not len(mine) == len(others) == len(shared):
        return None
    return kernel_difference(np.concatenate(mine), np.concatenate(others), real, groups)


def by_seed(model: Mapping, measure: str) -> dict[int, float]:
    """A measure of a model by seed; a seed without a value is left out.

    `model` is an entry of a record's "models"; "ssim" is the mean over the test images.
    """
    if measure == "ssim":
        return {one["seed"]: float(np.mean(one["test_ssim"])) for one in model["seeds"]}
    return {one["seed"]: one[measure] for one in model["seeds"] if measure in one}


def ssim_of(model: Mapping, seeds: Sequence[int] | None = None) -> np.ndarray:
    """SSIM of every test image, (N,), as the mean over all or the given seeds."""
    rows = [one["test_ssim"] for one in model["seeds"] if seeds is None or one["seed"] in seeds]
    return np.mean(rows, axis=0)


def recommended_rows(record: Mapping) -> list[dict]:
    """Table rows of the recommended experiments, of Table I and of simple predictors."""
    rows = []
    models = record["models"]
    for name in (*recommended(), *TABLE_1):
        if name in models:
            rows.append({"model": name, **_model_cells(models[name], record["groups"])})
    for name in SIMPLE:
        one = record["no_network"][name]
        row = {"model": f"no network: {name}"}
        row |= _measured_cells(one["ssim"], one, one.get(DISTANCE))
        rows.append(row | dict.fromkeys(("seconds of training", "parameters", "seeds"), ""))
    return rows


def lead_rows(record: Mapping) -> list[dict]:
    """Table rows of SSIM: each recommended experiment minus those of Table I and simple predictors.

    They are compared on the same test images, and models by the seeds that both have.
    """
    rows = []
    models, no_network = record["models"], record["no_network"]
    for name in (name for name in recommended() if name in models):
        ours = by_seed(models[name], "ssim")
        others = {other: models[other] for other in TABLE_1 if other in models}
        others |= {f"no network: {one}": _as_model(no_network[one], sorted(ours)) for one in SIMPLE}
        for title, other in others.items():
            if difference := _ssim_difference(models[name], other, record["groups"]):
                theirs = by_seed(other, "ssim")
                gains = [ours[seed] - theirs[seed] for seed in _shared_seeds(models[name], other)]
                row = {"model": name, "minus": title, "SSIM ↑": mean_text(difference, sign="+")}
                rows.append(row | {"SSIM ↑ by seed": _listed(gains, 3)})
    return rows


def _as_model(predictor: Mapping, seeds: Sequence[int]) -> dict:
    """The scores of a predictor that has no seed, as those of a model with these seeds."""
    return {"seeds": [{"seed": seed, "test_ssim": predictor["test_ssim"]} for seed in seeds]}


def step_rows(record: Mapping, name: str) -> list[dict]:
    """Table rows of the way to a recommended experiment (`PATHS`): each step and what it brings.

    Steps that are not in the record are left out.
    """
    rows: list[dict] = []
    models = record["models"]
    before: dict | None = None
    for step in PATHS[name]:
        if step not in models:
            continue
        model = models[step]
        row = {"step": step, "changes": "", "minus the step before": ""}
        if before:
            row["changes"] = _changes(
                Config.from_dict(before["config"]), Config.from_dict(model["config"])
            )
            difference = _ssim_difference(model, before, record["groups"])
            row["minus the step before"] = mean_text(difference, sign="+") if difference else ""
        rows.append({**row, **_model_cells(model, record["groups"])})
        before = model
    return rows


def _ssim_difference(model: Mapping, other: Mapping, groups: Sequence | None) -> dict | None:
    """SSIM of a model minus that of another, by the seeds that both have; None without one."""
    shared = _shared_seeds(model, other)
    if not shared:
        return None
    return paired_difference(ssim_of(model, shared), ssim_of(other, shared), groups)


def _shared_seeds(model: Mapping, other: Mapping) -> list[int]:
    return sorted(by_seed(model, "ssim").keys() & by_seed(other, "ssim").keys())


def _changes(before: Config, after: Config) -> str:
    """The settings in which two configurations differ, as "alpha: 100.0 → 20.0"."""
    ours, theirs = before.to_dict(), after.to_dict()
    keys = [key for key in ours if key not in ("experiment", "seed") and ours[key] != theirs[key]]
    return "; ".join(f"{key}: {ours[key]} → {theirs[key]}" for key in keys)


def _model_cells(model: Mapping, groups: Sequence | None) -> dict[str, str]:
    """The measures of a model as means over its seeds, and what it costs."""
    means = {key: by_seed(model, key) for key in ("sharpness", IOU, "seconds")}
    values = {key: float(np.mean(list(one.values()))) for key, one in means.items() if one}
    ssim = summarize(ssim_of(model), groups)
    return {
        **_measured_cells(ssim, values, model.get(DISTANCE)),
        "seconds of training": f"{values['seconds']:.0f}",
        "parameters": f"{model['parameters']:,}",
        "seeds": ", ".join(str(one["seed"]) for one in model["seeds"]),
    }


def _measured_cells(ssim: Mapping, values: Mapping, distance: Mapping | None) -> dict[str, str]:
    row = {"SSIM ↑": mean_text(ssim)}
    for title, key in (("sharpness (real photo: 1)", "sharpness"), ("class IoU ↑", IOU)):
        row[title] = f"{values[key]:.3f}" if key in values else ""
    row["kernel distance ↓"] = mean_text(distance, DIGITS) if distance else ""
    return row


@dataclass(frozen=True)
class Ingredient:
    """In what an ablation departs from its base."""

    text: str  # the ingredient, such as "ssim_weight=20.0"
    in_base: bool  # whether it is the base that has it, or the ablation


def ingredient(base: Config, ablation: Config) -> Ingredient:
    """The ingredient that one of two configurations has and the other has not.

    Where each has something in place of what the other has, it is the base's.
    """
    ours, theirs = _parts(base), _parts(ablation)
    more, less = _without(ours, theirs), _without(theirs, ours)
    if more and less:
        return Ingredient(f"{more}, not {less}", True)
    return Ingredient(more or less, bool(more))


def _parts(config: Config) -> dict[str, list[str]]:
    """The parts of every setting; those at which an ingredient is left out have none."""
    parts = {}
    for key, value in config.to_dict().items():
        if key not in ("experiment", "seed"):
            present = [] if value == LEFT_OUT.get(key) else [str(value)]
            parts[key] = present[0].split("+") if present and key in JOINED else present
    return parts


def _without(parts: Mapping[str, list[str]], others: Mapping[str, list[str]]) -> str:
    """The parts that are not among the others, as "alpha=10.0 label_input=edges"."""
    extra = {
        key: [one for one in values if one not in others[key]] for key, values in parts.items()
    }
    return " ".join(f"{key}={'+'.join(values)}" for key, values in extra.items() if values)


@dataclass(frozen=True)
class Ablation:
    """An ablation compared with its base, on the same images and by the seeds that both have."""

    name: str
    base: str
    ingredient: Ingredient
    differences: dict[str, dict]  # "ssim", DISTANCE: summary over the images, ablation minus base
    seeds: dict[str, list[float]]  # measure -> that difference for each seed

    @property
    def verdict(self) -> str:
        """Whether the ingredient earns its place: the interval and every seed must agree (`judge`).

        It is judged by SSIM or by the kernel distance, see `JUDGED_BY`.
        """
        measure = JUDGED_BY.get(self.base, DISTANCE)
        if measure not in self.differences:
            return "not measured"
        difference, seeds = self.differences[measure], self.seeds[measure]
        sign = (1 if measure == "ssim" else -1) * (-1 if self.ingredient.in_base else 1)
        if "low" in difference:
            low, high = sorted(sign * difference[end] for end in ("low", "high"))
            difference = {**difference, "low": low, "high": high}
        word, reason = judge(difference, [sign * seed for seed in seeds])
        if word == "undecided":
            return f"open: {reason}"
        return word.replace("reproduces", "yes").replace("the other way round", "no, it does harm")


def ablations(record: Mapping) -> list[Ablation]:
    """Every ablation of the record whose base is in it with a seed in common, without `STEP`s.

    The p-values of SSIM are corrected by Holm's method for all of them.
    """
    found = []
    models = record["models"]
    for name, model in models.items():
        base = base_of(name)
        if base is None or base not in models or STEP in name:
            continue
        other = models[base]
        difference = _ssim_difference(model, other, record["groups"])
        if difference is None:
            continue
        shared = _shared_seeds(model, other)
        seeds = {}
        for measure in ("ssim", IOU, DISTANCE):
            ours, theirs = by_seed(model, measure), by_seed(other, measure)
            if set(shared) <= ours.keys() & theirs.keys():
                seeds[measure] = [ours[seed] - theirs[seed] for seed in shared]
        differences = {"ssim": difference}
        if MINUS_BASE in model:
            differences[DISTANCE] = model[MINUS_BASE]
        configs = Config.from_dict(other["config"]), Config.from_dict(model["config"])
        found.append(Ablation(name, base, ingredient(*configs), differences, seeds))
    adjusted = holm([one.differences["ssim"]["p_value"] for one in found])
    for one, p_value in zip(found, adjusted, strict=True):
        one.differences["ssim"]["p_value"] = p_value
    return found


def ablation_rows(record: Mapping) -> list[dict]:
    """Table rows of the ablations: each minus its base."""
    rows = []
    for one in ablations(record):
        row = {"model": one.name, "minus": one.base}
        for measure, title, digits in (
            ("ssim", "SSIM ↑", 3),
            (DISTANCE, "kernel distance ↓", DIGITS),
        ):
            difference = one.differences.get(measure)
            row[title] = mean_text(difference, digits, "+") if difference else ""
            row[f"{title} by seed"] = _listed(one.seeds.get(measure, []), digits)
        row["class IoU ↑ by seed"] = _listed(one.seeds.get(IOU, []), 3)
        rows.append(row | {"ingredient": one.ingredient.text, "earns its place": one.verdict})
    return rows


def _listed(values: Sequence[float], digits: int) -> str:
    return ", ".join(f"{value:+.{digits}f}" for value in values)


def realism_points(record: Mapping) -> tuple[dict[str, dict], dict]:
    """What `figures.ssim_against_realism` takes: points by family, and those without a network.

    A point is the kernel distance and SSIM, both as means over the seeds. Models without a kernel
    distance are left out, and so are families without a model.
    """
    families: dict[str, dict] = {"the report's Table I": {}}
    families |= {f"{name} and its ablations": {} for name in recommended()}
    families["other experiments"] = {}
    for name, model in record["models"].items():
        if DISTANCE in model:
            family = "the report's Table I" if name in TABLE_1 else "other experiments"
            if is_beyond(name):
                family = f"{base_of(name) or name} and its ablations"
            families[family][name] = (model[DISTANCE]["mean"], float(ssim_of(model).mean()))
    simple = {name: record["no_network"][name] for name in SIMPLE}
    others = {
        name: (one[DISTANCE]["mean"], one["ssim"]["mean"])
        for name, one in simple.items()
        if DISTANCE in one
    }
    return {title: family for title, family in families.items() if family}, others
