"""A diverged training stops in time, and no other run's checkpoint is resumed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pix2pix_utils.data.pairs import epoch_order
from pix2pix_utils.errors import UserError
from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train
from pix2pix_utils.training.trainer import Trainer

CPU = torch.device("cpu")


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    assert sorted(epoch_order(50, 0, 0).tolist()) == list(range(50))
    assert torch.equal(epoch_order(50, 3, 7), epoch_order(50, 3, 7))
    assert not torch.equal(epoch_order(50, 3, 7), epoch_order(50, 3, 8))
    assert not torch.equal(epoch_order(50, 3, 7), epoch_order(50, 4, 7))


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
    message = rf"the {network}'s .* is not finite in epoch 2 by step 12: .*--set learning_rate"
    with pytest.raises(UserError, match=message):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    run = Run.create(tmp_path, smoke_config, street_data)
    for path in (run.last_checkpoint, run.best_checkpoint):
        state = load_checkpoint(path)
        assert state["epoch"] == 1
        assert all(tensor.isfinite().all() for tensor in state[network].values())


def test_a_score_that_is_no_number_is_not_the_best(
    smoke_config, street_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "split_scores", lambda *arguments: np.array([float("nan")]))
    with pytest.raises(UserError, match=r"val_ssim is nan in epoch 1 .*diverged"):
        train(smoke_config, street_data, tmp_path, CPU, progress=False)
    run = Run.create(tmp_path, smoke_config, street_data)
    assert not run.best_checkpoint.exists() and run.read_history() == []


@pytest.mark.parametrize(("keep", "epoch"), [("best", 1), ("last", 2)])
def test_the_epoch_that_is_kept_is_the_best_or_the_last(
    smoke_config, street_data, tmp_path, monkeypatch, keep, epoch
):
    """The second epoch scores less than the first."""
    scores = iter([0.5, 0.4])
    monkeypatch.setattr(training, "split_scores", lambda *arguments: np.array([next(scores)]))
    config = replace(smoke_config, keep=keep)
    run = train(config, street_data, tmp_path, CPU, progress=False)
    assert load_checkpoint(run.best_checkpoint)["epoch"] == epoch
    assert run.result()["best_epoch"] == epoch


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
    with pytest.raises(UserError, match=r"on data with the fingerprint .* is 0123"):
        other.load_state(state)
    palette = {**state["palette"], "name": "mine"}
    trainer = Trainer(smoke_config, street_data, CPU)
    with pytest.raises(UserError, match=r"other classes than those of synthetic"):
        trainer.load_state({**state, "palette": palette})
    wide = Trainer(replace(smoke_config, width=4), street_data, CPU).state()
    with pytest.raises(UserError, match=r"does not fit .*'generator\..*' has the shape"):
        trainer.load_state({**state, "generator": wide["generator"]})


def test_the_run_says_how_many_pairs_make_an_update(smoke_config, street_data, tmp_path):
    config = replace(smoke_config, batch_size=2, accumulation=3)
    trainer = Trainer(config, street_data, CPU)
    assert (trainer.pairs_per_step, trainer.steps_per_epoch) == (6, 2)
    run = train(config, street_data, tmp_path, CPU, progress=False)
    assert len(run.read_history()) == config.epochs


def test_a_warm_up_in_which_nothing_would_learn_is_refused(smoke_config, street_data):
    config = replace(smoke_config, adversarial_loss="none", warmup_steps=5)
    with pytest.raises(UserError, match=r"^warmup_steps is 5, but without .* --set warmup_steps=0"):
        Trainer(config, street_data, CPU)
    Trainer(replace(config, warmup_steps=0), street_data, CPU)  # as the message says


def test_a_new_trainer_changes_no_option_of_the_process(smoke_config, street_data, monkeypatch):
    """Only `train` sets them."""
    monkeypatch.setattr("pix2pix_utils.acceleration.memory.ctypes", None)  # fails if malloc is set
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    random_state = torch.get_rng_state()
    Trainer(smoke_config, street_data, CPU)
    assert torch.backends.cudnn.benchmark and not torch.backends.cudnn.deterministic
    assert torch.equal(torch.get_rng_state(), random_state)


@pytest.mark.parametrize("device, index", [("cuda:0", 0), ("cuda:1", 1), ("cuda", 1)])
def test_a_seed_goes_to_the_device_that_is_trained_on(monkeypatch, device, index):
    """A device without an index is the current one, here the second."""
    generators = [torch.Generator(), torch.Generator()]
    monkeypatch.setattr(torch.cuda, "default_generators", generators)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    with torch.random.fork_rng(devices=[]):
        training._seed_generators(7, torch.device(device))
        assert torch.initial_seed() == 7
    assert [g.initial_seed() == 7 for g in generators] == [index == 0, index == 1]


def test_every_step_draws_its_own_random_numbers(smoke_config, street_data):
    steps = list(Trainer(smoke_config, street_data, CPU).coming_steps())
    seeds = [seed for batches, *_ in steps for seed, *_ in batches]
    assert len(seeds) > 1 and len(set(seeds)) == len(seeds)


def test_scores_of_train_and_test_are_recorded_and_change_nothing(
    smoke_config, street_data, tmp_path
):
    config = replace(smoke_config, epochs=3)
    plain = train(config, street_data, tmp_path, CPU, progress=False)
    scored = train(
        replace(config, score_every=2, keep="last"), street_data, tmp_path, CPU, progress=False
    )
    found = [(epoch["train_ssim"], epoch["test_ssim"]) for epoch in scored.read_history()]
    assert np.isfinite(found).all(axis=1).tolist() == [True, True, False]  # the first, every second
    for ours, theirs in zip(scored.read_history(), plain.read_history(), strict=True):
        assert all(ours[key] == theirs[key] for key in theirs.keys() - {"seconds"})
    every = train(
        replace(config, score_every=3, keep="last"), street_data, tmp_path, CPU, progress=False
    )
    final = every.read_history()[-1]
    for split in ("train", "test"):
        mean = every.result()["ssim"]["eval"][split]["mean"]
        assert final[f"{split}_ssim"] == pytest.approx(mean, abs=1e-6)
