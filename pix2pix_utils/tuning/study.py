"""A study that several processes share, and that survives their being killed.

The budget is a number of slots, one for each trial. A slot is filled by the first Optuna trial
that names it and has not failed; in Optuna's words it waits, runs, is complete or pruned. If the
process that trains a trial is stopped or dies, its Optuna trial fails and another one with the same
values is put into the slot. Its training goes on where it stopped, since a run resumes.

Nothing here depends on two steps happening together. Whatever a process leaves undone, the next
one finds missing and does: a slot without a trial gets one, and of two in a slot the second fails.
"""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.training.code_version import changed_parts, code_version
from pix2pix_utils.tuning.plan import Plan
from pix2pix_utils.tuning.presence import BEAT_SECONDS, Presence
from pix2pix_utils.tuning.samplers import STARTUP, TPE, planned_points
from pix2pix_utils.tuning.storage import explain_storage_errors, open_storage, shown
from pix2pix_utils.tuning.trials import Trial, recorded

STORAGE = "studies.sqlite3"  # the default one, in `output/tuning`


class Study:
    """The study of a plan on a data set: new, or the one that was begun before.

    Like a run, a study is recognised by its plan, the data's contents and the version of the code;
    its name ends in a hash of them. More trials (except of a grid) continue a study. The runs of
    its trials are in `output/tuning/runs`, where studies that try the same values share them.

    Raises UserError if the storage cannot be used.
    """

    def __init__(
        self, plan: Plan, data: StreetData, output: Path, storage: str | Path | None = None
    ):
        self.plan, self.data = plan, data
        self.root = Path(output) / "tuning"  # the output folder of the trials' runs
        self.address = self.root / STORAGE if storage is None else storage
        self._points = planned_points(plan)
        code = code_version(plan.config)
        plan_and_code = {"plan": plan.to_dict(), "data": data.fingerprint, "code": code}
        identity = json.dumps(plan_and_code, sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        config = plan.config
        place = f"{config.experiment}-{data.name}-{config.image_size}px"
        self.name = f"{place}-{plan.sampler}-seed{config.seed}-{digest}"
        self._storage = open_storage(self.address)
        with explain_storage_errors(self.address):
            self._optuna = optuna.create_study(
                storage=self._storage,
                sampler=TPE(plan.config.seed),
                # the first trials of all samplers are random, and are trained to their end
                pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
                study_name=self.name,
                direction="maximize",
                load_if_exists=True,
            )
            if "code" not in self._optuna.user_attrs:
                self._say_what_changed(plan_and_code)
                for key, value in plan_and_code.items():
                    self._optuna.set_user_attr(key, value)

    @property
    def folder(self) -> Path:
        """The folder of the results."""
        return self.root / self.name

    @property
    def where(self) -> str:
        """The storage, for messages."""
        return shown(self.address)

    @property
    def budget(self) -> int:
        """The number of trials that this process asks for."""
        return len(self._points)

    def trials(self) -> list[Trial]:
        """The trials of all slots, in their order."""
        with explain_storage_errors(self.address):
            slots = self._slots()
        return [recorded(slot, slots[slot]) for slot in sorted(slots)]

    def is_done(self) -> bool:
        """Whether every trial of the budget has ended."""
        trials = self.trials()
        return len(trials) >= self.budget and all(trial.has_ended for trial in trials)

    def note(self, key: str) -> dict | None:
        """What `set_note` has kept in the storage."""
        with explain_storage_errors(self.address):
            return self._optuna.user_attrs.get(key)

    def set_note(self, key: str, value: dict) -> None:
        """Keep a JSON object with the study."""
        with explain_storage_errors(self.address):
            self._optuna.set_user_attr(key, value)

    # ---- for `search`

    def fill(self) -> None:
        """Put a waiting trial into every slot of the budget that has none."""
        filled = self._slots()
        missing = [slot for slot in range(self.budget) if slot not in filled]
        if not missing:
            return
        known: dict[int, dict] = {}  # values that TPE proposed to trials that failed
        for trial in self._optuna.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
            known.setdefault(trial.user_attrs.get("slot", -1), {}).update(trial.params)
        for slot in missing:
            params = {**known.get(slot, {}), **self._points[slot]}
            self._optuna.enqueue_trial(params, user_attrs={"slot": slot})

    def claim(self, presence: Presence) -> optuna.Trial | None:
        """A waiting trial, which runs from now on and belongs to this process; None without one."""
        while self._optuna.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            trial = self._optuna.ask()  # a new one, without a slot, if another process was faster
            trial.set_user_attr("owner", presence.token)
            slot = trial.user_attrs.get("slot")
            if slot is not None and self._slots()[slot].number == trial.number:
                return trial
            self.fail(trial.number)
        return None

    def release_abandoned(self, presence: Presence) -> None:
        """Fail the running trials whose process has ended, so that their slots are free."""
        for trial in self._optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            owner, beat = (trial.user_attrs.get(key) for key in ("owner", "beat"))
            if presence.is_gone(trial.number, owner, beat):
                self.fail(trial.number)

    def end(
        self, trial: optuna.Trial, value: float | None, notes: dict[str, object]
    ) -> Trial | None:
        """Record that a trial is complete with this value, or pruned with None.

        Returns None if another process has taken it over meanwhile; then nothing is changed.
        """
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        try:
            for key, note in notes.items():
                trial.set_user_attr(key, note)
            ended = self._optuna.tell(trial, value, state)
        except (UpdateFinishedTrialError, ValueError):  # ValueError: it has failed before `tell`
            return None
        return recorded(trial.user_attrs["slot"], ended)

    def fail(self, number: int) -> None:
        """Give up an Optuna trial; its slot is then free."""
        with suppress(UpdateFinishedTrialError, ValueError):  # another process was faster
            self._optuna.tell(number, state=TrialState.FAIL)

    @contextmanager
    def beating(self, trial: optuna.Trial) -> Iterator[None]:
        """While entered, a thread shows the processes of other machines that this one is alive."""
        stop = threading.Event()

        def beat() -> None:
            number = 0
            while not stop.wait(BEAT_SECONDS):
                number += 1
                # a storage that is out of reach for a moment is tried again
                with suppress(StorageInternalError, SQLAlchemyError, UpdateFinishedTrialError):
                    trial.set_user_attr("beat", number)
            self._storage.remove_session()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _slots(self) -> dict[int, FrozenTrial]:
        """For every slot its trial: the first that has not failed."""
        slots: dict[int, FrozenTrial] = {}
        for trial in self._optuna.get_trials(deepcopy=False):
            slot = trial.user_attrs.get("slot")
            if slot is not None and trial.state != TrialState.FAIL:
                slots.setdefault(slot, trial)
        return slots

    def _say_what_changed(self, now: dict) -> None:
        """Say if there is a study in the storage that differs from this one in its code alone."""
        found = optuna.get_all_study_summaries(self._storage, include_best_trial=False)
        studies = [summary for summary in found if "code" in summary.user_attrs]
        studies.sort(key=lambda summary: summary.datetime_start or datetime.min, reverse=True)
        for summary in studies:
            before = summary.user_attrs
            if all(before[key] == now[key] for key in ("plan", "data")):
                changed = ", ".join(changed_parts(before["code"], now["code"])[:3])
                text = f"a new study begins, since {changed} changed after {summary.study_name}"
                return tqdm.write(text, file=sys.stderr)
        return None
