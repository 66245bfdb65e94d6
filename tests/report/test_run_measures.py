"""All measures of a split against slow and obvious computations, and their cache."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_utils.data.pairs import to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.evaluation.measures import measure
from pix2pix_utils.evaluation.metrics import ssim_map
from pix2pix_utils.evaluation.reference import ORACLE, class_color
from pix2pix_utils.evaluation.segmentation import segmenter
from pix2pix_utils.evaluation.confusion import segmentation_scores
from pix2pix_utils.evaluation.statistics import paired_difference
from pix2pix_utils.report import run_measures as measures
from pix2pix_utils.report.run_measures import measure_run
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.session import train

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    short = segmentation.Settings(epochs=2, steps=4)
    monkeypatch.setattr(segmentation, "SETTINGS", short)


@pytest.fixture
def run(street_data, tmp_path):
    config = configure("baseline", "smoke", settings=["epochs=1", "width=2"])
    return train(config, street_data, tmp_path, CPU, progress=False)


def ceiling(data):
    return ORACLE["real photo"](data.train)


def blurred(batch):
    photos = batch["photo"].numpy()
    return torch.from_numpy(gaussian_filter(photos, sigma=(0, 0, 1.0, 1.0)))


def test_the_truth_against_itself(street_data, tmp_path):
    judge = segmenter(street_data, tmp_path, CPU, progress=False)
    found = measure(
        ceiling(street_data), street_data.test, judge, lambda a, b: (a - b).sum((1, 2, 3))
    )
    count = len(street_data.test)
    assert found.names == street_data.test.names
    assert list(found.images) == ["ssim", "psnr", "l1", "sharpness", "lpips"]
    assert found.images["ssim"] == pytest.approx(np.ones(count), abs=1e-6)
    assert (found.images["l1"] == 0).all() and (found.images["psnr"] == np.inf).all()
    assert found.images["sharpness"] == pytest.approx(np.ones(count))
    assert (found.images["lpips"] == 0).all() and not found.missing
    present = found.class_ssim[~np.isnan(found.class_ssim)]
    assert present == pytest.approx(np.ones(len(present)), abs=1e-6)
    scores = segmentation_scores(found.confusion, street_data.palette)
    assert scores == pytest.approx(judge.result["test"])
    again = measure(ceiling(street_data), street_data.test)
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


def test_the_confusion_counts_what_the_segmenter_sees_in_the_prediction(street_data):
    pairs = street_data.val

    def by_brightness(photos):
        return (photos.mean(dim=1) > 0).long()

    found = measure(class_color(street_data.train), pairs, by_brightness).confusion
    batch = pairs.batch(range(len(pairs)))
    seen = by_brightness(class_color(street_data.train)(batch))
    for image in range(len(pairs)):
        for true in range(len(pairs.palette)):
            for column in (0, 1):
                count = ((batch["classes"][image] == true) & (seen[image] == column)).sum()
                assert found[image, true, column] == count
    assert found.sum() == batch["classes"].numel()


def test_what_has_no_network_is_named(street_data):
    found = measure(ceiling(street_data), street_data.val)
    assert found.confusion is None and "lpips" not in found.images
    assert set(found.missing) == {"lpips", "segmentation"}


@pytest.mark.parametrize("inference", ["eval", "train"])
def test_measure_run_agrees_with_training_and_is_read_back(
    run, street_data, tmp_path, monkeypatch, inference
):
    first = measure_run(run, street_data, tmp_path, CPU, "val", inference)
    mean = run.result()["ssim"][inference]["val"]["mean"]
    assert first.images["ssim"].mean() == pytest.approx(mean, abs=1e-6)
    assert first.confusion.sum() == street_data.val.classes.size
    assert "32x32" in first.missing["lpips"]
    monkeypatch.setattr(measures, "measure", None)  # a second measurement would fail
    again = measure_run(run, street_data, tmp_path, CPU, "val", inference)
    assert again.names == first.names and again.missing == first.missing
    assert again.images.keys() == first.images.keys()
    for name, values in first.images.items():
        assert np.array_equal(values, again.images[name])
    assert np.array_equal(first.class_ssim, again.class_ssim, equal_nan=True)
    assert np.array_equal(first.confusion, again.confusion)


@pytest.mark.parametrize("harm", ["truncated", "garbage", "pickle", "stale", "other pairs"])
def test_a_damaged_or_stale_cache_is_measured_again(run, street_data, tmp_path, harm):
    first = measure_run(run, street_data, tmp_path, CPU)
    (path,) = (run.folder / "measures").iterdir()
    if harm == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    elif harm == "garbage":
        path.write_bytes(b"no numbers")
    elif harm == "pickle":
        np.savez(path, key=np.array({"a": object}, dtype=object))
    elif harm == "stale":  # by another checkpoint
        run.best_checkpoint.touch()
        np.savez(path, **{**np.load(path), "images/ssim": np.zeros(6)})
    else:
        key = str(np.load(path)["key"]).replace(street_data.test.names[0], "another")
        np.savez(path, **{**np.load(path), "key": key, "images/ssim": np.zeros(6)})
    again = measure_run(run, street_data, tmp_path, CPU)
    assert np.array_equal(first.images["ssim"], again.images["ssim"])
    assert (again.images["ssim"] != 0).all()
    with np.load(path, allow_pickle=False) as file:
        assert np.array_equal(file["images/ssim"], first.images["ssim"])


def test_lpips_is_measured_as_soon_as_it_can_be_had(run, street_data, tmp_path, monkeypatch):
    def out_of_reach(image_size, device):
        raise UserError("no network")

    monkeypatch.setattr(measures, "lpips", out_of_reach)
    assert measure_run(run, street_data, tmp_path, CPU).missing == {"lpips": "no network"}
    monkeypatch.setattr(
        measures, "lpips", lambda size, device: lambda a, b: a[:, 0, 0, 0] * 0 + 0.5
    )
    found = measure_run(run, street_data, tmp_path, CPU)
    assert (found.images["lpips"] == 0.5).all() and not found.missing
    monkeypatch.setattr(measures, "lpips", out_of_reach)
    assert (measure_run(run, street_data, tmp_path, CPU).images["lpips"] == 0.5).all()


def test_a_missing_segmentation_says_why(run, street_data, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise UserError("nothing to learn")

    monkeypatch.setattr(measures, "segmenter", refuse)
    found = measure_run(run, street_data, tmp_path, CPU)
    assert found.confusion is None and found.missing["segmentation"] == "nothing to learn"


def test_another_data_set_is_refused(run, street_data, camvid_folder, tmp_path):
    from pix2pix_utils.data.dataset import load_data

    other = load_data(str(camvid_folder), image_size=32, progress=False)
    with pytest.raises(UserError, match="not what .* was trained on"):
        measure_run(run, other, tmp_path, CPU)
