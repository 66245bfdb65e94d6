"""DiffAugment changes what the discriminator sees, and lets the gradient through."""

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.training.discriminator_augmentation import (
    POLICIES,
    build_discriminator_augmentation,
)

ALL = [*POLICIES, "color+translation+cutout"]


def random_pairs(number=6, size=32):
    """A label map and a photo whose colours differ from pixel to pixel and are never 0."""
    label, photo = torch.rand(2, number, 3, size, size, generator=torch.Generator().manual_seed(1))
    return label * 0.8 + 0.1, photo * 0.8 + 0.1


def changed(name, label, photo, seed=0):
    augmentation = build_discriminator_augmentation(name)
    torch.manual_seed(seed)
    return augmentation.apply(augmentation.draw(photo), label, photo)


def drawn(policy, number, *uniform, label, photo):
    """`policy` with the given numbers in [0, 1) for each image, from place `number` on."""
    draw = torch.full((len(photo), 7), 0.5)
    draw[:, number : number + len(uniform)] = torch.tensor(uniform)
    return build_discriminator_augmentation(policy).apply(draw, label, photo)


# --- What the step relies on ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("number, size", [(1, 32), (4, 33), (2, 64)])
def test_any_size_and_a_batch_of_one(name, number, size):
    pairs = random_pairs(number, size)
    for before, after in zip(pairs, changed(name, *pairs), strict=True):
        assert after.shape == before.shape and after.dtype == torch.float32
        assert after.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_the_gradient_reaches_the_generated_photo(name):
    """It is that of what is seen: numerically checked, in every pixel and with double precision."""
    label, photo = (image.double() for image in random_pairs(2, 8))
    augmentation = build_discriminator_augmentation(name)
    torch.manual_seed(0)
    draw = augmentation.draw(photo)
    photo.requires_grad_()
    assert torch.autograd.gradcheck(lambda photo: augmentation.apply(draw, label, photo)[1], photo)
    augmentation.apply(draw, label, photo)[1].square().sum().backward()
    assert (photo.grad.flatten(1) != 0).any(dim=1).all()


@pytest.mark.parametrize("name", ["translation", "cutout"])
def test_no_gradient_for_the_pixels_that_the_discriminator_does_not_see(name):
    label, photo = random_pairs()
    photo.requires_grad_()
    seen = changed(name, label, photo)[1]
    seen.sum().backward()
    assert set(photo.grad.unique().tolist()) == {0.0, 1.0}
    assert photo.grad.sum() == (seen != 0).sum()


@pytest.mark.parametrize("name", ALL)
def test_equal_seeds_give_equal_draws_and_each_draw_is_a_new_one(name):
    pairs = random_pairs()
    first, second, other = (changed(name, *pairs, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[1], other[1])


@pytest.mark.parametrize("name", ALL)
def test_each_image_of_a_batch_has_its_own_numbers(name):
    label, photo = (image[:1].expand(6, -1, -1, -1) for image in random_pairs())
    seen = changed(name, label, photo)[1]
    assert any(not torch.equal(seen[0], one) for one in seen[1:])


@pytest.mark.parametrize("name", ALL)
def test_the_inputs_stay_as_they_are(name):
    pairs, before = random_pairs(), random_pairs()
    changed(name, *pairs)
    assert all(torch.equal(a, b) for a, b in zip(pairs, before, strict=True))


# --- Policies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["translation", "cutout", "translation+cutout"])
def test_label_map_and_photo_are_moved_and_cut_together(name):
    photo = random_pairs()[1]
    label, seen = changed(name, -photo, photo)
    assert torch.equal(label, -seen)
    assert not torch.equal(seen, photo)


def test_color_leaves_the_label_map_alone():
    label, photo = random_pairs()
    seen_label, seen = changed("color", label, photo)
    assert torch.equal(seen_label, label)
    assert not torch.equal(seen, photo)


def test_color_has_the_ranges_of_the_paper():
    label, photo = random_pairs()
    almost_one = 1 - 1e-7
    mean = photo.mean(dim=(1, 2, 3))

    def color(*uniform):
        return drawn("color", 0, *uniform, label=label, photo=photo)[1]

    torch.testing.assert_close(color(0.5, 0.5, 0.5), photo)  # the middle changes nothing
    torch.testing.assert_close(color(0.0, 0.5, 0.5), photo - 0.5)
    torch.testing.assert_close(color(almost_one, 0.5, 0.5), photo + 0.5)
    grey = photo.mean(dim=1, keepdim=True)
    torch.testing.assert_close(color(0.5, 0.0, 0.5), grey.expand_as(photo))
    torch.testing.assert_close(color(0.5, almost_one, 0.5), 2 * photo - grey)
    for uniform, factor in ((0.0, 0.5), (almost_one, 1.5)):
        seen = color(0.5, 0.5, uniform)
        torch.testing.assert_close(seen.mean(dim=(1, 2, 3)), mean)
        torch.testing.assert_close(seen.std(dim=(1, 2, 3)), photo.std(dim=(1, 2, 3)) * factor)


@pytest.mark.parametrize("size, reach", [(32, 4), (64, 8)])
def test_translation_reaches_an_eighth_of_the_size_and_fills_with_zeros(size, reach):
    label, photo = random_pairs(1, size)

    def translation(*uniform):
        return drawn("translation", 3, *uniform, label=label, photo=photo)[1]

    assert torch.equal(translation(0.5, 0.5), photo)
    up, right = translation(0.0, 0.5), translation(0.5, 1 - 1e-7)
    assert torch.equal(up[:, :, :-reach], photo[:, :, reach:])
    assert (up[:, :, -reach:] == 0).all()
    assert torch.equal(right[..., reach:], photo[..., :-reach])
    assert (right[..., :reach] == 0).all()


def test_all_translations_are_equally_likely():
    marker = torch.zeros(4000, 1, 32, 32)
    marker[:, :, 16, 16] = 1
    _, row, column = changed("translation", marker, marker)[1].squeeze(1).nonzero().unbind(1)
    for place in (row, column):
        counts = (place - 16 + 4).bincount()
        assert len(counts) == 9 and counts.min() > 350 and counts.max() < 550  # 444 on average


def test_cutout_removes_a_square_of_half_the_size():
    label, photo = random_pairs(1, 32)
    for uniform, (rows, columns) in {
        (0.5, 0.5): (slice(8, 24), slice(8, 24)),
        (0.0, 0.5): (slice(0, 8), slice(8, 24)),  # its centre lies on the upper edge
        (0.5, 1 - 1e-7): (slice(8, 24), slice(23, 32)),
    }.items():
        expected = photo.clone()
        expected[:, :, rows, columns] = 0
        assert torch.equal(drawn("cutout", 5, *uniform, label=label, photo=photo)[1], expected)


# --- Names ----------------------------------------------------------------------------------------


def test_none_is_no_augmentation():
    assert build_discriminator_augmentation("none") is None


def test_policies_are_applied_in_the_order_of_the_paper():
    pairs = random_pairs()
    first, second = (
        changed(name, *pairs) for name in ("color+translation+cutout", "cutout+translation+color")
    )
    assert torch.equal(first[1], second[1])
    assert (first[1] == 0).all(dim=1).flatten(1).any(dim=1).all()  # no colour change of the hole


@pytest.mark.parametrize(
    "name, message",
    [
        ("rotation", "no discriminator augmentation 'rotation'; did you mean 'translation'?"),
        ("color+blur", "no discriminator augmentation 'blur' in 'color+blur'; choose one of: none"),
        ("cutout+cutout", "'cutout+cutout' names 'cutout' more than once"),
        ("none+color", "'none+color' joins 'none' with other steps"),
    ],
)
def test_other_names_are_refused_in_one_sentence(name, message):
    assert message in one_sentence(lambda: build_discriminator_augmentation(name))
