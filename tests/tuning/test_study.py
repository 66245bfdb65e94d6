"""A study's slots: none is lost and none is doubled, whatever a process leaves undone."""

import pytest
from messages import one_sentence

from pix2pix_utils.tuning import presence
from pix2pix_utils.tuning.presence import Presence


@pytest.fixture
def process(tmp_path):
    """A function that gives the sign of life of a new process."""
    return lambda: Presence(tmp_path / "tuning" / "processes")


def die(one: Presence) -> None:
    """End as a killed process does: nothing is cleaned up, but the system frees the lock."""
    one._lock.release()


def states(study) -> list[str]:
    return [trial.state for trial in study.trials()]


def ended(study, claimed, value=0.4):
    return study.end(claimed, value, {})


def test_a_study_is_found_again_by_what_it_tries(make_study, tmp_path):
    study = make_study()
    study.fill()
    assert len(make_study().trials()) == 4
    assert make_study().name == study.name
    assert make_study(trials=9).name == study.name  # more trials continue it
    others = [
        make_study("alpha=1..50:log"),
        make_study("alpha=1..100"),
        make_study(sampler="tpe"),
        make_study(prune=True),
        make_study(settings=["seed=1"]),
        make_study(settings=["epochs=3"]),
        make_study(sampler="grid"),
        make_study(sampler="grid", trials=5),
    ]
    assert len({one.name for one in [study, *others]}) == len(others) + 1
    assert study.name.startswith("baseline-synthetic-32px-random-seed0-")
    assert study.folder == tmp_path / "tuning" / study.name
    assert not any(one.trials() for one in others)


def test_changed_code_begins_a_new_study_and_says_so(make_study, edit_module, capsys):
    before = make_study()
    assert not capsys.readouterr().err
    edit_module("pix2pix_utils.models.unet", ("0.2", "0.3"))
    after = make_study()
    assert after.name != before.name
    said = capsys.readouterr().err
    assert f"a new study begins, since models.unet changed after {before.name}" in said
    make_study()
    assert not capsys.readouterr().err  # it is not new any more


def test_the_budget_is_that_of_all_processes_together(make_study, process):
    one, two = make_study(), make_study()
    one.fill()
    two.fill()
    mine, yours = process(), process()
    claimed = [one.claim(mine), two.claim(yours), one.claim(mine), two.claim(yours)]
    assert one.claim(mine) is None and two.claim(yours) is None
    assert sorted(trial.user_attrs["slot"] for trial in claimed) == [0, 1, 2, 3]
    assert not one.is_done()
    for study, trial in zip((one, two, one, two), claimed, strict=True):
        assert ended(study, trial).state == "complete"
    assert one.is_done() and two.is_done()
    assert states(one) == ["complete"] * 4


def test_more_trials_continue_a_study(make_study, process):
    study, me = make_study(trials=2), process()
    study.fill()
    while trial := study.claim(me):
        ended(study, trial)
    longer = make_study(trials=3)
    assert study.is_done() and not longer.is_done()
    longer.fill()
    assert ended(longer, longer.claim(me)).number == 3
    assert longer.is_done()
    fewer = make_study(trials=1)
    fewer.fill()
    assert fewer.is_done() and len(fewer.trials()) == 3


def test_the_trial_of_a_killed_process_is_taken_up_with_its_values(make_study, process):
    study, victim, survivor = make_study(sampler="tpe"), process(), process()
    study.fill()
    lost = study.claim(victim)
    lost.suggest_float("alpha", 1, 100, log=True)
    other = study.claim(survivor)
    die(victim)
    study.release_abandoned(survivor)
    study.fill()
    taken = [study.claim(survivor) for _ in range(3)]
    assert study.claim(survivor) is None
    (again,) = (one for one in taken if one.user_attrs["slot"] == lost.user_attrs["slot"])
    assert again.suggest_float("alpha", 1, 100, log=True) == lost.params["alpha"]
    assert other.user_attrs["slot"] not in [one.user_attrs["slot"] for one in taken]


def test_values_that_tpe_proposed_are_kept_when_its_process_dies(make_study, process):
    study, victim, survivor = make_study(sampler="tpe", trials=7), process(), process()
    study.fill()
    for _ in range(5):
        trial = study.claim(victim)
        trial.suggest_float("alpha", 1, 100, log=True)
        ended(study, trial)
    sixth = study.claim(victim)
    proposed = sixth.suggest_float("alpha", 1, 100, log=True)
    die(victim)
    study.release_abandoned(survivor)
    study.fill()
    taken = [study.claim(survivor), study.claim(survivor)]
    (again,) = (trial for trial in taken if trial.user_attrs["slot"] == 5)
    assert again.suggest_float("alpha", 1, 100, log=True) == proposed


def test_a_process_that_died_while_it_filled_the_slots_loses_none(make_study):
    study = make_study()
    study._optuna.enqueue_trial({"alpha": 3.0}, user_attrs={"slot": 2})
    study.fill()
    assert states(study) == ["waiting"] * 4
    assert study.trials()[2].params == {"alpha": 3.0}


def test_two_processes_that_fill_the_slots_at_once_double_none(make_study, process):
    study, me = make_study(trials=2), process()
    study.fill()
    for slot in (0, 1):  # what the other one did between our look and our writing
        study._optuna.enqueue_trial({"alpha": 3.0}, user_attrs={"slot": slot})
    trained = []
    while trial := study.claim(me):
        trained.append(trial.user_attrs["slot"])
        ended(study, trial)
    assert trained == [0, 1] and states(study) == ["complete"] * 2


def test_a_trial_beyond_the_slots_is_not_trained(make_study, process):
    """`ask` makes a new one if another process took the last that was waiting."""
    study = make_study(trials=1)
    study.fill()
    first = study.claim(process())
    study._optuna.ask()  # without a slot; its process is killed at once
    assert states(study) == ["running"]
    ended(study, first)
    assert study.is_done()


def test_a_process_that_died_before_it_signed_loses_no_trial(make_study, process, monkeypatch):
    study, me = make_study(trials=1), process()
    study.fill()
    study._optuna.ask()
    monkeypatch.setattr(presence, "PATIENCE_SECONDS", -1.0)
    study.release_abandoned(me)  # the first look
    study.release_abandoned(me)
    study.fill()
    assert study.claim(me).user_attrs["slot"] == 0


def test_a_process_that_was_taken_for_dead_changes_nothing(make_study, process):
    study, slow, fast = make_study(trials=1), process(), process()
    study.fill()
    late = study.claim(slow)
    die(slow)  # or rather: its machine slept
    study.release_abandoned(fast)
    study.fill()
    assert ended(study, study.claim(fast), 0.5).val_ssim == 0.5
    assert ended(study, late, 0.1) is None
    assert [trial.val_ssim for trial in study.trials()] == [0.5]


def test_a_living_process_keeps_its_trial(make_study, process):
    study, busy, other = make_study(trials=1), process(), process()
    study.fill()
    study.claim(busy)
    study.release_abandoned(other)
    study.release_abandoned(busy)
    assert states(study) == ["running"]


def test_beats_reach_the_storage(make_study, process, monkeypatch):
    from pix2pix_utils.tuning import study as module

    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    study, me = make_study(trials=1), process()
    study.fill()
    trial = study.claim(me)

    def beat() -> int:
        return make_study(trials=1)._optuna.trials[0].user_attrs.get("beat", 0)

    with study.beating(trial):
        while beat() < 2:
            pass
    last = beat()
    assert beat() == last  # the thread has ended


def test_a_storage_that_cannot_be_used_is_named(make_study, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, but a text that is long enough to be read as one" * 20)
    message = one_sentence(lambda: make_study(storage=text))
    assert f"cannot use the storage {text}" in message and "not a database" in message
    folder = one_sentence(lambda: make_study(storage=tmp_path))
    assert str(tmp_path) in folder
    unknown = one_sentence(lambda: make_study(storage="nosuchdatabase://me:secret@host/name"))
    assert "nosuchdatabase" in unknown and "secret" not in unknown
    below = one_sentence(lambda: make_study(storage=text / "studies.sqlite3"))
    assert "cannot open the storage" in below


def test_studies_can_share_a_file_elsewhere(make_study, tmp_path):
    storage = tmp_path / "elsewhere" / "all.sqlite3"
    study = make_study(storage=storage)
    study.fill()
    assert storage.is_file() and study.where == str(storage)
    again = make_study(storage=f"sqlite:///{storage}")
    assert len(again.trials()) == 4 and not make_study().trials()
