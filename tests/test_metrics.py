"""SSIM is scikit-image's."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from pix2pix_utils.errors import UserError
from pix2pix_utils.metrics import ssim, ssim_map


def referee(prediction, target):
    return structural_similarity(
        prediction.numpy(),
        target.numpy(),
        channel_axis=0,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def noisy_pair(kind, shape):
    generator = np.random.default_rng(0)
    noise = torch.from_numpy(generator.random((2, *shape), dtype=np.float32))
    if kind == "noise":
        return noise
    if kind == "flat":  # the variances cancel
        return torch.stack([torch.full(shape, 0.9), torch.full(shape, 0.9) + 1e-3 * noise[0]])
    ramp = torch.linspace(0, 1, shape[-1]).expand(shape)
    return torch.stack([ramp, (ramp + 0.2 * noise[0] - 0.1).clamp(0, 1)])


@pytest.mark.parametrize("kind", ["noise", "flat", "ramp"])
@pytest.mark.parametrize("height, width", [(11, 11), (64, 64), (33, 70), (256, 256)])
def test_ssim_equals_scikit_image(kind, height, width):
    prediction, target = noisy_pair(kind, (3, height, width))
    ours = ssim(prediction[None], target[None])
    assert ours.shape == (1,)
    assert ours.item() == pytest.approx(referee(prediction, target), abs=1e-5)


def test_each_image_of_a_batch_is_scored_by_itself():
    images = torch.rand(5, 3, 32, 32)
    others = torch.rand(5, 3, 32, 32)
    together = ssim(images, others)
    alone = torch.cat([ssim(a[None], b[None]) for a, b in zip(images, others, strict=True)])
    torch.testing.assert_close(together, alone)


def test_one_for_equal_images_and_symmetric():
    a, b = torch.rand(2, 4, 3, 32, 32)
    torch.testing.assert_close(ssim(a, a), torch.ones(4))
    torch.testing.assert_close(ssim(a, b), ssim(b, a))
    assert (ssim(a, b) < 1).all()


def test_nearly_equal_bright_images_do_not_exceed_one():
    bright = torch.full((1, 3, 64, 64), 0.999)
    assert ssim(bright, torch.ones_like(bright)).item() <= 1


def test_an_inverted_image_scores_below_zero():
    checks = (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).float()
    checks = checks.expand(1, 3, 32, 32)
    assert ssim(checks, 1 - checks).item() < 0


def test_the_map_points_at_the_damage():
    photo = torch.rand(1, 3, 64, 64)
    damaged = photo.clone()
    damaged[..., :20, :20] = 0.5
    quality = ssim_map(damaged, photo).mean(dim=1)[0]
    assert quality[:10, :10].mean() < 0.3
    torch.testing.assert_close(quality[20:, 20:], torch.ones(34, 34))


@pytest.mark.parametrize(
    "prediction, target, message",
    [
        (torch.rand(1, 3, 32, 32), torch.rand(2, 3, 32, 32), "of one shape"),
        (torch.rand(3, 32, 32), torch.rand(3, 32, 32), "of one shape"),
        (torch.rand(1, 3, 10, 32), torch.rand(1, 3, 10, 32), "at least 11x11"),
        (torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32), r"in \[0, 1\].*to_unit"),
        (torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32) * 255, r"in \[0, 1\]"),
    ],
)
def test_bad_input_is_named(prediction, target, message):
    with pytest.raises(UserError, match=message):
        ssim(prediction, target)
