"""The command `tune`: what it prints, refuses, and how it is stopped and resumed."""

import re
import signal

import pytest

from pix2pix_utils.__main__ import main
from pix2pix_utils.files import read_json
from pix2pix_utils.training.interrupts import Interrupted

ALPHA = ("--search", "alpha=1..100:log")


@pytest.fixture
def tune(tmp_path, capsys):
    """A function that runs `tune baseline` at the smoke profile: (status, output, errors)."""

    def run(*options):
        place = ["--profile", "smoke", "--device", "cpu", "--output", tmp_path]
        status = main([str(part) for part in ("tune", "baseline", *place, *options)])
        return status, *capsys.readouterr()

    return run


def error(result) -> str:
    """The one sentence of a mistake."""
    status, _, said = result
    assert status == 2 and "Traceback" not in said
    return said.partition("error: ")[2]


def test_a_search_prints_its_trials_and_what_it_found(tune, tmp_path, pretended_training):
    status, said, _ = tune(*ALPHA, "--trials", "6", "--sampler", "random", "--set", "epochs=1")
    assert status == 0
    lines = said.splitlines()
    assert re.fullmatch(rf"study (baseline-\S+), in {tmp_path}/tuning/studies.sqlite3", lines[0])
    name = lines[0].split()[1].rstrip(",")
    assert lines[1] == "6 trials of alpha; their score is the SSIM on val"
    for number in range(1, 7):
        pattern = rf"trial {number}: val SSIM 0\.\d{{4}}, 1 s; alpha=\S+"
        assert re.fullmatch(pattern, lines[1 + number])
    best = read_json(tmp_path / "tuning" / name / "best.json")["best"]
    assert f"best: trial {best['trial']}, val SSIM" in said
    assert f"--set {best['settings'][0]}" in said
    assert str(tmp_path / "tuning" / name / "trials.csv") in said
    assert {config.epochs for config in pretended_training} == {1}
    assert "test" not in said.replace(str(tmp_path), "")


def test_a_stopped_search_is_resumed_by_the_same_command(tune, pretended_training):
    def stop(config):
        if len(pretended_training) == 2:
            raise Interrupted(signal.SIGINT)

    pretended_training.before = stop
    status, said, errors = tune(*ALPHA, "--trials", "4")
    assert status == 130 and said.count("trial ") == 2
    assert "stopped by SIGINT: run the same command again to resume" in errors
    pretended_training.before = lambda config: None
    status, said, _ = tune(*ALPHA, "--trials", "4")
    assert status == 0 and "4 complete" in said
    assert len(pretended_training) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "there is nothing to tune: --search"),
        (["--search", "alfa=1..2"], "did you mean 'alpha'?"),
        ([*ALPHA, "--trials", "0"], "trials is 0, but it must be at least 1"),
        ([*ALPHA, "--confirm", "0"], "--confirm is 0, but it must be at least 1 seed"),
        ([*ALPHA, "--sampler", "grid", "--trials", "1"], "--trials 2, or another sampler"),
        ([*ALPHA, "--set", "alpha=high"], "--set alpha=high: the value must be a number"),
        ([*ALPHA, "--storage", "nosuch://host"], "cannot use the storage"),
        ([*ALPHA, "--dataset", "/nowhere"], "/nowhere"),
    ],
)
def test_mistakes_get_one_sentence(tune, pretended_training, options, said):
    assert said in error(tune(*options))
    assert not pretended_training


def test_a_confirmation_is_printed_once_and_then_again_as_it_was(tune):
    options = ["--search", "alpha=1,10", "--sampler", "grid", "--trials", "2", "--set", "epochs=1"]
    status, first, _ = tune(*options, "--confirm", "1")
    assert status == 0
    assert re.search(r"^val   default .*winner .*difference", first, re.MULTILINE)
    assert re.search(r"^test  default .*winner .*difference", first, re.MULTILINE)
    status, again, _ = tune(*options, "--confirm", "2")
    assert status == 0 and "confirmed once, on 20" in again
    assert again.partition("1 fresh seed: 1\n")[2] == first.partition("1 fresh seed: 1\n")[2] != ""


def test_other_errors_leave_the_trial_to_the_next_call(tune, pretended_training):
    def fail(config):
        raise OSError(28, "No space left on device", "last.pt")

    pretended_training.before = fail
    assert "No space left" in error(tune(*ALPHA, "--trials", "1"))
    pretended_training.before = lambda config: None
    assert "1 complete" in tune(*ALPHA, "--trials", "1")[1]
