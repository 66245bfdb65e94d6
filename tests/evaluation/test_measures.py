"""All measures of a split, against slow and obvious computations."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_utils.data.pairs import to_unit
from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.evaluation.confusion import segmentation_scores
from pix2pix_utils.evaluation.measures import image_summaries, measure, score_summaries
from pix2pix_utils.evaluation.metrics import ssim_map
from pix2pix_utils.evaluation.reference import ORACLE, class_color
from pix2pix_utils.evaluation.segmentation import Segmenter, segmenter
from pix2pix_utils.evaluation.statistics import paired_difference

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    short = segmentation.Settings(epochs=2, steps=4)
    monkeypatch.setattr(segmentation, "SETTINGS", short)


def oracle(data):
    return ORACLE["real photo"](data.train)


def blurred(batch):
    photos = batch["photo"].numpy()
    return torch.from_numpy(gaussian_filter(photos, sigma=(0, 0, 1.0, 1.0)))


def test_the_truth_against_itself(street_data, tmp_path):
    judge = segmenter(street_data, tmp_path, CPU, progress=False)
    perceptual = {name: lambda a, b: (a - b).sum((1, 2, 3)) for name in ("lpips", "dists")}
    found = measure(oracle(street_data), street_data.test, judge, perceptual)
    count = len(street_data.test)
    assert found.names == street_data.test.names
    assert list(found.images) == ["ssim", "psnr", "l1", "sharpness", "lpips", "dists"]
    assert found.images["ssim"] == pytest.approx(np.ones(count), abs=1e-6)
    assert (found.images["l1"] == 0).all() and (found.images["psnr"] == np.inf).all()
    assert found.images["sharpness"] == pytest.approx(np.ones(count))
    assert (found.images["lpips"] == 0).all() and not found.missing
    present = found.class_ssim[~np.isnan(found.class_ssim)]
    assert present == pytest.approx(np.ones(len(present)), abs=1e-6)
    scores = segmentation_scores(found.confusion, street_data.palette)
    assert scores == pytest.approx(judge.result["test"])
    assert np.array_equal(found.confusion, found.real_confusion)
    assert np.array_equal(found.features[0], found.real_features)
    assert found.real_features.shape == (count, 176)
    again = measure(oracle(street_data), street_data.test)
    difference = paired_difference(found.images["ssim"], again.images["ssim"])
    assert difference["mean"] == difference["low"] == difference["high"] == 0
    assert difference["p_value"] == 1


def test_a_blurred_copy_against_scikit_image(street_data):
    pairs = street_data.test
    found = measure(blurred, pairs)
    batch = pairs.batch(range(len(pairs)))
    real, soft = to_unit(batch["photo"]).numpy(), to_unit(blurred(batch)).numpy()
    for index, (a, b) in enumerate(zip(soft, real, strict=True)):
        expected = structural_similarity(
            a,
            b,
            channel_axis=0,
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert found.images["ssim"][index] == pytest.approx(expected, abs=1e-5)
        expected = peak_signal_noise_ratio(b, a, data_range=1)
        assert found.images["psnr"][index] == pytest.approx(expected, abs=1e-3)
        assert found.images["l1"][index] == pytest.approx(np.abs(a - b).mean(), abs=1e-6)
        energy = [
            np.square(np.diff(x, axis=1)).mean() + np.square(np.diff(x)).mean() for x in (a, b)
        ]
        assert found.images["sharpness"][index] == pytest.approx(energy[0] / energy[1], rel=1e-4)
    assert (found.images["sharpness"] < 1).all()


def test_class_ssim_against_a_hand_loop(street_data):
    pairs = street_data.val
    predict = class_color(street_data.train)
    found = measure(predict, pairs).class_ssim
    batch = pairs.batch(range(len(pairs)))
    quality = ssim_map(to_unit(predict(batch)), to_unit(batch["photo"])).mean(dim=1).numpy()
    values = {}
    for image, y, x in np.ndindex(quality.shape):
        index = int(pairs.classes[image, y + 5, x + 5])
        values.setdefault((image, index), []).append(quality[image, y, x])
    assert found.shape == (len(pairs), len(pairs.palette))
    for cell, score in np.ndenumerate(found):
        if cell in values:
            assert score == pytest.approx(np.mean(values[cell]), abs=1e-5)
        else:
            assert np.isnan(score)


class ByBrightness(torch.nn.Module):
    """In place of a segmentation network: dark pixels are class 0, bright ones class 1."""

    stem, down = torch.nn.AvgPool2d(2), (torch.nn.AvgPool2d(2),)

    def forward(self, photos):
        mean = photos.mean(dim=1, keepdim=True)
        return torch.cat([-mean, mean], dim=1)


def test_the_segmenter_judges_the_predicted_photos_and_the_real_ones(street_data):
    pairs = street_data.val
    judge = Segmenter(ByBrightness(), CPU, None, {})
    found = measure(class_color(street_data.train), pairs, judge)
    batch = pairs.batch(range(len(pairs)))
    photos = class_color(street_data.train)(batch)
    for seen, counts in (
        (judge(photos), found.confusion),
        (judge(batch["photo"]), found.real_confusion),
    ):
        for image in range(len(pairs)):
            for true in range(len(pairs.palette)):
                for column in (0, 1):
                    count = ((batch["classes"][image] == true) & (seen[image] == column)).sum()
                    assert counts[image, true, column] == count
        assert counts.sum() == batch["classes"].numel()
    colors = photos.mean(dim=(2, 3)).numpy()
    assert found.features == pytest.approx(np.concatenate([colors, colors], axis=1)[None], abs=1e-5)


def test_the_summaries_hold_every_measure_that_has_a_mean(street_data, tmp_path):
    judge = segmenter(street_data, tmp_path, CPU, progress=False)
    found = measure(blurred, street_data.test, judge)
    scores = score_summaries(found, street_data.palette)
    assert list(scores) == [
        *("ssim", "psnr", "l1", "sharpness"),
        *("pixel accuracy", "class accuracy", "class IoU", "kernel distance", "Fréchet distance"),
    ]
    assert scores["ssim"]["mean"] == pytest.approx(found.images["ssim"].mean())
    assert all(one["images"] == len(street_data.test) for one in scores.values())
    perfect = score_summaries(measure(oracle(street_data), street_data.test), street_data.palette)
    assert list(perfect) == ["ssim", "l1", "sharpness"]  # the PSNR is infinite
    found.images["sharpness"][1] = np.nan
    assert image_summaries(found)["sharpness"]["images"] == len(street_data.test) - 1


def test_what_has_no_network_is_named(street_data):
    found = measure(oracle(street_data), street_data.val)
    assert found.confusion is None and found.features is None and "lpips" not in found.images
    assert set(found.missing) == {"lpips", "dists", "segmentation"}


def test_sharpness_is_undefined_where_the_real_photo_is_flat(street_data):
    pairs = street_data.val
    photos = pairs.photos.copy()
    photos[1] = 90
    flat = type(pairs)(photos, pairs.classes, pairs.names, pairs.palette)
    sharpness = measure(class_color(street_data.train), flat).images["sharpness"]
    assert np.isnan(sharpness[1]) and np.isfinite(np.delete(sharpness, 1)).all()
