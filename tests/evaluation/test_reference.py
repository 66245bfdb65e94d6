"""Reference predictors against slow and obvious computations."""

import numpy as np
import pytest
import torch

from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.evaluation.reference import (
    ORACLE,
    REFERENCE_PREDICTORS,
    class_color,
    class_row_color,
    mean_image,
    nearest_label_map,
)

SIZE = 16


@pytest.fixture
def pairs():
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 4, size=(6, SIZE, SIZE), dtype=np.uint8)
    photos = generator.integers(0, 256, size=(6, SIZE, SIZE, 3), dtype=np.uint8)
    return StreetPairs(photos, classes, [f"p{i}" for i in range(6)], CAMVID)


def test_mean_image(pairs):
    predicted = mean_image(pairs)(pairs.batch([0, 1]))
    expected = pairs.batch(range(6))["photo"].mean(dim=0)
    torch.testing.assert_close(predicted, expected.expand(2, -1, -1, -1), atol=1e-5, rtol=0)


def test_class_color(pairs):
    everything, batch = pairs.batch(range(6)), pairs.batch([2])
    predicted = class_color(pairs)(batch)
    for index in range(4):
        mean = everything["photo"].permute(0, 2, 3, 1)[everything["classes"] == index].mean(dim=0)
        painted = predicted.permute(0, 2, 3, 1)[batch["classes"] == index]
        torch.testing.assert_close(painted, mean.expand_as(painted), atol=1e-5, rtol=0)


def test_class_row_color_and_its_fallback_for_a_class_unseen_in_a_row(pairs):
    everything = pairs.batch(range(6))
    predict = class_row_color(pairs)
    batch = pairs.batch([4])
    y = 5
    index = int(batch["classes"][0, y, 7])
    row = everything["photo"].permute(0, 2, 3, 1)[:, y]
    mean = row[everything["classes"][:, y] == index].mean(dim=0)
    torch.testing.assert_close(predict(batch)[0, :, y, 7], mean, atol=1e-5, rtol=0)

    only_once = StreetPairs(pairs.photos[:1], np.zeros((1, SIZE, SIZE), np.uint8), ["one"], CAMVID)
    only_once.classes[0, 3] = 2
    elsewhere = {"classes": torch.full((1, SIZE, SIZE), 2)}
    painted = class_row_color(only_once)(elsewhere)[0, :, 10]
    mean = only_once.batch([0])["photo"][0, :, 3].mean(dim=1)
    torch.testing.assert_close(painted, mean[:, None].expand(-1, SIZE), atol=1e-5, rtol=0)


def test_nearest_label_map_finds_the_pair_itself(pairs):
    batch = pairs.batch([3, 1])
    torch.testing.assert_close(nearest_label_map(pairs)(batch), batch["photo"])


def test_the_oracle_is_the_photo_and_no_reference_predictor_sees_it(pairs):
    batch = pairs.batch([3, 1])
    (fit,) = ORACLE.values()
    assert torch.equal(fit(pairs)(batch), batch["photo"])
    blind = {"classes": batch["classes"], "label": batch["label"]}
    for fit in REFERENCE_PREDICTORS.values():
        assert fit(pairs)(blind).shape == batch["photo"].shape
