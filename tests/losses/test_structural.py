"""The SSIM and MS-SSIM terms: equal to the course's metric and to references, with its gradients.

Written against references that share no code with the losses.
"""

import numpy as np
import pytest
import torch
from skimage.measure import block_reduce
from skimage.metrics import structural_similarity
from torch.nn import functional as F

from pix2pix_utils.data.pairs import to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.metrics import C1, C2, SIGMA, ssim
from pix2pix_utils.losses.structural import SCALE_WEIGHTS, ms_ssim_loss, ssim_loss

LOSSES = [ssim_loss, ms_ssim_loss]
CONVENTION = {
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
    "data_range": 1,
}


def images(size, noise=0.3, dtype=torch.float32):
    """Two batches (2, 3, size, size) in [-1, 1]: smooth photos, and noisy copies of them."""
    generator = torch.Generator().manual_seed(size)
    coarse = torch.rand(2, 3, 4, 4, generator=generator, dtype=dtype) * 2 - 1
    photo = F.interpolate(coarse, size=(size, size), mode="bicubic").clamp(-1, 1)
    change = noise * torch.randn(photo.shape, generator=generator, dtype=dtype)
    return (photo + change).clamp(-1, 1), photo


def plain_maps(x, y):
    """Luminance and structure from means, variances and covariance, by torch's convolution."""
    offsets = torch.arange(11, dtype=x.dtype) - 5
    gaussian = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    kernel = torch.outer(gaussian, gaussian) / gaussian.sum() ** 2

    def mean(values):
        planes = values.reshape(-1, 1, *values.shape[-2:])
        return F.conv2d(planes, kernel[None, None]).unflatten(0, values.shape[:2]).squeeze(2)

    mean_x, mean_y = mean(x), mean(y)
    variances = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def plain_ssim_loss(generated, photo):
    luminance, structure = plain_maps(to_unit(generated), to_unit(photo))
    return 1 - (luminance * structure).mean()


def plain_ms_ssim_loss(generated, photo, scales):
    x, y, terms = to_unit(generated), to_unit(photo), []
    for _ in range(scales):
        luminance, structure = plain_maps(x, y)
        terms.append(structure.mean(dim=(2, 3)))
        last = (luminance * structure).mean(dim=(2, 3))
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    weights = torch.tensor(SCALE_WEIGHTS[:scales], dtype=x.dtype)
    powers = torch.stack([*terms[:-1], last]) ** (weights / weights.sum())[:, None, None]
    return 1 - powers.prod(dim=0).mean()


@pytest.mark.parametrize("size", [11, 32, 64])
def test_the_ssim_term_is_one_minus_the_courses_metric(size):
    generated, photo = images(size)
    expected = 1 - ssim(to_unit(generated), to_unit(photo)).mean()
    torch.testing.assert_close(ssim_loss(generated, photo), expected)


def test_the_ssim_term_agrees_with_scikit_image():
    generated, photo = images(48)
    similarities = [
        structural_similarity(
            *(to_unit(image).numpy() for image in pair), channel_axis=0, **CONVENTION
        )
        for pair in zip(generated, photo, strict=True)
    ]
    expected = 1 - sum(similarities) / len(similarities)
    assert ssim_loss(generated, photo).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("size", "scales"), [(21, 1), (22, 2), (64, 3), (88, 4), (176, 5)])
def test_the_ms_ssim_term_agrees_with_scikit_image_on_every_scale_that_fits(size, scales):
    generated, photo = images(size)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales])  # of the paper
    products = []
    for pair in zip(generated.flatten(0, 1), photo.flatten(0, 1), strict=True):
        x, y = (to_unit(channel).double().numpy() for channel in pair)
        terms = []
        for scale in range(scales):
            # with a huge K1 the luminance is 1 everywhere, so only contrast and structure are left
            settings = {"K1": 1e6} if scale < scales - 1 else {}
            _, similarity = structural_similarity(x, y, full=True, **CONVENTION, **settings)
            terms.append(max(similarity[5:-5, 5:-5].mean(), 0))
            x, y = (
                block_reduce(image, 2, np.mean)[: len(x) // 2, : len(x) // 2] for image in (x, y)
            )
        products.append(np.prod(np.array(terms) ** (weights / weights.sum())))
    assert ms_ssim_loss(generated, photo).item() == pytest.approx(1 - np.mean(products), abs=1e-5)


@pytest.mark.parametrize(
    ("loss", "plain"),
    [(ssim_loss, plain_ssim_loss), (ms_ssim_loss, lambda *pair: plain_ms_ssim_loss(*pair, 2))],
)
def test_gradients_are_those_of_a_plain_convolution(loss, plain):
    generated, photo = images(24, dtype=torch.float64)
    generated.requires_grad_()
    ours, expected = (
        torch.autograd.grad(function(generated, photo), generated)[0] for function in (loss, plain)
    )
    torch.testing.assert_close(ours, expected)
    single = generated.detach().float().requires_grad_()
    (in_float32,) = torch.autograd.grad(loss(single, photo.float()), single)
    assert (in_float32 - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize(("loss", "size"), [(ssim_loss, 13), (ms_ssim_loss, 22)])
def test_gradients_are_those_of_finite_differences(loss, size):
    generated, photo = (image[:1, :1] for image in images(size, dtype=torch.float64))
    assert torch.autograd.gradcheck(loss, (generated.requires_grad_(), photo))


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_photos_cost_nothing_and_a_step_down_the_gradient_costs_less(loss):
    generated, photo = images(32)
    assert loss(photo, photo).item() == pytest.approx(0, abs=1e-6)
    generated.requires_grad_()
    before = loss(generated, photo)
    (gradient,) = torch.autograd.grad(before, generated)
    after = loss(generated - 0.5 * gradient / gradient.norm(), photo)
    assert after < before


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_finite_for_flat_equal_and_inverted_photos(loss):
    _, photo = images(32)
    for start in (torch.zeros_like(photo), photo, -photo, torch.ones_like(photo)):
        generated = start.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(generated, photo), generated)
        assert gradient.isfinite().all()


def test_a_scale_without_similarity_does_not_stop_the_others_from_learning():
    """Finest scale: noise against its negative; coarser ones: only half as contrasty."""
    noise = 0.2 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    noise = noise - F.interpolate(F.avg_pool2d(noise, 2), scale_factor=2)  # no coarser part
    _, photo = images(32)
    photo = photo[:1] * 0.5
    generated = (0.5 * photo - noise).requires_grad_()
    loss = ms_ssim_loss(generated, photo + noise)
    (gradient,) = torch.autograd.grad(loss, generated)
    assert gradient.isfinite().all()
    assert loss < 1 and F.avg_pool2d(gradient, 2).abs().max() > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_network_puts_out_under_autocast_is_compared_in_float32(loss):
    generated, photo = images(32)
    short = generated.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(short, photo)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(short.float(), photo))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_gpu_never_waits_for_a_value(loss):
    """On the device `meta`, reading a value raises an error."""
    generated, photo = (image.to("meta") for image in images(32))
    loss(generated.requires_grad_(), photo).backward()
    assert generated.grad.shape == photo.shape


@pytest.mark.parametrize(("loss", "setting"), [(ssim_loss, "ssim"), (ms_ssim_loss, "ms_ssim")])
def test_photos_smaller_than_the_window_are_refused(loss, setting):
    small = torch.zeros(1, 3, 10, 16)
    message = f"^{setting}_weight needs .* 11x11 pixels, not 16x10: --set {setting}_weight=0$"
    with pytest.raises(UserError, match=message):
        loss(small, small)
