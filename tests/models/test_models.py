"""The networks are the ones of the paper, parameter for parameter."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pix2pix_utils.errors import UserError
from pix2pix_utils.models import DISCRIMINATORS, GENERATORS, build_discriminator, build_generator
from pix2pix_utils.models.deeplab import ImageNetNormalization
from pix2pix_utils.models.unet import ResizeConvolution

COLORS = torch.tensor([[-1.0, -1, -1], [1, -1, -1], [0, 0, 0], [1, 1, 1]])


class ReferenceUNet256(nn.Module):
    """The generator of znxlwm/pytorch-pix2pix, written out layer by layer from its description."""

    def __init__(self, d):
        super().__init__()
        down = [3, d, 2 * d, 4 * d, 8 * d, 8 * d, 8 * d, 8 * d, 8 * d]
        up = [8 * d, 8 * d, 8 * d, 8 * d, 4 * d, 2 * d, d, 3]
        for i in range(1, 9):
            setattr(self, f"conv{i}", nn.Conv2d(down[i - 1], down[i], 4, 2, 1))
            if 2 <= i <= 7:
                setattr(self, f"conv{i}_bn", nn.BatchNorm2d(down[i]))
        up_in = [8 * d, 16 * d, 16 * d, 16 * d, 16 * d, 8 * d, 4 * d, 2 * d]
        for i in range(1, 9):
            setattr(self, f"deconv{i}", nn.ConvTranspose2d(up_in[i - 1], up[i - 1], 4, 2, 1))
            if i <= 7:
                setattr(self, f"deconv{i}_bn", nn.BatchNorm2d(up[i - 1]))

    def forward(self, x):
        e = [self.conv1(x)]
        for i in range(2, 8):
            e.append(
                getattr(self, f"conv{i}_bn")(getattr(self, f"conv{i}")(F.leaky_relu(e[-1], 0.2)))
            )
        x = self.conv8(F.leaky_relu(e[-1], 0.2))
        for i in range(1, 8):
            x = getattr(self, f"deconv{i}_bn")(getattr(self, f"deconv{i}")(F.relu(x)))
            if i <= 3:
                x = F.dropout(x, 0.5, self.training)
            x = torch.cat([x, e[7 - i]], 1)
        return torch.tanh(self.deconv8(F.relu(x)))


def copy_parameters_in_order(source, target):
    for a, b in zip(source.parameters(), target.parameters(), strict=True):
        assert a.shape == b.shape
        b.data.copy_(a.data)


@pytest.mark.parametrize("training", [False, True])
def test_unet_equals_the_reference_parameter_for_parameter(training):
    ours, reference = build_generator("unet", 256, 4), ReferenceUNet256(4)
    copy_parameters_in_order(ours, reference)
    label = torch.rand(1, 3, 256, 256) * 2 - 1
    ours.train(training)
    reference.train(training)
    torch.manual_seed(1)
    a = ours(label)
    torch.manual_seed(1)
    b = reference(label)
    torch.testing.assert_close(a, b)


def test_networks_have_the_size_of_the_paper():
    def count(module):
        return sum(p.numel() for p in module.parameters())

    # 4 * 4 * in * out + out for every convolution, 2 * channels for every batch norm
    down = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    up = [
        (512, 512),
        (1024, 512),
        (1024, 512),
        (1024, 512),
        (1024, 256),
        (512, 128),
        (256, 64),
        (128, 3),
    ]
    expected = sum(16 * a * b + b for a, b in pairwise(down))
    expected += sum(16 * a * b + b for a, b in up)
    expected += 2 * (128 + 256 + 512 * 4) + 2 * (512 * 4 + 256 + 128 + 64)
    assert count(build_generator("unet", 256, 64)) == expected
    patch = [(6, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    expected = sum(16 * a * b + b for a, b in patch) + 2 * (128 + 256 + 512)
    assert count(build_discriminator("patchgan", 64)) == expected


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_keep_the_size_and_stay_in_range_at_batch_1(name, size):
    generator = build_generator(name, size, 2).train()
    with torch.no_grad():
        photo = generator(torch.rand(1, 3, size, size) * 2 - 1)
    assert photo.shape == (1, 3, size, size)
    assert photo.abs().max() <= 1


def test_unet_reaches_one_pixel_at_every_size():
    for size in (32, 64, 128, 256, 512):
        features = torch.rand(1, 3, size, size)
        for block in build_generator("unet", size, 2).down:
            features = block(features)
        assert features.shape[-2:] == (1, 1)


def test_patchgan_gives_a_30x30_map_of_raw_scores_for_256():
    scores = build_discriminator("patchgan", 4)(*torch.rand(2, 1, 3, 256, 256))
    assert scores.shape == (1, 1, 30, 30)


def test_patchgan_score_sees_exactly_70_pixels():
    discriminator = build_discriminator("patchgan", 2).eval()
    photo = torch.zeros(1, 3, 256, 256, requires_grad=True)
    discriminator(torch.zeros_like(photo), photo)[0, 0, 15, 15].backward()
    seen = photo.grad.abs().sum(dim=(0, 1))
    for axis in (0, 1):
        touched = seen.sum(dim=axis).nonzero()
        assert touched.max() - touched.min() + 1 == 70


@pytest.mark.parametrize("name", DISCRIMINATORS)
@pytest.mark.parametrize("size", [32, 64, 256])
def test_discriminators_work_at_batch_1(name, size):
    discriminator = build_discriminator(name, 2, colors=COLORS).train()
    scores = discriminator(*torch.rand(2, 1, 3, size, size))
    assert scores.shape[0] == 1 and scores.isfinite().all()


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_features_are_the_activations_and_end_in_the_scores(name):
    discriminator = build_discriminator(name, 2, colors=COLORS)
    label, photo = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    photo.requires_grad_()
    torch.manual_seed(0)
    *activations, last = discriminator.features(label, photo)
    assert torch.equal(last, discriminator(label, photo))
    assert len(activations) >= 4 and all(values.dim() == 4 for values in activations)
    for values in activations:  # all of the photo, and none is overwritten by a later layer
        (gradient,) = torch.autograd.grad(values.square().mean(), photo, retain_graph=True)
        assert gradient.any()


def test_patchgan_scores_a_photo_for_its_label_map():
    discriminator = build_discriminator("patchgan", 2).eval()
    label, other_label, photo, other_photo = torch.rand(4, 1, 3, 64, 64)
    scores = discriminator(label, photo)
    assert not torch.allclose(scores, discriminator(other_label, photo))
    assert not torch.allclose(scores, discriminator(label, other_photo))


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_every_network_is_built_of_torchs_own_layers(name):
    with torch.device("meta"):
        if name in GENERATORS:
            network = build_generator(name)
        else:
            network = build_discriminator(name, colors=COLORS)
    layers = [module for module in network.modules() if not list(module.children())]
    others = {type(layer) for layer in layers if not type(layer).__module__.startswith("torch")}
    assert others <= {ImageNetNormalization, ResizeConvolution}


def test_initial_weights_are_normal_with_standard_deviation_0_02():
    torch.manual_seed(0)
    for network in (build_generator("unet", 64, 16), build_discriminator("patchgan", 16)):
        convolutions = [
            m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
        ]
        weights = torch.cat([m.weight.flatten() for m in convolutions])
        assert abs(weights.std() - 0.02) < 5e-4 and abs(weights.mean()) < 5e-4
        assert all((m.bias == 0).all() for m in convolutions)


@pytest.mark.parametrize("size", [0, 16, 100, 257, 1024])
def test_unsupported_sizes_are_answered_with_the_supported_ones(size):
    with pytest.raises(UserError, match=rf"image_size is {size}.*32, 64, 128, 256, 512"):
        build_generator("unet", size)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(UserError, match="no generator 'unett'.*unet"):
        build_generator("unett")
    with pytest.raises(UserError, match="no discriminator 'unet'.*patchgan"):
        build_discriminator("unet")
    with pytest.raises(UserError, match="width is 0"):
        build_generator("unet", 64, 0)
