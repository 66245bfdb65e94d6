"""The training step moves the right network; stopping and resuming changes nothing."""

import copy
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pix2pix_utils.acceleration import convolution
from pix2pix_utils.data.pairs import epoch_order
from pix2pix_utils.errors import UserError
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.interrupts import Interrupted
from pix2pix_utils.training.losses import ADVERSARIAL_LOSSES, build_objective
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train
from pix2pix_utils.training.step import Networks, accumulated_step, training_step
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture
def networks(smoke_config):
    torch.manual_seed(0)
    return Networks.build(smoke_config, CPU)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten().clone() for p in network.parameters()])


def reference_step(networks, label, photo, adversarial, alpha):
    """The update as base repository [3] writes it, except that the generator runs once."""
    g, d = networks.generator, networks.discriminator
    fake = g(label)
    d.zero_grad()
    loss = (adversarial(d(label, photo), True) + adversarial(d(label, fake.detach()), False)) * 0.5
    loss.backward()
    networks.discriminator_optimizer.step()
    g.zero_grad()
    g_loss = adversarial(d(label, fake), True) + alpha * (fake - photo).abs().mean()
    g_loss.backward()
    networks.generator_optimizer.step()
    return g_loss.item(), loss.item()


@pytest.mark.parametrize("name", ["bce", "mse"])
def test_steps_equal_a_plain_reference(smoke_config, pair, name):
    torch.manual_seed(0)
    ours = Networks.build(smoke_config, CPU)
    plain = Networks.build(smoke_config, CPU)
    plain.load_state_dict(ours.state_dict())
    for step in range(3):
        torch.manual_seed(step)
        losses = training_step(ours, *pair, build_objective(name, "l1", 100.0))
        torch.manual_seed(step)
        expected = reference_step(plain, *pair, ADVERSARIAL_LOSSES[name], 100.0)
        measured = losses["generator_loss"].item(), losses["discriminator_loss"].item()
        assert measured == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(weights(ours.generator), weights(plain.generator))
    torch.testing.assert_close(weights(ours.discriminator), weights(plain.discriminator))


@pytest.mark.parametrize("in_a_row", [True, False])
def test_speed_changes_no_loss_of_twenty_steps(smoke_config, pair, monkeypatch, in_a_row):
    """Beside a plain loop with torch's convolutions and its default Adam."""
    torch.manual_seed(0)
    ours = Networks.build(smoke_config, CPU)
    torch.manual_seed(0)
    plain = Networks.build(smoke_config, CPU)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), smoke_config.learning_rate, (0.5, 0.999))
        for network in (plain.generator, plain.discriminator)
    )
    plain = replace(plain, generator_optimizer=g_optimizer, discriminator_optimizer=d_optimizer)
    objective = build_objective("bce", "l1", 100.0)
    for step in range(20):
        if not in_a_row:
            plain.load_state_dict(copy.deepcopy(ours.state_dict()))
        set_thresholds(monkeypatch, SMALL=4, LARGE=1, WIDE=1)  # every faster way
        torch.manual_seed(step)
        losses = training_step(ours, *pair, objective)
        measured = losses["generator_loss"].item(), losses["discriminator_loss"].item()
        set_thresholds(monkeypatch, SMALL=0, LARGE=1 << 62)  # torch's convolutions everywhere
        torch.manual_seed(step)
        expected = reference_step(plain, *pair, ADVERSARIAL_LOSSES["bce"], 100.0)
        assert measured == pytest.approx(expected, rel=1e-4)


def set_thresholds(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setattr(convolution, name, value)


def test_the_discriminators_loss_does_not_reach_the_generator(networks, pair):
    before = weights(networks.generator)
    networks.generator_optimizer.step = lambda: None  # leaves only the discriminator's update
    training_step(networks, *pair, build_objective("bce", "l1", 100.0))
    assert torch.equal(weights(networks.generator), before)


def test_the_generators_loss_does_not_reach_the_discriminator(networks, pair):
    captured = []
    step = networks.discriminator_optimizer.step

    def step_and_capture():
        step()
        captured.append([p.grad.clone() for p in networks.discriminator.parameters()])

    networks.discriminator_optimizer.step = step_and_capture
    training_step(networks, *pair, build_objective("bce", "l1", 100.0))
    after = [p.grad for p in networks.discriminator.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(captured[0], after, strict=True))
    assert all(p.requires_grad for p in networks.discriminator.parameters())


def test_both_parts_of_the_generators_loss_reach_it(smoke_config, pair):
    gradients = []
    for alpha in (0.0, 100.0):
        torch.manual_seed(0)
        networks = Networks.build(smoke_config, CPU)
        training_step(networks, *pair, build_objective("bce", "l1", alpha))
        gradients.append(torch.cat([p.grad.flatten() for p in networks.generator.parameters()]))
    assert gradients[0].abs().sum() > 0
    assert not torch.allclose(gradients[0], gradients[1])


def test_the_generator_runs_once_a_step(networks, pair):
    calls = []
    networks.generator.register_forward_hook(lambda *_: calls.append(1))
    training_step(networks, *pair, build_objective("bce", "l1", 100.0))
    assert len(calls) == 1


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    assert sorted(epoch_order(50, 0, 0).tolist()) == list(range(50))
    assert torch.equal(epoch_order(50, 3, 7), epoch_order(50, 3, 7))
    assert not torch.equal(epoch_order(50, 3, 7), epoch_order(50, 3, 8))
    assert not torch.equal(epoch_order(50, 3, 7), epoch_order(50, 4, 7))


def test_a_run_folder_tells_everything(smoke_config, street_data, tmp_path):
    run = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*.*")}
    assert names >= {
        "config.json",
        "data.json",
        "environment.json",
        "history.csv",
        "scores.csv",
        "result.json",
        "checkpoints/last.pt",
        "checkpoints/best.pt",
        "samples/epoch-0001.png",
        "samples/epoch-0002.png",
    }
    assert Run.open(run.folder).config == smoke_config
    assert run.data()["splits"]["val"] == street_data.val.names
    history, result = run.read_history(), run.result()
    assert [row["epoch"] for row in history] == [1, 2]
    best = max(row["val_ssim"] for row in history)
    assert result["ssim"]["eval"]["val"]["mean"] == pytest.approx(best, abs=1e-5)
    scores = [
        float(row["ssim"])
        for row in run.read_scores()
        if row["split"] == "test" and row["inference"] == "eval"
    ]
    assert len(scores) == len(street_data.test)
    mean = sum(scores) / len(scores)
    assert result["ssim"]["eval"]["test"]["mean"] == pytest.approx(mean, abs=1e-5)


def test_training_again_loads_the_run_and_another_configuration_is_another_run(
    smoke_config, street_data, tmp_path, monkeypatch
):
    first = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    other = train(replace(smoke_config, alpha=50.0), street_data, tmp_path, CPU, progress=False)
    assert other.folder != first.folder
    monkeypatch.setattr(training, "accumulated_step", None)  # fails if anything is trained
    again = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert again.folder == first.folder


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    smoke_config, street_data, tmp_path
):
    def last_weights(config, name):
        run = train(config, street_data, tmp_path / name, CPU, progress=False)
        return load_checkpoint(run.last_checkpoint)["generator"]

    first = last_weights(smoke_config, "a")
    torch.rand(7)  # whatever else is drawn in the process
    assert_equal_states(first, last_weights(smoke_config, "b"))
    other = last_weights(replace(smoke_config, seed=1), "c")
    assert any(not torch.equal(a, b) for a, b in zip(first.values(), other.values(), strict=True))


def assert_equal_states(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stop_after", [1, 12, 17])
def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    smoke_config, street_data, tmp_path, monkeypatch, signum, stop_after
):
    whole = train(smoke_config, street_data, tmp_path / "whole", CPU, progress=False)

    steps = []
    step = training.accumulated_step

    def step_and_stop(*arguments):
        losses = step(*arguments)
        steps.append(1)
        if len(steps) == stop_after:
            os.kill(os.getpid(), signum)
            time.sleep(0.01)  # the signal arrives inside the step
        return losses

    monkeypatch.setattr(training, "accumulated_step", step_and_stop)
    with pytest.raises(Interrupted):
        train(smoke_config, street_data, tmp_path / "cut", CPU, progress=False)
    assert len(steps) == stop_after
    monkeypatch.setattr(training, "accumulated_step", step)
    resumed = train(smoke_config, street_data, tmp_path / "cut", CPU, progress=False)
    assert len(resumed.read_history()) == smoke_config.epochs

    for name in ("last.pt", "best.pt"):
        a = load_checkpoint(whole.checkpoints / name)
        b = load_checkpoint(resumed.checkpoints / name)
        assert_equal_states(a["generator"], b["generator"])
        assert_equal_states(a["discriminator"], b["discriminator"])
    assert whole.result()["ssim"] == resumed.result()["ssim"]
    assert [drop_seconds(row) for row in whole.read_history()] == [
        drop_seconds(row) for row in resumed.read_history()
    ]


def drop_seconds(row: dict) -> dict:
    return {key: value for key, value in row.items() if key != "seconds"}


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
import torch
from pix2pix_utils import training
from pix2pix_utils.experiments import configure
from pix2pix_utils.runs import load_data_for

torch.set_num_threads(1)
training.SECONDS_BETWEEN_CHECKPOINTS = 0
kill_after = int(sys.argv[2])
step, steps = training.accumulated_step, []

def step_and_die(*arguments):
    losses = step(*arguments)
    steps.append(1)
    if len(steps) == kill_after:
        os.kill(os.getpid(), signal.SIGKILL)
    return losses

training.accumulated_step = step_and_die
config = configure("baseline", "smoke")
data = load_data_for(config, "synthetic")
training.train(config, data, Path(sys.argv[1]), torch.device("cpu"), progress=False)
"""


@pytest.mark.parametrize("kill_after", [5, 15])
def test_kill_9_in_mid_epoch_then_resume_ends_with_the_same_weights(
    smoke_config, street_data, tmp_path, kill_after
):
    whole = train(smoke_config, street_data, tmp_path / "whole", CPU, progress=False)
    command = [sys.executable, "-c", KILLED_RUN, str(tmp_path / "cut"), str(kill_after)]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    run = Run.create(tmp_path / "cut", smoke_config, street_data)
    position = load_checkpoint(run.last_checkpoint)
    assert 12 * position["epoch"] + position["step"] == kill_after - 1
    resumed = train(smoke_config, street_data, tmp_path / "cut", CPU, progress=False)
    assert_equal_states(
        load_checkpoint(whole.last_checkpoint)["generator"],
        load_checkpoint(resumed.last_checkpoint)["generator"],
    )


def test_a_second_process_is_told_who_holds_the_run(smoke_config, street_data, tmp_path):
    run = Run.create(tmp_path, smoke_config, street_data)
    errors = []

    def second():
        try:
            train(smoke_config, street_data, tmp_path, CPU, progress=False)
        except UserError as error:
            errors.append(str(error))

    with run.locked():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(errors) == 1 and f"process {os.getpid()}" in errors[0]


def test_a_diverged_run_stops_and_keeps_the_last_good_checkpoint(
    smoke_config, street_data, tmp_path, monkeypatch
):
    step, steps = training.accumulated_step, []

    def step_that_diverges(networks, batches, *arguments):
        steps.append(1)
        factor = float("nan") if len(steps) > 12 else 1.0
        return step(networks, [(label, photo * factor) for label, photo in batches], *arguments)

    monkeypatch.setattr(training, "accumulated_step", step_that_diverges)
    with pytest.raises(UserError, match=r"generator_loss is nan.*epoch 2.*--set learning_rate"):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    run = Run.create(tmp_path, smoke_config, street_data)
    state = load_checkpoint(run.last_checkpoint)
    assert state["epoch"] == 1
    assert all(tensor.isfinite().all() for tensor in state["generator"].values())


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_no_loss_has_seen_yet_are_not_saved(
    smoke_config, street_data, tmp_path, monkeypatch, network, value
):
    """The very last update of the second epoch spoils a weight."""
    step, steps = training.accumulated_step, []

    def step_that_spoils(networks, *arguments):
        losses = step(networks, *arguments)
        steps.append(1)
        if len(steps) == 24:
            with torch.no_grad():
                next(getattr(networks, network).parameters()).flatten()[0] = value
        return losses

    monkeypatch.setattr(training, "accumulated_step", step_that_spoils)
    told = rf"the {network}'s .* is not finite in epoch 2 by step 12: .*--set learning_rate"
    with pytest.raises(UserError, match=told):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    run = Run.create(tmp_path, smoke_config, street_data)
    for path in (run.last_checkpoint, run.best_checkpoint):
        state = load_checkpoint(path)
        assert state["epoch"] == 1
        assert all(tensor.isfinite().all() for tensor in state[network].values())


def test_a_score_that_is_no_number_is_not_the_best(
    smoke_config, street_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "_scores", lambda *arguments: np.array([float("nan")]))
    with pytest.raises(UserError, match=r"val_ssim is nan in epoch 1 .*diverged"):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    run = Run.create(tmp_path, smoke_config, street_data)
    assert not run.best_checkpoint.exists() and run.read_history() == []


def test_a_loss_of_the_discriminator_alone_stops_the_run(
    smoke_config, street_data, tmp_path, monkeypatch
):
    step = training.accumulated_step

    def step_of_a_lost_discriminator(*arguments):
        return step(*arguments) | {"discriminator_loss": torch.tensor(float("inf"))}

    monkeypatch.setattr(training, "accumulated_step", step_of_a_lost_discriminator)
    with pytest.raises(UserError, match=r"^discriminator_loss is inf in epoch 1 by step"):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)


def test_a_checkpoint_of_another_run_is_named(smoke_config, street_data):
    state = Trainer(smoke_config, street_data, CPU).state()
    other = Trainer(replace(smoke_config, alpha=50.0), street_data, CPU)
    with pytest.raises(UserError, match=r"trained with alpha=100.0, but this run has alpha=50.0"):
        other.load_state(state)
    other = Trainer(smoke_config, replace(street_data, fingerprint="0123"), CPU)
    with pytest.raises(UserError, match=r"on the data with the fingerprint .* is 0123"):
        other.load_state(state)
    palette = {**state["palette"], "name": "mine"}
    trainer = Trainer(smoke_config, street_data, CPU)
    with pytest.raises(UserError, match=r"other classes than those of synthetic"):
        trainer.load_state({**state, "palette": palette})
    wide = Trainer(replace(smoke_config, width=4), street_data, CPU).state()
    with pytest.raises(UserError, match=r"does not fit .*'generator\..*' has the shape"):
        trainer.load_state({**state, "generator": wide["generator"]})


@pytest.mark.parametrize("wrong", ["last.pt", "best.pt"])
def test_a_misplaced_checkpoint_is_told_with_its_run(
    smoke_config, street_data, tmp_path, monkeypatch, wrong
):
    """A `last.pt` that holds a best one; a `best.pt` of another width."""
    other = train(replace(smoke_config, width=4), street_data, tmp_path, CPU, progress=False)
    run = train(smoke_config, street_data, tmp_path, CPU, progress=False)
    (run.folder / "result.json").unlink()
    source, reason = (
        (run, "another kind: it has no discriminator_optimizer")
        if wrong == "last.pt"
        else (other, "trained with width=4, but this run has width=8")
    )
    shutil.copy(source.best_checkpoint, run.checkpoints / wrong)
    with pytest.raises(UserError, match=reason) as told:
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    assert f"the run {run.folder}: " in str(told.value)
    assert "remove that folder to train it anew" in str(told.value)


def test_accumulated_batches_make_one_update_of_their_mean_gradient(smoke_config, pair):
    """Without batch norm and dropout, two batches of one pair are a batch of two."""
    objective, outcomes = build_objective("mse", "l1", 100.0), []
    for batches in ([tuple(pair)], [(pair[0][:1], pair[1][:1]), (pair[0][1:], pair[1][1:])]):
        torch.manual_seed(0)
        networks = Networks.build(smoke_config, CPU)
        for module in (*networks.generator.modules(), *networks.discriminator.modules()):
            if isinstance(module, nn.BatchNorm2d | nn.Dropout):
                module.eval()
        losses = accumulated_step(networks, batches, objective, len(batches))
        outcomes.append(
            [
                {name: value / len(batches) for name, value in losses.items()},
                *(p.grad for p in networks.generator.parameters()),
                *(p.grad for p in networks.discriminator.parameters()),
            ]
        )
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=1e-3, atol=1e-5)


def test_the_run_says_how_many_pairs_make_an_update(smoke_config, street_data, tmp_path):
    config = replace(smoke_config, batch_size=2, accumulation=3)
    trainer = Trainer(config, street_data, CPU)
    assert (trainer.pairs_per_step, trainer.steps_per_epoch) == (6, 2)
    run = train(config, street_data, tmp_path, CPU, progress=False)
    assert len(run.read_history()) == config.epochs


def test_a_torn_checkpoint_falls_back_to_the_one_before(
    smoke_config, street_data, tmp_path, capsys
):
    whole = train(smoke_config, street_data, tmp_path / "whole", CPU, progress=False)
    torn = train(smoke_config, street_data, tmp_path / "torn", CPU, progress=False)
    (torn.folder / "result.json").unlink()
    data = torn.last_checkpoint.read_bytes()
    torn.last_checkpoint.write_bytes(data[: len(data) // 2])
    train(smoke_config, street_data, tmp_path / "torn", CPU, progress=False)
    told = capsys.readouterr().err
    assert "last.pt" in told and "going on from previous.pt" in told
    ours, theirs = (load_checkpoint(run.last_checkpoint) for run in (torn, whole))
    assert all(torch.equal(ours["generator"][k], v) for k, v in theirs["generator"].items())


def test_a_watcher_is_told_every_epoch_and_cannot_change_the_outcome(
    smoke_config, street_data, tmp_path
):
    readings = []
    watched = train(
        smoke_config, street_data, tmp_path / "a", CPU, progress=False, on_progress=readings.append
    )
    plain = train(smoke_config, street_data, tmp_path / "b", CPU, progress=False)
    behind = [reading for reading in readings if not reading.losses]
    assert [reading.epoch for reading in behind] == list(range(1, smoke_config.epochs + 1))
    assert behind[-1].history[-1]["epoch"] == smoke_config.epochs
    assert watched.result()["ssim"] == plain.result()["ssim"]
