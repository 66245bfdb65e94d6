"""PatchGANs on two scales."""

import pytest
import torch
from torch.nn import functional as F

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.models.multiscale import MultiScalePatchGAN


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return torch.rand(2, 2, 3, 64, 64) * 2 - 1


@pytest.mark.parametrize(("size", "side"), [(32, 2), (64, 6), (128, 14), (256, 30)])
def test_scores_of_both_scales_have_the_size_of_the_fine_ones(size, side):
    scores = MultiScalePatchGAN(2).train()(*torch.rand(2, 1, 3, size, size))
    assert scores.shape == (1, 2, side, side)


def test_scores_are_those_of_two_patchgans(pair):
    network = MultiScalePatchGAN(2).eval()
    label, photo = pair
    fine, coarse = network(label, photo).split(1, dim=1)
    assert torch.equal(fine, network.fine(label, photo))
    halved = [F.interpolate(t, scale_factor=0.5, mode="area") for t in pair]
    alone = network.coarse(*halved)
    assert alone.shape[-2:] == (2, 2)
    torch.testing.assert_close(coarse, alone.repeat_interleave(3, 2).repeat_interleave(3, 3))
    torch.testing.assert_close(coarse.mean(), alone.mean())  # both scales count equally
    torch.testing.assert_close(network(label, photo).mean(), (fine.mean() + alone.mean()) / 2)


def test_features_are_those_of_both_scales(pair):
    network = MultiScalePatchGAN(2).eval()
    *activations, scores = network.features(*pair)
    assert [values.shape[-1] for values in activations] == [32, 16, 8, 7, 16, 8, 4, 3]
    assert torch.equal(scores, network(*pair))


def test_a_coarse_score_sees_140_pixels():
    network = MultiScalePatchGAN(2).eval()
    photo = torch.zeros(1, 3, 512, 512, requires_grad=True)
    network(torch.zeros_like(photo), photo)[0, 1, 31, 31].backward()
    seen = photo.grad.abs().sum(dim=(0, 1)).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [140, 140]


def test_gradients_reach_every_parameter_and_the_photo(pair):
    network = MultiScalePatchGAN(2)
    label, photo = pair
    photo = photo.clone().requires_grad_()
    network(label, photo).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert photo.grad.any()


def test_acceleration_keeps_the_scores(pair):
    network, pair = MultiScalePatchGAN(4).double().eval(), pair.double()
    with torch.no_grad():
        scores = network(*pair)
        torch.testing.assert_close(accelerate_on_cpu(network)(*pair), scores, rtol=1e-6, atol=1e-9)
