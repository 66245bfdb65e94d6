"""Tensors in [-1, 1] that are exactly the arrays' pixels, and batches of them."""

import numpy as np
import pytest
import torch

from pix2pix_utils.data.pairs import StreetPairs, class_frequencies, to_signed, to_uint8, to_unit
from pix2pix_utils.data.palette import CAMVID


@pytest.fixture
def pairs() -> StreetPairs:
    generator = np.random.default_rng(0)
    photos = generator.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    classes = generator.integers(0, 12, (5, 16, 16), dtype=np.uint8)
    photos.flags.writeable = classes.flags.writeable = False  # as a memory map is
    return StreetPairs(photos, classes, list("abcde"), CAMVID)


def test_every_value_survives_the_round_trip():
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    signed = to_signed(image)
    assert signed.shape == (1, 3, 16, 16) and signed.dtype == torch.float32
    assert signed.is_contiguous()
    assert (signed.min(), signed.max()) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(signed), image)
    assert (to_unit(signed).min(), to_unit(signed).max()) == (0, 1)


def test_to_uint8_rounds_and_clamps():
    image = torch.tensor([-1.5, 1.5, 100.4 / 127.5 - 1]).reshape(3, 1, 1)
    np.testing.assert_array_equal(to_uint8(image), [[[0, 255, 100]]])


@pytest.mark.filterwarnings("error")
def test_an_item_and_a_batch_agree(pairs):
    item, batch = pairs[3], pairs.batch([1, 3])
    assert item["name"] == "d" and batch["names"] == ["b", "d"]
    for key, shape, dtype in (
        ("label", (3, 16, 16), torch.float32),
        ("photo", (3, 16, 16), torch.float32),
        ("classes", (16, 16), torch.int64),
    ):
        assert item[key].shape == shape and item[key].dtype == dtype
        assert batch[key].is_contiguous()
        torch.testing.assert_close(item[key], batch[key][1], rtol=0, atol=0)
    assert len(pairs.batch(range(0, 2))["label"]) == 2
    assert len(pairs) == 5 and pairs.image_size == 16
    assert pairs[-1]["name"] == "e"
    with pytest.raises(IndexError):
        pairs[5]


def test_the_tensors_are_the_arrays(pairs):
    batch = pairs.batch([4, 0])
    np.testing.assert_array_equal(to_uint8(batch["photo"]), pairs.photos[[4, 0]])
    np.testing.assert_array_equal(to_uint8(batch["label"]), CAMVID.encode(pairs.classes[[4, 0]]))
    np.testing.assert_array_equal(batch["classes"], pairs.classes[[4, 0]])
    batch["photo"].zero_()
    assert pairs.photos.any()


def test_a_data_loader_takes_them(pairs):
    loader = torch.utils.data.DataLoader(pairs, batch_size=2)
    assert [batch["name"] for batch in loader] == [["a", "b"], ["c", "d"], ["e"]]


def test_class_frequencies(pairs):
    frequencies = class_frequencies(pairs)
    assert frequencies.shape == (12,) and frequencies.sum() == pytest.approx(1)
    assert frequencies[7] == pytest.approx((pairs.classes == 7).mean())
