"""The share of a two-choice test, against textbook values."""

import math

import pytest

from pix2pix_utils.evaluation import choice_summary


def test_fifteen_of_twenty_by_hand():
    found = choice_summary(15, 20)
    tail = sum(math.comb(20, k) for k in range(15, 21)) / 2**20
    assert found["share"] == 0.75 and found["trials"] == 20
    assert found["p_value"] == pytest.approx(2 * tail)
    # Clopper and Pearson: each end leaves 2.5 % beyond the count
    for end, counts in (("low", range(15, 21)), ("high", range(16))):
        p = found[end]
        beyond = sum(math.comb(20, k) * p**k * (1 - p) ** (20 - k) for k in counts)
        assert beyond == pytest.approx(0.025, abs=1e-6)


def test_the_interval_excludes_one_half_exactly_where_p_is_below_a_twentieth():
    for trials in (5, 6, 20, 33):
        for chosen in range(trials + 1):
            found = choice_summary(chosen, trials)
            assert (found["p_value"] < 0.05) == (not found["low"] <= 0.5 <= found["high"])


def test_all_none_and_no_trial_at_all():
    assert choice_summary(8, 8)["high"] == 1 and choice_summary(0, 8)["low"] == 0
    nothing = choice_summary(0, 0)
    assert math.isnan(nothing["share"]) and (nothing["low"], nothing["high"]) == (0, 1)
    for wrong in ((9, 8), (-1, 8)):
        with pytest.raises(ValueError):
            choice_summary(*wrong)
