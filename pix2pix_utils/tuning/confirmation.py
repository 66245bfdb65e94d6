"""The winner of a search against the default, with fresh seeds, and on test once.

The winner was chosen for its score on val, so that score is too good: among equal trials, the one
with the luckiest seed wins. New seeds have no such luck. The test split has taken no part in the
search, and it is read a single time: whoever looks twice and goes on with the better search has
searched on test.
"""

import math
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import torch

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.statistics import mean_text, paired_difference, summarize
from pix2pix_utils.files import write_json
from pix2pix_utils.locks import FileLock
from pix2pix_utils.report.comparison import image_groups, image_scores
from pix2pix_utils.training.runs import Run
from pix2pix_utils.tuning.searching import train_once
from pix2pix_utils.tuning.study import Study
from pix2pix_utils.tuning.trials import best_trial

MODELS = ("default", "winner")


def confirm(study: Study, seeds: int, device: torch.device, progress: bool = True) -> dict:
    """Compare the best trial with the default on `seeds` fresh seeds; returns what was measured.

    What is compared is fixed in the storage before anything is trained, and the result is stored
    with it: later calls return it, whatever they ask for. It is also in `confirmation.json`.

    trial, params  the winner
    searched       its SSIM on val in the search
    seeds, date    the fresh seeds, and when they were chosen
    val, test      for `default` and `winner` the mean of every seed (`seeds`) and a summary over
                   images; `difference`, what `paired_difference` says of winner minus default

    Raises UserError if the search is not done or has no complete trial.
    """
    lock = study.root / "processes" / f"confirm-{study.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        plan = study.note("confirmation")
        if plan is None:
            plan = _choose(study, seeds)
            study.set_note("confirmation", plan)
        if "test" not in plan:
            plan = _measure(study, plan, device, progress)
            study.set_note("confirmation", plan)
            write_json(study.folder / "confirmation.json", plan)
        return plan


def confirmation_text(result: dict) -> str:
    """What `confirm` returns, in a few lines."""
    seeds = result["seeds"]
    lines = [f"{len(seeds)} fresh seed{'s' * (len(seeds) != 1)}: {', '.join(map(str, seeds))}"]
    for split in ("val", "test"):
        found = result[split]
        parts = [f"{model} {mean_text(found[model])}" for model in MODELS]
        parts.append(f"difference {mean_text(found['difference'], sign='+')}")
        lines.append(f"{split:5} " + "  ".join(parts))
        by_seed = np.subtract(*(found[model]["seeds"] for model in reversed(MODELS)))
        lines.append(f"{'':5} seed by seed: {', '.join(f'{one:+.3f}' for one in by_seed)}")
    promised = result["searched"] - result["val"]["default"]["mean"]
    kept = result["val"]["difference"]["mean"]
    text = f"on val, the search promised {promised:+.3f} over the default"
    lines.append(f"{text}; fresh seeds give {kept:+.3f}")
    return "\n".join(lines)


def _choose(study: Study, count: int) -> dict:
    """The winner, and the lowest seeds that no trial has used."""
    trials = study.trials()
    if not study.is_done():
        raise UserError("the search is not done: its trials have to end before the winner is known")
    best = best_trial(trials)
    if best is None:
        raise UserError("no trial is complete, so there is no winner: search a smaller space")
    used = {study.plan.trial_config(trial.params).seed for trial in trials}
    first = study.plan.config.seed + 1
    fresh = [seed for seed in range(first, first + len(used) + count) if seed not in used]
    return {
        "trial": best.number,
        "params": best.params,
        "searched": best.val_ssim,
        "seeds": fresh[:count],
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _measure(study: Study, plan: dict, device: torch.device, progress: bool) -> dict:
    """The plan with what its runs have scored; nothing of test is read until all are trained."""
    configs = (study.plan.config, study.plan.trial_config(plan["params"]))
    runs: dict[str, list[Run]] = {
        model: [
            train_once(replace(config, seed=seed), study, device, progress)
            for seed in plan["seeds"]
        ]
        for model, config in zip(MODELS, configs, strict=True)
    }
    return {**plan, **{split: _compare(runs, split) for split in ("val", "test")}}


def _compare(runs: dict[str, list[Run]], split: str) -> dict:
    groups = image_groups(runs["default"][0], split)
    scores = {model: image_scores(of_model, split) for model, of_model in runs.items()}
    difference = paired_difference(scores["winner"], scores["default"], groups)
    return {
        **{
            model: {
                **summarize(scores[model], groups),
                "seeds": [float(image_scores([run], split).mean()) for run in runs[model]],
            }
            for model in MODELS
        },
        "difference": {k: v for k, v in difference.items() if not math.isnan(v)},  # for JSON
    }
