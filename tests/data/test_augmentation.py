"""Augmentation keeps pairs together, and label maps as they are."""

import pytest
import torch

from pix2pix_utils.data.augmentation import AUGMENTATIONS, build_augmentation
from pix2pix_utils.errors import UserError


@pytest.fixture
def batch(street_data):
    return street_data.train.batch(range(12))


def test_a_flip_takes_both_images_or_neither(batch):
    """Every pixel's colour pair (label, photo) is one that the original has in that place, or in
    the mirrored place, and the same holds for the whole image."""
    label, photo = build_augmentation("flip")(batch["label"], batch["photo"])
    flipped = 0
    for k in range(len(label)):
        same = torch.equal(label[k], batch["label"][k]), torch.equal(photo[k], batch["photo"][k])
        mirrored = (
            torch.equal(label[k], batch["label"][k].flip(-1)),
            torch.equal(photo[k], batch["photo"][k].flip(-1)),
        )
        assert same == (True, True) or mirrored == (True, True)
        flipped += same == (False, False)
    assert 0 < flipped < len(label)


def test_flips_are_fair_coins(batch):
    torch.manual_seed(0)
    augment = build_augmentation("flip")
    count = 0
    for _ in range(20):
        label, _ = augment(batch["label"], batch["photo"])
        count += sum(not torch.equal(a, b) for a, b in zip(label, batch["label"], strict=True))
    assert 90 < count < 150  # of 240


@pytest.mark.parametrize("name", ["jitter", "flip+jitter"])
def test_jitter_changes_photos_within_range_and_no_label_colour(batch, name):
    label, photo = build_augmentation(name)(batch["label"], batch["photo"])
    for k in range(len(label)):
        assert torch.equal(label[k], batch["label"][k]) or torch.equal(
            label[k], batch["label"][k].flip(-1)
        )
    assert not torch.equal(photo, batch["photo"])
    assert photo.min() >= -1 and photo.max() <= 1
    if name == "jitter":
        assert torch.equal(label, batch["label"])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_repeats_with_the_random_state(batch, name):
    augment = build_augmentation(name)
    torch.manual_seed(3)
    first = augment(batch["label"], batch["photo"])
    torch.manual_seed(3)
    second = augment(batch["label"], batch["photo"])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(t.shape == batch["label"].shape and t.dtype == torch.float32 for t in first)


def test_unknown_augmentation():
    with pytest.raises(UserError, match="no augmentation 'rotate'.*flip"):
        build_augmentation("rotate")
