"""Loops take turns on the same pairs; time is counted, resumed and reported. No test uses a clock.

The clock is replaced: every update takes one second.
"""

import itertools
import json

import pytest
import torch

from pix2pix_utils.__main__ import main
from pix2pix_utils.benchmark import loops, turns
from pix2pix_utils.benchmark.steps import REFERENCE_3, REFERENCE_4
from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.training.session import train
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")
EVERY_LOOP = [REFERENCE_3, REFERENCE_4, loops.PLAIN, loops.COMPILED, *loops.ROWS]


@pytest.fixture(autouse=True)
def small_and_without_a_compiler(monkeypatch):
    monkeypatch.setattr(segmentation, "SETTINGS", segmentation.Settings(epochs=1, steps=1))
    monkeypatch.setattr(turns, "TURNS", 2)  # which end after a quarter and all of the time
    monkeypatch.setitem(loops.REPOSITORY_SETTINGS, "width", 4)
    seconds = itertools.count()
    monkeypatch.setattr(turns.time, "perf_counter", lambda: float(next(seconds)))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "restored after the test")
    monkeypatch.setattr(torch, "compile", lambda network: network)


@pytest.fixture
def plans():
    return loops.plan_loops("smoke", 0, (), CPU)


def compare(plans, data, output, seconds=4):
    return turns.train_in_turns(plans, data, output, CPU, seconds / 60, progress=False)[0]


def points_of(result):
    return {row["name"]: row["points"] for row in result["loops"]}


def test_all_loops_train_in_the_same_turns_on_the_same_pairs(
    plans, street_data, tmp_path, monkeypatch
):
    order, seen = [], {}
    take_turn, coming_steps = turns.Loop.take_turn, Trainer.coming_steps

    def note_turn(self, end, judge):
        order.append((self.plan.name, end))
        take_turn(self, end, judge)

    def note_pairs(self):
        photos = seen.setdefault((self.config.experiment, type(self), self.config.width), [])
        for batches, in_all, pairs in coming_steps(self):
            photos += [photo.clone() for _, _, photo in batches]
            yield batches, in_all, pairs

    monkeypatch.setattr(turns.Loop, "take_turn", note_turn)
    monkeypatch.setattr(Trainer, "coming_steps", note_pairs)
    result = compare([plan for plan in plans if plan.name != loops.COMPILED], street_data, tmp_path)
    names = [name for name in EVERY_LOOP if name != loops.COMPILED]
    assert order == [(name, end) for end in (1, 4) for name in names]
    for points in points_of(result).values():
        assert [(point["seconds"], point["updates"]) for point in points] == [(1, 1), (4, 4)]
        assert all(0 < point["class_iou"] < 1 for point in points)
    twice = seen.pop(("baseline", loops.PlainTrainer, 4))  # of [3] and of [4]
    first = seen.popitem()[1]
    assert len(first) == 4
    for others in (*seen.values(), twice[:1] + twice[2:5], twice[1:2] + twice[5:]):
        assert len(others) == 4
        assert all(map(torch.equal, first, others))


def test_the_loop_of_4_learns_what_the_baseline_learns_and_that_of_3_something_else(
    plans, street_data
):
    batch = street_data.val.batch(range(6))
    photos = {}
    for plan in plans:
        if plan.name in (loops.PLAIN, loops.COMPILED, "baseline", REFERENCE_4):
            photos[plan.name] = photos_after_six_updates(plan, street_data, batch)
    of_3 = loops.Plan(REFERENCE_3, plans[2].config)
    photos[REFERENCE_3] = photos_after_six_updates(of_3, street_data, batch)
    baseline = photos.pop("baseline")
    apart = {name: float((other - baseline).abs().max()) for name, other in photos.items()}
    assert apart[loops.PLAIN] < 0.01
    assert apart[loops.COMPILED] == apart[loops.PLAIN]  # here, nothing is compiled
    assert min(apart[REFERENCE_3], apart[REFERENCE_4]) > 0.05  # other dropout; other networks


def photos_after_six_updates(plan, data, batch):
    trainer = plan.build(data, CPU)
    for batches, in_all, _ in itertools.islice(trainer.coming_steps(), 6):
        trainer.update(batches, in_all)
        trainer.step += 1
    torch.manual_seed(0)  # for the dropout
    with torch.no_grad():
        return trainer.networks.generator(batch["label"])


def test_a_row_learns_what_train_learns(plans, street_data, tmp_path):
    (plan,) = (plan for plan in plans if plan.name == "best-ssim")
    run = train(plan.config, street_data, tmp_path, CPU, progress=False)
    (points,) = points_of(compare([plan], street_data, tmp_path, seconds=24)).values()
    assert points[-1]["updates"] == 24  # two epochs of 12
    trained = run.read_history()[-1]["val_ssim"]
    assert points[-1]["val_ssim"] == pytest.approx(trained, abs=1e-6)


def test_an_interrupted_comparison_goes_on_with_the_interrupted_turn(
    plans, street_data, tmp_path, monkeypatch
):
    chosen = [plan for plan in plans if plan.name in (REFERENCE_4, loops.COMPILED, "best-look")]
    whole = compare(chosen, street_data, tmp_path / "whole")
    take_turn, taken = turns.Loop.take_turn, []

    def stop_in_the_fifth(self, end, judge):
        taken.append(self.plan.name)
        take_turn(self, end, judge)
        if len(taken) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(turns.Loop, "take_turn", stop_in_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        compare(chosen, street_data, tmp_path / "stopped")
    (file,) = (tmp_path / "stopped").glob("benchmark/*/result.json")
    kept = json.loads(file.read_text())
    assert [len(points) for points in points_of(kept).values()] == [2, 1, 1]
    assert kept["finished"] is False
    resumed = compare(chosen, street_data, tmp_path / "stopped")
    assert taken[5:] == [plan.name for plan in chosen[1:]]
    assert points_of(resumed) == points_of(whole)
    assert json.loads(file.read_text()) == resumed
    assert not (file.parent / "checkpoints").exists()


def test_the_command_writes_the_result_and_the_figure_and_a_finished_one_is_not_trained_again(
    tmp_path, capsys, monkeypatch
):
    def fail(network):
        raise RuntimeError("No working C++ compiler found\nand a traceback")

    monkeypatch.setattr(torch, "compile", fail)
    file = tmp_path / "copy.json"
    command = ["benchmark", "--minutes", str(4 / 60), "--profile", "smoke", "--device", "cpu"]
    command += ["--output", str(tmp_path), "--json", str(file)]
    assert main(command) == 0
    said = capsys.readouterr().out
    (folder,) = (tmp_path / "benchmark").iterdir()
    assert (folder / "scores.png").stat().st_size > 10_000
    result = json.loads(file.read_text())
    assert result == json.loads((folder / "result.json").read_text())
    assert [row["name"] for row in result["loops"]] == [
        name for name in EVERY_LOOP if name != loops.COMPILED
    ]
    reason = result["left_out"][loops.COMPILED]
    assert reason == (
        "torch.compile failed (No working C++ compiler found); it needs a C++ compiler, such as g++"
    )
    assert reason in said
    assert all(sentence in said for sentence in result["protocol"])
    assert result["loops"][0]["settings"]["batch_size"] == 1
    assert {"class colour", "class and row colour"} < set(result["levels"])

    monkeypatch.setattr(turns.Loop, "take_turn", None)
    assert main(command) == 0
    assert json.loads(file.read_text()) == result


def test_a_loop_that_diverges_stops_and_the_others_go_on(plans, street_data, tmp_path, monkeypatch):
    update = loops.PlainTrainer.update

    def spoil(self, *arguments):
        update(self, *arguments)
        if self.step == 2:
            next(self.networks.generator.parameters()).data.fill_(torch.nan)

    monkeypatch.setattr(loops.PlainTrainer, "update", spoil)
    chosen = [plan for plan in plans if plan.name in (REFERENCE_3, "baseline")]
    result = compare(chosen, street_data, tmp_path)
    assert {name: len(points) for name, points in points_of(result).items()} == {
        REFERENCE_3: 1,
        "baseline": 2,
    }
    assert "nan" in result["left_out"][REFERENCE_3]


def test_seconds_until_a_score_is_reached():
    scores = [(1.5, 0.2), (4.0, 0.4), (9.0, 0.3), (16.0, 0.5)]
    points = [{"seconds": seconds, "val_ssim": ssim} for seconds, ssim in scores]
    assert turns.seconds_until(points, 0.4) == 4.0
    assert turns.seconds_until(points, 0.45) == 16.0
    assert turns.seconds_until(points, 0.6) is None


def test_where_the_profile_has_the_repositories_settings_no_loop_trains_twice():
    repository = [f"{key}={value}" for key, value in loops.REPOSITORY_SETTINGS.items()]
    names = [plan.name for plan in loops.plan_loops("smoke", 0, repository, CPU)]
    assert names == [name for name in EVERY_LOOP if name != loops.PLAIN]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--minutes", "0"], "--minutes is 0"),
        (["--minutes", "nan"], "--minutes is nan"),
        (["--minutes", "1", "--profile", "smoke", "--set", "alpha=50"], "--set alpha=50"),
        (["--minutes", "1", "--width", "8"], "--set width="),
        (["--profile", "smoke"], "need --minutes"),
    ],
)
def test_what_cannot_be_compared_is_a_users_mistake(options, said, capsys):
    assert main(["benchmark", *options, "--device", "cpu"]) == 2
    assert said in capsys.readouterr().err
