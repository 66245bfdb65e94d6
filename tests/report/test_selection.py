"""Protocols, profiles and variants of runs."""

import pytest

from pix2pix_utils.report.selection import profile_of, protocol_of, variant_name
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, configure


@pytest.mark.parametrize("profile", PROFILES)
def test_every_experiment_of_a_profile_shares_its_protocol(profile):
    for name in (*EXPERIMENTS, "enhanced+flip+jitter"):
        config = configure(name, profile, seed=3)
        assert profile_of(protocol_of(config)) == profile
        assert variant_name(config, profile) == name
    changed = configure("baseline", profile, settings=["alpha=7"])
    assert variant_name(changed, profile) == "baseline alpha=7.0"
    assert profile_of(protocol_of(configure("baseline", profile, settings=["epochs=3"]))) is None
