"""Configurations with values that hypothesis makes up."""

from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, configure

settings.register_profile("course", max_examples=25, derandomize=True, deadline=None, database=None)
settings.load_profile("course")

values = {
    "epochs": st.integers(1, 10**6),
    "batch_size": st.integers(1, 4096),
    "alpha": st.floats(0, 1e9),
    "learning_rate": st.floats(1e-12, 10),
    "beta1": st.floats(0, 1, exclude_max=True),
    "average_decay": st.floats(0, 1, exclude_max=True),
    "decay_from": st.floats(0, 1),
    "ssim_weight": st.floats(0, 1e9),
    "label_input": st.sampled_from(["rgb", "one-hot+edges"]),
    "train_pairs": st.none() | st.integers(1, 10**6),
    "freeze_backbone": st.booleans(),
    "distance": st.sampled_from(["l1", "mse"]),
    "data_seed": st.integers(0, 2**31 - 1),
}
changes = st.fixed_dictionaries({}, optional=values)


@given(st.sampled_from(sorted(EXPERIMENTS)), st.sampled_from(sorted(PROFILES)), changes)
def test_a_configuration_survives_its_plain_values_and_its_settings(experiment, profile, changed):
    config = configure(experiment, profile)
    told = config.with_settings([f"{key}={value}" for key, value in changed.items()])
    assert Config.from_dict(told.to_dict()) == told
    for field in fields(Config):
        expected = changed.get(field.name, getattr(config, field.name))
        assert getattr(told, field.name) == expected
        assert type(getattr(told, field.name)) is type(expected)
    assert config.with_settings([]) == config
