"""Batches reach the step in the requested order, with the split's own pairs."""

import torch

from pix2pix_utils.acceleration.batches import Batches

CPU = torch.device("cpu")


def test_batches_are_the_pairs_in_the_requested_order(street_data):
    order = [torch.tensor([3, 0]), torch.tensor([5])]
    got = list(Batches(street_data.train, CPU)(order))
    assert [len(label) for label, _ in got] == [2, 1]
    expected = street_data.train.batch([3, 0, 5])
    assert torch.equal(torch.cat([label for label, _ in got]), expected["label"])
    assert torch.equal(torch.cat([photo for _, photo in got]), expected["photo"])


def test_an_apple_gpu_gets_contiguous_images(street_data):
    ((label, photo),) = Batches(street_data.train, torch.device("mps"))([torch.tensor([3, 0])])
    expected = street_data.train.batch([3, 0])
    for images, name in ((label, "label"), (photo, "photo")):
        assert torch.equal(images, expected[name]) and images.is_contiguous()


def test_reading_ahead_keeps_the_order(street_data, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)  # needs a GPU
    batches = Batches(street_data.train, CPU)
    order = [torch.tensor([index]) for index in (4, 1, 2, 0)]
    got = [photo for _, photo in batches._prefetched(order)]
    expected = [street_data.train.batch([index])["photo"] for index in (4, 1, 2, 0)]
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


def test_a_part_of_a_split_is_every_nth_pair(street_data):
    part = street_data.train.every(3, start=1)
    assert part.names == street_data.train.names[1::3]
    assert torch.equal(part[0]["photo"], street_data.train[1]["photo"])
