"""The segmentation network, trained once and found again."""

import dataclasses

import numpy as np
import pytest
import torch
from messages import one_sentence
from torch.nn import functional as F

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import segmentation
from pix2pix_utils.evaluation.segmentation import SegmentationNetwork, segmenter
from pix2pix_utils.files import read_json

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [17, 32, 33, 64, 100])
def test_the_network_names_every_pixel_of_any_size(size):
    network = SegmentationNetwork(7)
    for batch in (1, 2):  # an epoch's last batch may be a single photo
        assert network(torch.zeros(batch, 3, size, size)).shape == (batch, 7, size, size)


def test_photos_too_small_to_train_on_are_refused(tmp_path):
    limits = {"train": 9, "val": 1, "test": 1}  # the last batch has one photo
    data = load_data("synthetic", image_size=16, limits=limits, progress=False)
    message = one_sentence(lambda: segmenter(data, tmp_path, CPU, progress=False))
    assert "16x16" in message and "image_size" in message
    assert not list(tmp_path.iterdir())


def test_it_beats_chance_and_is_found_again(street_data, tmp_path, monkeypatch):
    state = torch.get_rng_state()
    first = segmenter(street_data, tmp_path, CPU, progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    frequent = np.bincount(street_data.test.classes.ravel()).max() / street_data.test.classes.size
    assert first.result["test"]["pixel accuracy"] > frequent + 0.1
    assert first.result["test"]["class IoU"] > 2 / street_data.palette.evaluated

    def refuse(*arguments):
        raise AssertionError("trained again")

    monkeypatch.setattr(segmentation, "_train", refuse)
    again = segmenter(street_data, tmp_path, CPU, progress=False)
    photos = street_data.test.batch([0, 1])["photo"]
    assert torch.equal(first(photos), again(photos))
    assert again.result == first.result
    assert again(photos).max() < street_data.palette.evaluated  # never a void class
    fewer = dataclasses.replace(street_data, val=street_data.test, fingerprint="other")
    with pytest.raises(AssertionError, match="trained again"):
        segmenter(fewer, tmp_path, CPU, progress=False)


@pytest.fixture
def short_training(monkeypatch):
    short = segmentation.Settings(epochs=1, steps=1)
    monkeypatch.setattr(segmentation, "SETTINGS", short)


def test_the_same_seed_gives_the_same_network(street_data, tmp_path, short_training):
    one, other = (segmenter(street_data, tmp_path / name, CPU, False) for name in "ab")
    for key, value in one.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[key]), key


def test_a_mirrored_photo_is_compared_with_mirrored_classes():
    classes = torch.randint(0, 3, (8, 6, 6), generator=torch.Generator().manual_seed(0))
    photo = classes[:, None].float().expand(-1, 3, -1, -1)

    def perfect(photo):
        return 100 * F.one_hot(photo[:, 0].long(), 3).movedim(-1, 1).float()

    batch = {"photo": photo, "classes": classes}
    torch.manual_seed(0)  # mirrors some of the pairs
    assert segmentation._loss(perfect, batch, torch.ones(3), CPU).item() == pytest.approx(0)


def test_an_interrupted_training_leaves_nothing_that_counts(
    street_data, tmp_path, short_training, monkeypatch
):
    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(segmentation, "_scores", stop)
        with pytest.raises(KeyboardInterrupt):
            segmenter(street_data, tmp_path, CPU, progress=False)
    (folder,) = (tmp_path / "segmentation").iterdir()
    assert not list(folder.glob("*.pt")) and not (folder / "result.json").exists()
    assert segmenter(street_data, tmp_path, CPU, progress=False).result["val"]
    assert read_json(folder / "config.json")["pairs"] == {"train": 12, "val": 6, "test": 6}


def test_damaged_weights_are_learnt_again(street_data, tmp_path, short_training):
    first = segmenter(street_data, tmp_path, CPU, progress=False)
    (first.folder / "weights.pt").write_bytes(b"damaged")
    again = segmenter(street_data, tmp_path, CPU, progress=False)
    photos = street_data.test.batch([0])["photo"]
    assert torch.equal(first(photos), again(photos))


def test_void_pixels_teach_nothing(street_data, tmp_path, short_training):
    first = segmenter(street_data, tmp_path / "a", CPU, progress=False)
    evaluated = street_data.palette.evaluated
    assert (street_data.train.classes >= evaluated).any()
    train = street_data.train
    other_void = np.where(train.classes >= evaluated, evaluated + 2, train.classes)
    pairs = type(train)(train.photos, other_void.astype(np.uint8), train.names, train.palette)
    changed = dataclasses.replace(street_data, train=pairs)
    second = segmenter(changed, tmp_path / "b", CPU, progress=False)
    for key, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[key]), key


def test_a_data_set_of_void_pixels_is_refused(street_data, tmp_path):
    train = street_data.train
    void = np.full_like(train.classes, len(train.palette) - 1)
    pairs = type(train)(train.photos, void, train.names, train.palette)
    with pytest.raises(UserError, match="nothing to train"):
        segmenter(dataclasses.replace(street_data, train=pairs), tmp_path, CPU, progress=False)


def test_a_folder_that_cannot_be_locked_is_named(
    street_data, tmp_path, short_training, monkeypatch
):
    class Refusing(segmentation.FileLock):
        def acquire(self, *arguments, **options):
            raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(segmentation, "FileLock", Refusing)
        with pytest.raises(UserError, match="cannot write the segmentation network .*denied"):
            segmenter(street_data, tmp_path, CPU, progress=False)
        patch.undo()
        segmenter(street_data, tmp_path, CPU, progress=False)
        patch.setattr(segmentation, "FileLock", Refusing)
        assert segmenter(street_data, tmp_path, CPU, progress=False).result["test"]
