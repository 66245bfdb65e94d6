"""Search spaces: how they are written, and which values their places stand for."""

import itertools

import pytest
from messages import one_sentence

from pix2pix_utils.tuning.space import Choice, Range, parse_space, setting, settings_text


def test_ranges_and_choices_are_read_in_alphabetical_order(smoke_config):
    space = parse_space(
        ["learning_rate=1e-4..1e-2:log", "epochs=2..9", "adversarial_loss=bce, mse"], smoke_config
    )
    assert list(space) == ["adversarial_loss", "epochs", "learning_rate"]
    assert space["adversarial_loss"] == Choice(("bce", "mse"))
    assert space["epochs"] == Range(2, 9) and space["epochs"].is_whole
    assert space["learning_rate"] == Range(1e-4, 1e-2, log=True)
    assert parse_space(["alpha=5..200"], smoke_config) == {"alpha": Range(5.0, 200.0)}
    again = [f"{key}={dimension}" for key, dimension in space.items()]
    assert parse_space(again, smoke_config) == space


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "there is nothing to tune"),
        (["alpha"], "--search takes key=low..high"),
        (["alpha="], "--search takes key=low..high"),
        (["alfa=1..2"], "did you mean 'alpha'"),
        (["alpha=one..2"], "--search alpha=one: the value must be a number"),
        (["alpha=1,two"], "--search alpha=two: the value must be a number"),
        (["alpha=-1..2"], "alpha is -1.0, but it must be 0 or more"),
        (["alpha=2..2"], "the range is empty, since 2.0 is not below 2.0"),
        (["alpha=0..2:log"], "begins above 0, not at 0.0"),
        (["epochs=1.5..4"], "--search epochs=1.5: the value must be a whole number"),
        (["generator=a..b"], "generator has no range; list its values"),
        (["freeze_backbone=false..true"], "freeze_backbone has no range"),
        (["discriminator_learning_rate=none..1e-3"], "has no range"),
        (["alpha=1..2", "alpha=5,6"], "names alpha twice"),
        (["train_pairs=4,8"], "train_pairs decides the pairs"),
    ],
)
def test_mistakes_are_named(texts, said, smoke_config):
    assert said in one_sentence(lambda: parse_space(texts, smoke_config))


def test_equal_steps_are_equal_differences_or_equal_factors():
    assert Range(0.0, 8.0).levels(5) == [0.0, 2.0, 4.0, 6.0, 8.0]
    log = Range(1e-4, 1e-2, log=True)
    assert log.levels(3) == pytest.approx([1e-4, 1e-3, 1e-2])
    assert log.levels(1) == pytest.approx([1e-3])
    assert log.levels(3)[0] == log.low and log.levels(3)[-1] == log.high  # to the last digit


def test_whole_numbers_share_the_places_evenly():
    counts = dict.fromkeys(range(2, 7), 0)
    for place in range(1000):
        counts[Range(2, 6).at(place / 1000)] += 1
    assert set(counts.values()) == {200}
    assert Range(2, 6).levels(99) == [2, 3, 4, 5, 6]
    assert Range(1, 100, log=True).levels(3) == [1, 7, 100]
    assert all(isinstance(Range(1, 9, log).at(0.3), int) for log in (False, True))


def test_choices_share_the_places_evenly():
    letters = Choice(("a", "b", "c"))
    drawn = [letters.at(place / 300) for place in range(300)]
    assert [len(list(group)) for _, group in itertools.groupby(drawn)] == [100, 100, 100]
    assert letters.at(1.0) == "c"


def test_a_setting_is_read_back_to_the_last_digit(smoke_config):
    value = Range(1e-4, 1e-2, log=True).at(0.123456789)
    config = smoke_config.with_settings(
        [setting("learning_rate", value), setting("epochs", 7), setting("augmentation", "flip")]
    )
    assert (config.learning_rate, config.epochs, config.augmentation) == (value, 7, "flip")
    words = settings_text({"learning_rate": value, "epochs": 7, "augmentation": "flip"})
    assert words == "learning_rate=0.000177, epochs=7, augmentation=flip"
