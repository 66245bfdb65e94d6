"""The measures of a run, and the file that stores them."""

import numpy as np
import pytest
import torch

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import distance_summary, image_summaries
from pix2pix_utils.report import image_groups
from pix2pix_utils.report import run_measures as measures
from pix2pix_utils.report.run_measures import measure_run
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.session import train

CPU = torch.device("cpu")


@pytest.fixture
def run(street_data, tmp_path):
    config = configure("baseline", "smoke", settings=["epochs=1", "width=2"])
    return train(config, street_data, tmp_path, CPU, progress=False)


@pytest.mark.parametrize("inference", ["eval", "train"])
def test_measure_run_agrees_with_training_and_is_read_back(
    run, street_data, tmp_path, monkeypatch, inference
):
    first = measure_run(run, street_data, tmp_path, CPU, "val", inference)
    mean = run.result()["ssim"][inference]["val"]["mean"]
    assert first.images["ssim"].mean() == pytest.approx(mean, abs=1e-6)
    assert first.confusion.sum() == street_data.val.classes.size
    assert first.features.shape == (1, *first.real_features.shape)
    distances = distance_summary(first.features, first.real_features, first.groups)
    assert distances["kernel distance"]["mean"] > 0 and distances["Fréchet distance"]["mean"] > 0
    assert "32x32" in first.missing["lpips"]
    monkeypatch.setattr(measures, "measure", None)  # a second measurement would fail
    again = measure_run(run, street_data, tmp_path, CPU, "val", inference)
    assert again.names == first.names and again.missing == first.missing
    assert again.images.keys() == first.images.keys()
    for name, values in first.images.items():
        assert np.array_equal(values, again.images[name])
    assert np.array_equal(first.class_ssim, again.class_ssim, equal_nan=True)
    for name in ("confusion", "features", "real_features", "real_confusion"):
        assert np.array_equal(getattr(first, name), getattr(again, name))


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


UNREACHABLE = {"lpips": "no network", "dists": "no weights"}


def half(photos, others):
    return photos[:, 0, 0, 0] * 0 + 0.5


def reach(monkeypatch, *names):
    """From now on these perceptual distances can be had, and no other."""
    missing = {name: reason for name, reason in UNREACHABLE.items() if name not in names}
    available = dict.fromkeys(names, half)
    monkeypatch.setattr(measures, "perceptual_distances", lambda size, device: (available, missing))


def test_a_perceptual_distance_is_measured_as_soon_as_it_can_be_had(
    run, street_data, tmp_path, monkeypatch
):
    reach(monkeypatch)
    assert measure_run(run, street_data, tmp_path, CPU).missing == UNREACHABLE
    reach(monkeypatch, "lpips")
    found = measure_run(run, street_data, tmp_path, CPU)
    assert (found.images["lpips"] == 0.5).all() and set(found.missing) == {"dists"}
    reach(monkeypatch)
    assert (measure_run(run, street_data, tmp_path, CPU).images["lpips"] == 0.5).all()
    reach(monkeypatch, "dists")  # LPIPS, which is out of reach now, is kept
    for _ in ("measured", "read back"):
        found = measure_run(run, street_data, tmp_path, CPU)
        assert (found.images["lpips"] == 0.5).all() and (found.images["dists"] == 0.5).all()
        assert not found.missing


def refuse(*arguments):
    raise UserError("nothing to learn")


def test_a_missing_segmentation_says_why_and_is_added_later(
    run, street_data, tmp_path, monkeypatch
):
    reach(monkeypatch, "lpips")
    with monkeypatch.context() as patch:
        patch.setattr(measures, "segmenter", refuse)
        found = measure_run(run, street_data, tmp_path, CPU)
    assert found.confusion is None and found.missing["segmentation"] == "nothing to learn"
    reach(monkeypatch)
    for _ in ("measured", "read back"):
        again = measure_run(run, street_data, tmp_path, CPU)
        assert again.confusion is not None and set(again.missing) == {"dists"}
        assert (again.images["lpips"] == 0.5).all()  # measured only the first time


def test_a_segmentation_that_was_measured_is_kept(run, street_data, tmp_path, monkeypatch):
    reach(monkeypatch)
    first = measure_run(run, street_data, tmp_path, CPU)
    reach(monkeypatch, "lpips", "dists")
    monkeypatch.setattr(measures, "segmenter", refuse)
    found = measure_run(run, street_data, tmp_path, CPU)
    assert np.array_equal(found.confusion, first.confusion) and not found.missing
    assert np.array_equal(found.features, first.features)
    assert (found.images["dists"] == 0.5).all()


def test_another_data_set_is_refused(run, street_data, camvid_folder, tmp_path):
    from pix2pix_utils.data.dataset import load_data

    other = load_data(str(camvid_folder), image_size=32, progress=False)
    with pytest.raises(UserError, match="not what .* was trained on"):
        measure_run(run, other, tmp_path, CPU)


def test_frames_of_one_drive_are_told_to_every_summary(street_data, tmp_path, monkeypatch):
    drive = ["drive"] * len(street_data.test)
    monkeypatch.setattr(street_data.test, "groups", drive)
    config = configure("baseline", "smoke", settings=["epochs=1", "width=2", "seed=7"])
    run = train(config, street_data, tmp_path, CPU, progress=False)
    trained = run.result()["ssim"]["eval"]
    assert trained["test"]["blocks"] == 1 and "low" not in trained["test"]
    assert trained["val"]["blocks"] == len(street_data.val) and "low" in trained["val"]
    assert image_groups(run) == drive and len(set(image_groups(run, "val"))) > 1
    for _ in ("measured", "read back"):
        found = measure_run(run, street_data, tmp_path, CPU)
        assert found.groups == drive
        assert all("low" not in one for one in image_summaries(found).values())
