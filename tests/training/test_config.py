"""Configurations are checked when they are made."""

import json

import pytest

from pix2pix_utils.errors import UserError
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, configure, default_profile


def test_defaults_are_the_reports_protocol():
    config = configure("baseline", "full")
    assert (config.image_size, config.width, config.batch_size, config.epochs) == (256, 64, 1, 200)
    assert (config.learning_rate, config.beta1, config.beta2) == (2e-4, 0.5, 0.999)
    assert (config.adversarial_loss, config.alpha) == ("bce", 100)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_round_trip_through_json(experiment, profile):
    config = configure(experiment, profile, seed=3)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_settings_are_parsed_by_the_type_of_their_field():
    config = configure(
        "baseline", "demo", settings=["epochs=7", "alpha=50", "train_pairs=none", "generator=unet"]
    )
    assert (config.epochs, config.alpha, config.train_pairs) == (7, 50.0, None)


@pytest.mark.parametrize(
    "setting, message",
    [
        ("epoch=3", "no hyper-parameter 'epoch'; did you mean 'epochs'"),
        ("colour=3", "no hyper-parameter 'colour'; choose one of: .*alpha"),
        ("experiment=x", "no hyper-parameter 'experiment'"),
        ("epochs", "takes key=value, not 'epochs'"),
        ("epochs=many", "epochs=many: the value must be a whole number"),
        ("epochs=1.5", "must be a whole number"),
        ("alpha=high", "must be a number"),
        ("epochs=0", "epochs is 0, but it must be at least 1"),
        ("alpha=-1", "alpha is -1.0"),
        ("alpha=nan", "alpha is nan"),
        ("learning_rate=inf", "learning_rate is inf"),
        ("beta1=1", r"beta1 is 1.0, but it must be in \[0, 1\)"),
        ("train_pairs=0", "train_pairs is 0"),
        ("seed=-1", "seed is -1"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(UserError, match=message):
        configure("baseline", "demo", settings=[setting])


def test_unknown_experiment_and_profile():
    with pytest.raises(UserError, match="no experiment 'basline'; did you mean 'baseline'"):
        configure("basline", "demo")
    with pytest.raises(UserError, match="no profile 'huge'; choose one of: smoke, demo, full"):
        configure("baseline", "huge")


@pytest.mark.parametrize("values", [{"epochs": "5"}, {"epochs": True}, {"alpha": None}, {"x": 1}])
def test_a_foreign_configuration_is_refused(values):
    with pytest.raises(UserError):
        Config.from_dict(values)


def test_the_profile_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("PIX2PIX_PROFILE", raising=False)
    assert default_profile() == "demo"
    monkeypatch.setenv("PIX2PIX_PROFILE", "smoke")
    assert configure("baseline").image_size == PROFILES["smoke"]["image_size"]
