"""Configurations are checked when they are made."""

import json

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.errors import UserError
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, configure, default_profile
from pix2pix_utils.training.trainer import Trainer


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
        ("ssim_weight=-1", "ssim_weight is -1.0, but it must be 0 or more, and finite"),
        ("ms_ssim_weight=inf", "ms_ssim_weight is inf, but it must be 0 or more, and finite"),
        ("feature_weight=nan", "feature_weight is nan, but it must be 0 or more, and finite"),
        ("perceptual_weight=-0.5", "perceptual_weight is -0.5, but it must be 0 or more"),
        ("decay_from=2", r"decay_from is 2.0, but it must be in \[0, 1\]"),
        ("decay_from=half", "decay_from=half: the value must be a number"),
        ("average_decay=1", r"average_decay is 1.0, but it must be in \[0, 1\)"),
        ("keep=first", "keep is first, but it must be one of best, last"),
        ("augmentation=mirror", "'mirror' and the input 'mirrored' go together: set both or none"),
        ("label_input=rgb+mirrored", "'mirror' and the input 'mirrored' go together"),
        ("average=0.9", "no hyper-parameter 'average'; did you mean 'average_decay'"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(UserError, match=message):
        configure("baseline", "demo", settings=[setting])


def test_by_default_nothing_beyond_the_report_is_on():
    config = Config()
    assert (config.label_input, config.discriminator_augmentation) == ("rgb", "none")
    assert not any(getattr(config, key) for key in config.to_dict() if key.endswith("_weight"))
    assert (config.average_decay, config.decay_from) == (0, 1)


def test_a_configuration_from_before_a_setting_was_invented_has_its_default():
    values = configure("baseline", "demo").to_dict()
    for new in ("label_input", "ssim_weight", "average_decay", "decay_from"):
        del values[new]
    assert Config.from_dict(values) == configure("baseline", "demo")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["adversarial_loss=classes"], "the discriminator 'patchgan' has none"),
        (["discriminator=segmentation"], "the discriminator 'segmentation' scores classes"),
        (["adversarial_loss=none", "feature_weight=1"], "learns no features to match"),
        (["adversarial_loss=hing"], "no adversarial loss 'hing'; did you mean 'hinge'"),
        (["discriminator_augmentation=colour"], "no discriminator augmentation 'colour'"),
        (["generator=deeplab-mobilenet", "label_input=one-hot"], "takes three colours"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused_in_one_sentence(
    street_data, settings, message
):
    config = configure("baseline", "smoke", settings=settings)
    assert message in one_sentence(lambda: Trainer(config, street_data, torch.device("cpu")))


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
