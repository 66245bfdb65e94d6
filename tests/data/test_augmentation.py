"""Augmentation keeps pairs together, and label maps as they are."""

import pytest
import torch
from messages import one_sentence
from torchvision.transforms import v2

from pix2pix_utils.data.augmentation import AUGMENTATIONS, build_augmentation, chosen_steps
from pix2pix_utils.data.pairs import to_uint8
from pix2pix_utils.errors import UserError

ALL = ["none", *AUGMENTATIONS, "flip+jitter", "paste+flip+jitter+light"]


@pytest.fixture
def batch(street_data):
    return street_data.train.batch(range(12))


def colors_of(label):
    """The colours of a label map (3, S, S), one row each."""
    return label.flatten(1).t().unique(dim=0)


# --- Flip -----------------------------------------------------------------------------------------


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


# --- Jitter and light -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["jitter", "light", "flip+jitter", "flip+light"])
def test_the_photos_alone_change_in_colour_and_stay_within_range(batch, name):
    label, photo = build_augmentation(name)(batch["label"], batch["photo"])
    for k in range(len(label)):
        assert torch.equal(label[k], batch["label"][k]) or torch.equal(
            label[k], batch["label"][k].flip(-1)
        )
    assert not torch.equal(photo, batch["photo"])
    assert photo.min() >= -1 and photo.max() <= 1
    if "flip" not in name:
        assert torch.equal(label, batch["label"])


def test_flip_and_jitter_are_torchvisions_on_one_image_after_another(batch):
    """Runs of the report's experiments can be repeated: their random numbers stay in this order."""
    torch.manual_seed(5)
    label, photo = build_augmentation("flip+jitter")(batch["label"], batch["photo"])
    torch.manual_seed(5)
    pairs = torch.cat([batch["label"], batch["photo"]], dim=1)
    flipped = torch.stack([v2.RandomHorizontalFlip()(pair) for pair in pairs])
    jitter = v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05)
    expected = torch.stack([jitter((pair[3:] + 1) / 2) * 2 - 1 for pair in flipped])
    assert torch.equal(label, flipped[:, :3]) and torch.equal(photo, expected)


def test_light_is_one_rising_curve_for_all_pixels_and_channels_of_a_photo(batch):
    """So no grey gets a hue, and the order of the channels, and of the pixels, stays."""
    _, photo = build_augmentation("light")(batch["label"], batch["photo"])
    for before, after in zip(batch["photo"].flatten(1), photo.flatten(1), strict=True):
        order = before.argsort()
        before, after = before[order], after[order]
        assert (after.diff() >= -1e-6).all()
        same_before = before.diff() == 0
        assert same_before.any() and after.diff()[same_before].abs().max() < 1e-6


def test_light_differs_from_photo_to_photo_and_is_mild(batch):
    same = batch["photo"][:1].expand(12, -1, -1, -1)
    torch.manual_seed(0)
    _, photo = build_augmentation("light")(same, same)
    change = (photo - same).abs().mean(dim=(1, 2, 3))
    assert len(photo.mean(dim=(1, 2, 3)).unique()) == 12
    assert change.max() < 0.4 and change.mean() < 0.2  # of the range from -1 to 1


# --- Paste ----------------------------------------------------------------------------------------


def test_paste_replaces_whole_classes_by_those_of_the_next_pair_in_both_images(batch):
    label, photo = build_augmentation("paste")(batch["label"], batch["photo"])
    next_label, next_photo = (batch[name].roll(-1, 0) for name in ("label", "photo"))
    changed = 0
    for k in range(12):
        from_next = (photo[k] == next_photo[k]).all(0) & (label[k] == next_label[k]).all(0)
        kept = (photo[k] == batch["photo"][k]).all(0) & (label[k] == batch["label"][k]).all(0)
        assert (from_next | kept).all()  # each pixel is a pixel of one of the two pairs
        colors = colors_of(next_label[k])
        whole = 0
        for color in colors:
            region = (next_label[k] == color[:, None, None]).all(0)
            whole += bool(from_next[region].all())
        # some of the others may agree with what was there before
        assert len(colors) // 2 <= whole
        changed += not kept.all()
    assert changed > 6


def test_paste_takes_half_of_the_next_pairs_classes_drawn_afresh_each_time():
    """Four classes in quarters over a fifth: two of the four arrive, in each of the six ways."""
    scene = torch.zeros(3, 8, 8)
    quarters = [(0, 0), (0, 4), (4, 0), (4, 4)]
    for number, (row, column) in enumerate(quarters):
        scene[:, row : row + 4, column : column + 4] = (number + 1) / 5
    label = torch.stack([torch.full((3, 8, 8), -1.0), scene])
    augment, seen = build_augmentation("paste"), set()
    for seed in range(60):
        torch.manual_seed(seed)
        pasted, photo = augment(label, -label)
        arrived = tuple(bool(pasted[0, 0, row, column] > 0) for row, column in quarters)
        assert sum(arrived) == 2
        assert torch.equal(photo, -pasted)
        assert torch.equal(pasted[1], scene)  # half of one class, rounded down, is none
        seen.add(arrived)
    assert len(seen) == 6


def test_paste_tells_neighbouring_colours_apart():
    """Colours one step of 255 apart, in each channel, are different classes."""
    levels = torch.tensor([[90, 90, 90], [91, 90, 90], [90, 91, 90], [90, 90, 91]]) / 127.5 - 1
    scene = levels.t().reshape(3, 2, 2).repeat_interleave(4, -1).repeat_interleave(4, -2)
    label = torch.stack([torch.full((3, 8, 8), -1.0), scene])
    pasted, _ = build_augmentation("paste")(label, label)
    assert len(colors_of(pasted[0])) == 3  # two of the four, and the one before


def test_paste_needs_a_second_pair(batch):
    label, photo = batch["label"][:1], batch["photo"][:1]
    pasted = build_augmentation("paste")(label, photo)
    assert torch.equal(pasted[0], label) and torch.equal(pasted[1], photo)


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_augmentation_repeats_with_the_random_state_and_changes_no_input(batch, name):
    augment = build_augmentation(name)
    before = {key: batch[key].clone() for key in ("label", "photo")}
    torch.manual_seed(3)
    first = augment(batch["label"], batch["photo"])
    torch.manual_seed(3)
    second = augment(batch["label"], batch["photo"])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    planes = 4 if name == "mirror" else 3  # the fourth says whether a pair is mirrored
    for image, channels in zip(first, (planes, 3), strict=True):
        assert image.shape[1] == channels and image.dtype == torch.float32
        assert image[:, :3].shape == batch["label"].shape
    assert all(torch.equal(batch[key], before[key]) for key in before)


@pytest.mark.parametrize("name", ALL)
def test_label_maps_get_no_new_colour(batch, name):
    label, _ = build_augmentation(name)(batch["label"], batch["photo"])
    colors = {tuple(color) for color in to_uint8(batch["label"]).reshape(-1, 3).tolist()}
    assert {tuple(color) for color in to_uint8(label[:, :3]).reshape(-1, 3).tolist()} <= colors


def test_the_order_of_the_steps_in_a_name_does_not_matter(batch):
    results = []
    for name in ("paste+flip+light", "light+flip+paste"):
        torch.manual_seed(1)
        results.append(build_augmentation(name)(batch["label"], batch["photo"]))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert chosen_steps("step", "b+a", ("a", "b")) == ["a", "b"]


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "rotate",
            "no augmentation 'rotate'; choose one of: none, paste, flip, mirror, jitter, light",
        ),
        ("flip+lihgt", "no augmentation 'lihgt' in 'flip+lihgt'; did you mean 'light'?"),
        ("flip+", "no augmentation '' in 'flip+'; choose one of: none, paste, flip"),
        ("flip+flip", "'flip+flip' names 'flip' more than once: name each step once"),
        ("none+flip", "'none+flip' joins 'none' with other steps: leave 'none' out"),
    ],
)
def test_other_names_are_refused_in_one_sentence(name, message):
    assert message in one_sentence(lambda: build_augmentation(name))


def test_a_mirrored_pair_says_so_in_a_fourth_plane(batch):
    torch.manual_seed(0)
    label, photo = build_augmentation("mirror")(batch["label"], batch["photo"])
    seen = set()
    for index, plane in enumerate(label[:, 3]):
        flipped = bool(plane[0, 0])
        seen.add(flipped)
        assert (plane == float(flipped)).all()
        for new, key in ((label[:, :3], "label"), (photo, "photo")):
            before = batch[key][index]
            assert torch.equal(new[index], before.flip(-1) if flipped else before)
    assert seen == {False, True}  # with this seed


def test_two_flips_are_refused():
    with pytest.raises(UserError, match="flips twice.*leave one of the two out"):
        build_augmentation("flip+mirror")
