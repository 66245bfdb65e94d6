"""Fréchet and kernel distance of photos, against plain computations and photos made worse."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter

from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.evaluation.feature_distance import (
    distance_summary,
    frechet_distance,
    kernel_difference,
    kernel_distance,
    photo_features,
    real_floor,
)
from pix2pix_utils.evaluation.segmentation import SegmentationNetwork, Segmenter, segmenter

CPU = torch.device("cpu")


@pytest.fixture
def random():
    return np.random.default_rng(0)


def alike(random, images, shift=0.0):
    """Features (N, 12) of one distribution, correlated; moved by `shift`."""
    mixed = np.random.default_rng(5).normal(size=(4, 12)) * 0.2
    return 0.4 + random.normal(size=(images, 4)) @ mixed + shift


def of_scenes(random, images):
    """Two sets of features of the same scenes, which depend on each other."""
    scenes = alike(random, images)
    return tuple(scenes + 0.05 * random.normal(size=scenes.shape) for _ in range(2))


@pytest.mark.parametrize("images", [8, 60])  # fewer photos than features, and more
def test_the_frechet_distance_is_that_of_the_plain_formula(random, images):
    one, two = random.normal(size=(images, 12)), random.normal(size=(images + 3, 12)) * 2 + 1
    cov_one, cov_two = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    root = sqrtm(cov_one @ cov_two).real
    expected = ((one.mean(0) - two.mean(0)) ** 2).sum() + np.trace(cov_one + cov_two - 2 * root)
    assert frechet_distance(one, two) == pytest.approx(expected, rel=1e-4)


def test_the_kernel_distance_is_that_of_a_plain_loop_over_different_scenes(random):
    one, two = of_scenes(random, 7)
    terms = []
    for i in range(7):
        for j in range(7):
            if i != j:
                products = (one[i] @ one[j], two[i] @ two[j], one[i] @ two[j], one[j] @ two[i])
                a, b, c, d = ((product / 12 + 1) ** 3 for product in products)
                terms.append(a + b - c - d)
    assert kernel_distance(one, two) == pytest.approx(np.mean(terms))


def test_equal_sets_have_no_distance_and_the_order_of_the_sets_does_not_matter(random):
    one, two = of_scenes(random, 40)
    for distance in (frechet_distance, kernel_distance):
        assert distance(one, one) == pytest.approx(0, abs=1e-12)
        assert distance(one, two) == pytest.approx(distance(two, one))
    assert frechet_distance(one, one[::-1]) == pytest.approx(0, abs=1e-12)  # a shuffled set


def test_the_kernel_distance_of_one_distribution_is_zero_on_average(random):
    for draw in (of_scenes, lambda random, n: (alike(random, n), alike(random, n))):
        found = np.array([kernel_distance(*draw(random, 20)) for _ in range(300)])
        assert (found < 0).any()
        assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))
    # the same pairs with the terms of one scene counted in: far below zero
    one, two = of_scenes(random, 20)
    with_own = kernel_distance(one, two) - 2 / 20 * (((one * two).sum(1) / 12 + 1) ** 3).mean()
    assert with_own < found.mean() - 3 * found.std()


def test_both_grow_with_the_difference(random):
    real = alike(random, 50)
    moved = [alike(random, 50, shift) for shift in (0.05, 0.1, 0.3)]
    for distance in (frechet_distance, kernel_distance):
        found = [distance(one, real) for one in moved]
        assert found == sorted(found) and found[0] > 0


def test_the_summary_has_both_and_an_interval_around_the_kernel_distance(random):
    real, features = alike(random, 30), np.stack([alike(random, 30, 0.1), alike(random, 30, 0.3)])
    found = distance_summary(features, real)
    kernel, frechet = found["kernel distance"], found["Fréchet distance"]
    singles = [kernel_distance(one, real) for one in features]
    assert kernel["mean"] == pytest.approx(np.mean(singles))
    assert kernel["low"] < kernel["mean"] < kernel["high"]
    assert frechet["mean"] == pytest.approx(np.mean([frechet_distance(f, real) for f in features]))
    assert "low" not in frechet and (frechet["images"], frechet["blocks"]) == (30, 30)
    assert distance_summary(features, real) == found  # the same draws again


def test_frames_of_one_drive_count_in_blocks(random):
    blocks = alike(random, 8), alike(random, 8, 0.1)
    real, moved = (np.repeat(one, 25, axis=0) for one in blocks)  # 8 blocks of equal frames
    plain = distance_summary(moved[None], real)["kernel distance"]
    drive = distance_summary(moved[None], real, ["drive"] * 200)["kernel distance"]
    assert drive["blocks"] == 8 and drive["mean"] == pytest.approx(kernel_distance(*blocks))
    assert drive["high"] - drive["low"] > 2 * (plain["high"] - plain["low"])


def test_a_difference_is_narrower_than_the_distances_it_is_of(random):
    real, near = of_scenes(random, 40)
    near, far = near + 0.1, near + 0.12 + 0.01 * random.normal(size=near.shape)
    found = kernel_difference(far[None], near[None], real)
    expected = kernel_distance(far, real) - kernel_distance(near, real)
    assert found["mean"] == pytest.approx(expected) and found["low"] > 0
    own = distance_summary(far[None], real)["kernel distance"]
    assert found["high"] - found["low"] < own["high"] - own["low"]
    same = kernel_difference(near[None], np.stack([near, near]), real)
    assert same["mean"] == pytest.approx(0, abs=1e-12) and same["high"] == pytest.approx(0)
    drive = kernel_difference(far[None], near[None], real, ["drive"] * 40)
    assert "low" not in drive and drive["blocks"] == 2


def test_few_images_have_a_distance_without_an_interval_or_none(random):
    real, moved = alike(random, 20), alike(random, 20, 0.1)
    drive = distance_summary(moved[None], real, ["drive"] * 20)["kernel distance"]
    assert drive["blocks"] == 1 and "low" not in drive
    assert drive["mean"] == pytest.approx(kernel_distance(moved, real))
    assert distance_summary(moved[None, :1], real[:1]) == {}
    two = distance_summary(moved[None, :2], real[:2])
    assert all(np.isfinite(one["mean"]) for one in two.values())
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ValueError):
            distance(real[:1], moved[:1])
    with pytest.raises(ValueError, match="do not fit"):
        kernel_distance(real, moved[:7])


def test_features_are_means_of_every_channel_and_know_nothing_of_the_batch():
    torch.manual_seed(0)
    network = SegmentationNetwork(5).eval()
    judge = Segmenter(network, CPU, None, {})
    photos = torch.rand(3, 3, 33, 33) * 2 - 1
    features = photo_features(judge, photos)
    assert features.shape == (3, 16 + 32 + 64 + 64)
    assert photo_features(judge, photos.half()).dtype == torch.float32
    torch.testing.assert_close(photo_features(judge, photos[1:2])[0], features[1])
    stem = network.stem(photos)
    torch.testing.assert_close(features[:, :16], stem.mean(dim=(2, 3)))
    assert not features.requires_grad


def test_photos_get_farther_from_real_ones_the_more_they_are_blurred(
    street_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(segmentation, "SETTINGS", segmentation.Settings(epochs=2, steps=10))
    judge = segmenter(street_data, tmp_path, CPU, progress=False)
    photos = street_data.train.batch(range(len(street_data.train)))["photo"]
    real = photo_features(judge, photos).numpy()
    found = []
    for sigma in (0, 0.7, 1.5, 3):
        soft = torch.from_numpy(gaussian_filter(photos.numpy(), sigma=(0, 0, sigma, sigma)))
        features = photo_features(judge, soft).numpy()
        found.append((kernel_distance(features, real), frechet_distance(features, real)))
    for of_one in zip(*found, strict=True):
        assert of_one[0] == pytest.approx(0, abs=1e-6) and list(of_one) == sorted(of_one)

    floor = real_floor(judge, street_data.test, street_data.train)
    assert {one["images"] for one in floor.values()} == {len(street_data.test)}
    assert floor["kernel distance"]["mean"] < found[2][0]
    assert real_floor(judge, street_data.train, street_data.test)["kernel distance"]["images"] == 6
