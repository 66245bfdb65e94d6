"""SSIM on images that hypothesis makes up."""

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pix2pix_utils.data.pairs import to_signed, to_unit
from pix2pix_utils.evaluation.metrics import ssim

settings.register_profile("course", max_examples=25, derandomize=True, deadline=None, database=None)
settings.load_profile("course")


def images(shape):
    return arrays.arrays(np.uint8, shape, elements=st.integers(0, 255))


def unit_images(seed: int, count: int, contrast: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, 13, 15, generator=generator)
    return (0.5 + contrast * (noise - 0.5)).clamp(0, 1)


contrasts = st.sampled_from([0.0, 1e-3, 0.1, 1.0])


@given(st.integers(0, 10_000), contrasts, contrasts)
def test_ssim_is_symmetric_and_in_its_range(seed, one, other):
    a, b = unit_images(seed, 2, one), unit_images(seed + 1, 2, other)
    there, back = ssim(a, b), ssim(b, a)
    assert ((there >= -1) & (there <= 1)).all()
    torch.testing.assert_close(there, back, rtol=0, atol=1e-6)


@given(images((1, 12, 12, 3)))
def test_ssim_of_an_image_with_itself_is_1(image):
    unit = to_unit(to_signed(image))
    torch.testing.assert_close(ssim(unit, unit), torch.ones(1), rtol=0, atol=1e-6)


@given(images((1, 12, 12, 3)), st.integers(0, 431), st.integers(64, 192))
def test_ssim_is_1_for_equal_images_only(image, place, change):
    """One value of one pixel, anywhere, by a visible amount, is told."""
    other = image.copy()
    other.reshape(-1)[place] = (int(other.reshape(-1)[place]) + change) % 256
    assume(place // 36 not in (0, 11) and (place // 3) % 12 not in (0, 11))  # weighs 1e-6
    assert ssim(to_unit(to_signed(image)), to_unit(to_signed(other))) < 1


@given(images((1, 12, 12, 3)))
def test_ssim_of_a_negative_is_below_that_of_the_image(image):
    assume(np.ptp(image) > 50)
    unit = to_unit(to_signed(image))
    assert ssim(unit, 1 - unit) < ssim(unit, unit)
