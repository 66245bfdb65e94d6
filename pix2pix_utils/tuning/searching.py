"""Train the trials of a study, alone or together with other processes."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence

import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import as_csv, write_json, write_text
from pix2pix_utils.locks import FileLock
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import with_precision
from pix2pix_utils.training.trainer import Diverged
from pix2pix_utils.tuning.presence import Presence
from pix2pix_utils.tuning.samplers import suggest
from pix2pix_utils.tuning.storage import explain_storage_errors
from pix2pix_utils.tuning.study import Study
from pix2pix_utils.tuning.trials import Trial, summary

POLL_SECONDS = 1.0  # between looks at what other processes still train

Follower = Callable[[Run, Sequence[dict]], None]
"""Is called with a run and its history, at the beginning and after every epoch."""


def search(
    study: Study,
    device: torch.device,
    progress: bool = True,
    on_trial: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Train the trials of a study until all have ended; returns them.

    Processes that search the same study share its trials, and each returns when the last trial has
    ended, whoever trained it. A trial whose process was killed is taken up again. `on_trial` is
    called with each trial that this process has trained. Writes `trials.csv` after every trial and
    `best.json` at the end.

    A trial whose training diverges has ended, too. Raises UserError if a trial cannot be trained
    for another reason, and `Interrupted` if the process is stopped; the trial is then free for
    another process, or for the next call.
    """
    if study.note("confirmation") and not study.is_done():
        raise UserError(
            f"the study {study.name} has been confirmed on test, so it gets no more trials; begin "
            "another one with another --seed or --search"
        )
    presence = Presence(study.root / "processes")
    try:
        with explain_storage_errors(study.address):
            while True:
                study.release_abandoned(presence)
                study.fill()
                if claimed := study.claim(presence):
                    ended = _train(study, claimed, device, progress)
                    _write_trials(study)
                    if ended and on_trial:
                        on_trial(ended)
                elif study.is_done():
                    break
                else:
                    time.sleep(POLL_SECONDS)
    finally:
        presence.end()
    trials = _write_trials(study)
    found = {"study": study.name, "plan": study.plan.to_dict(), **summary(trials)}
    write_json(study.folder / "best.json", found)
    return trials


def train_once(
    config: Config,
    study: Study,
    device: torch.device,
    progress: bool = True,
    follow: Follower = lambda run, history: None,
) -> Run:
    """The finished run of a configuration among those of the studies: loaded, resumed or trained.

    While another process trains it, this one waits.
    """
    config = with_precision(config, device)
    identity = json.dumps([config.to_dict(), study.data.fingerprint], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    lock = study.root / "processes" / f"run-{digest}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        run = Run.create(study.root, config, study.data)
        follow(run, run.read_history())
        return train_experiment(
            config,
            study.data,
            study.root,
            device,
            progress,
            on_progress=lambda state: follow(state.run, state.history),
        )


def _train(study: Study, trial: optuna.Trial, device: torch.device, progress: bool) -> Trial | None:
    """Train a claimed trial to its end; returns its record, or None if another process took it."""
    value: float | None = None
    notes: dict[str, object] = {}
    reported = 0

    def follow(run: Run, history: Sequence[dict]) -> None:
        """Report the new epochs; raises TrialPruned behind a poor one."""
        nonlocal reported
        for epoch in history[reported:]:
            reported += 1
            trial.report(epoch["val_ssim"], reported)
            seconds = sum(past["seconds"] for past in history[:reported])
            notes.update(run=run.folder.name, seconds=seconds)
            if study.plan.prune and reported < run.config.epochs and trial.should_prune():
                raise optuna.TrialPruned

    try:
        with study.beating(trial):
            config = study.plan.trial_config(suggest(trial, study.plan.space))
            run = train_once(config, study, device, progress, follow)
            value = run.result()["ssim"]["eval"]["val"]["mean"]
    except optuna.TrialPruned:
        pass
    except UpdateFinishedTrialError:
        return None
    except Diverged as error:
        notes["diverged"] = str(error)
    except BaseException:
        study.fail(trial.number)
        raise
    return study.end(trial, value, notes)


def _write_trials(study: Study) -> list[Trial]:
    trials = study.trials()
    write_text(study.folder / "trials.csv", as_csv([trial.to_dict() for trial in trials]))
    return trials
