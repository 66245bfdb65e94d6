"""SSIM is scikit-image's."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import gradient_energy, l1, psnr, ssim, ssim_map


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


def test_rounding_does_not_disturb_float32_where_windows_are_flat():
    """Equal to a referee in float64 on what float32 does worst: bright and almost flat."""
    generator = torch.Generator().manual_seed(0)
    target = 0.97 + 1e-3 * torch.rand(1, 3, 64, 64, generator=generator)
    for offset in (0.0, 1e-4, 0.02):
        prediction = target + offset + 1e-4 * torch.rand(target.shape, generator=generator)
        assert ssim_map(prediction, target).max().item() <= 1
        expected = referee(prediction[0].double(), target[0].double())
        assert ssim(prediction, target).item() == pytest.approx(expected, abs=1e-5)


def test_ssim_has_a_gradient_also_for_equal_images():
    photo = torch.rand(1, 3, 16, 16)
    for start in (photo, torch.rand(1, 3, 16, 16)):
        picture = start.clone().requires_grad_()
        ssim(picture, photo).sum().backward()
        assert picture.grad.isfinite().all()
    assert picture.grad.abs().max() > 0


def test_psnr_and_l1_equal_independent_ones():
    photo, other = torch.rand(2, 3, 3, 20, 24)
    for index, (value, distance) in enumerate(
        zip(psnr(other, photo), l1(other, photo), strict=True)
    ):
        a, b = photo[index].numpy(), other[index].numpy()
        assert value.item() == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1), abs=1e-4)
        assert distance.item() == pytest.approx(np.abs(a - b).mean(), abs=1e-6)
    assert torch.equal(psnr(photo, photo), torch.full((3,), torch.inf))
    assert torch.equal(l1(photo, photo), torch.zeros(3))


@pytest.mark.parametrize("measure", [psnr, l1])
def test_every_measure_refuses_the_wrong_range(measure):
    signed = torch.rand(1, 3, 16, 16) * 2 - 1
    with pytest.raises(UserError, match=rf"{measure.__name__} needs images in \[0, 1\].*to_unit"):
        measure(signed, signed)
    with pytest.raises(UserError, match="of one shape"):
        measure(torch.rand(1, 3, 16, 16), torch.rand(2, 3, 16, 16))


def test_gradient_energy_falls_with_blur_and_ignores_brightness():
    photo = torch.rand(2, 3, 32, 32) / 2
    blurred = nn.functional.avg_pool2d(photo, 3, stride=1, padding=1)
    assert (gradient_energy(blurred) < gradient_energy(photo)).all()
    torch.testing.assert_close(gradient_energy(photo + 0.3), gradient_energy(photo))
    assert gradient_energy(torch.full((1, 3, 8, 8), 0.4)).item() == 0
