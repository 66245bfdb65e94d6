"""The trials of a study as records: values, scores, costs."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from pix2pix_utils.tuning.space import Value, setting, settings_text

ENDED = ("complete", "pruned", "diverged")  # states
SHUFFLES = 50  # of the scores, to see what importance chance alone gives


@dataclass(frozen=True)
class Trial:
    """A trial; `val_ssim` and `seconds` are None until it has ended."""

    number: int  # from 1
    state: str  # waiting, running, complete, pruned or diverged
    params: dict[str, Value]
    curve: tuple[float, ...]  # SSIM on val after each epoch so far
    val_ssim: float | None  # of the best epoch
    seconds: float | None  # of training
    run: str | None  # its folder in `runs`
    distributions: Mapping[str, optuna.distributions.BaseDistribution]

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def to_dict(self) -> dict:
        """A row of `trials.csv`."""
        return {
            "trial": self.number,
            "state": self.state,
            "val_ssim": "" if self.val_ssim is None else round(self.val_ssim, 6),
            "epochs": len(self.curve),
            "seconds": "" if self.seconds is None else round(self.seconds, 1),
            "run": self.run or "",
            **self.params,
        }


def recorded(slot: int, trial: FrozenTrial) -> Trial:
    """The record of an Optuna trial."""
    notes = trial.user_attrs
    curve = tuple(value for _, value in sorted(trial.intermediate_values.items()))
    ended, score = trial.state.is_finished(), max(curve, default=None)
    return Trial(
        number=slot + 1,
        state="diverged" if ended and "diverged" in notes else trial.state.name.lower(),
        params=dict(sorted((trial.params or trial.system_attrs.get("fixed_params", {})).items())),
        curve=curve,
        val_ssim=trial.value if trial.state == TrialState.COMPLETE else score if ended else None,
        seconds=notes.get("seconds"),
        run=notes.get("run"),
        distributions=trial.distributions,
    )


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the highest SSIM on val, the first of equals; None without one."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return max(complete, key=lambda trial: trial.val_ssim or 0.0, default=None)


def best_so_far(trials: Sequence[Trial]) -> np.ndarray:
    """The highest SSIM on val of the first n trials, (N,); nan until one is complete."""
    scores = [t.val_ssim if t.state == "complete" and t.val_ssim else np.nan for t in trials]
    return np.fmax.accumulate(np.array(scores, dtype=float))


def summary(trials: Sequence[Trial]) -> dict:
    """The best trial, the importances of the hyper-parameters and what the search cost.

    Epochs and seconds are those of the runs; one that two studies share is counted in both.
    """
    best = best_trial(trials)
    settings = [setting(key, value) for key, value in best.params.items()] if best else []
    return {
        "trials": {state: sum(trial.state == state for trial in trials) for state in ENDED},
        "epochs": sum(len(trial.curve) for trial in trials),
        "train_seconds": round(sum(trial.seconds or 0.0 for trial in trials), 1),
        "best": best and {**best.to_dict(), "settings": settings},
        "importances": importances(trials),
    }


def trial_text(trial: Trial) -> str:
    """A trial that has ended, in one line."""
    epochs = f"{len(trial.curve)} epoch{'s' * (len(trial.curve) != 1)}"
    how = {"complete": "", "pruned": f"stopped after {epochs}, ", "diverged": "diverged, "}
    score = "no score" if trial.val_ssim is None else f"val SSIM {trial.val_ssim:.4f}"
    seconds = f", {trial.seconds:.0f} s" if trial.seconds is not None else ""
    values = settings_text(trial.params)
    return f"trial {trial.number}: {how[trial.state]}{score}{seconds}; {values}"


def summary_text(trials: Sequence[Trial]) -> str:
    """What `summary` finds, in a few lines."""
    found = summary(trials)
    states = ", ".join(f"{count} {state}" for state, count in found["trials"].items() if count)
    lines = [f"{states}; {found['epochs']} epochs, {found['train_seconds']:.0f} s of training"]
    for key, one in found["importances"].items():
        value, chance = one["importance"], one["chance"]
        lines.append(f"importance of {key}: {value:.2f} (by chance alone up to {chance:.2f})")
    if best := found["best"]:
        settings = " ".join(f"--set {text}" for text in best["settings"])
        lines.append(f"best: trial {best['trial']}, val SSIM {best['val_ssim']}: {settings}")
    else:
        lines.append("no trial is complete, so there is no best one")
    return "\n".join(lines)


def importances(
    trials: Sequence[Trial], shuffles: int = SHUFFLES, seed: int = 0
) -> dict[str, dict]:
    """How much each hyper-parameter sets the best trials apart from the others.

    PED-ANOVA (Watanabe et al. 2023). "Best" is the top tenth of the complete trials, but at least
    five or half of them. Returns for each hyper-parameter its `importance`, scaled to a sum of 1,
    and `chance`, on the same scale: the importance that it stays below in 95 % of random
    permutations of the scores, as one that does nothing would if the trials were independent
    (those of TPE are not). Empty with fewer than four complete trials.
    """
    complete = [t for t in trials if t.state == "complete" and t.val_ssim is not None]
    if len(complete) < 4:
        return {}
    scores = np.array([trial.val_ssim for trial in complete], dtype=float)
    measured = _divergences(complete, scores)
    total = sum(measured.values()) or 1.0
    order = np.random.default_rng(seed)
    shuffled = [_divergences(complete, order.permutation(scores)) for _ in range(shuffles)]
    return {
        key: {
            "importance": value / total,
            "chance": float(np.quantile([one[key] for one in shuffled], 0.95)) / total,
        }
        for key, value in sorted(measured.items(), key=lambda item: -item[1])
    }


def _divergences(trials: Sequence[Trial], scores: np.ndarray) -> dict[str, float]:
    """For each hyper-parameter, the Pearson divergence of the best trials' values from all."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for trial, score in zip(trials, scores, strict=True):
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.COMPLETE,
                params=trial.params,
                distributions=dict(trial.distributions),
                value=float(score),
            )
        )
    share = max(0.1, min(0.5, 5 / len(trials)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
        return optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)
