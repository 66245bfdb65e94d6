"""The generator whose normalisation follows the label map."""

import pytest
import torch
from torch import nn

from pix2pix_utils.models import build_generator
from pix2pix_utils.models.spade import SpadeGenerator, SpatiallyAdaptiveNorm

PLANES = torch.eye(3)[:, :, None, None]  # one-hot label maps of three classes, 1x1 pixel each


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (128, 128), (50, 70), (33, 47)])
def test_photo_has_the_size_of_the_label_map_at_batch_1(size):
    photo = SpadeGenerator(width=2).train()(torch.rand(1, 3, *size) * 2 - 1)
    assert photo.shape == (1, 3, *size) and photo.abs().max() <= 1


def test_gradients_reach_every_parameter():
    network = build_generator("spade", 32, 2)
    network(torch.rand(2, 3, 32, 32) * 2 - 1).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_norm_gives_each_pixel_the_scale_and_shift_of_its_class():
    norm = SpatiallyAdaptiveNorm(2, 3)
    features = torch.rand(4, 2, 5, 5) * 3 + 1
    classes = torch.randint(3, (4, 5, 5))
    guide = torch.eye(3)[classes].permute(0, 3, 1, 2)
    normalized = nn.BatchNorm2d(2)(features)
    scale, shift = norm.scale_and_shift(PLANES)[..., 0, 0].chunk(2, dim=1)  # (class, channel)
    expected = normalized * (1 + scale[classes]).permute(0, 3, 1, 2)
    expected = expected + shift[classes].permute(0, 3, 1, 2)
    torch.testing.assert_close(norm(features, guide), expected)


def test_areas_of_one_class_are_not_washed_out():
    network = SpadeGenerator(width=4, channels_in=3).eval()
    with torch.no_grad():
        photos = [network(plane[None].expand(1, 3, 64, 64)) for plane in PLANES]
    centers = torch.stack([photo[0, :, 24:40, 24:40].mean(dim=(1, 2)) for photo in photos])
    assert torch.pdist(centers).min() > 1e-4


def test_norms_keep_running_statistics_and_no_weights_of_their_own():
    norms = [m for m in SpadeGenerator(width=2).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 2 * 4 + 1
    assert all(m.track_running_stats and not m.affine and m.momentum == 0.1 for m in norms)


def test_there_is_no_transposed_convolution_and_no_norm_after_the_last_convolution():
    network = SpadeGenerator(width=2)
    assert not any(isinstance(m, nn.ConvTranspose2d) for m in network.modules())
    order = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            module.register_forward_hook(lambda module, *_: order.append(module))
    network(torch.rand(1, 3, 32, 32))
    assert order[-1] is network.output
