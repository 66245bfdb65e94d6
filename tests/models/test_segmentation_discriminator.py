"""The discriminator that segments the photo."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import build_discriminator
from pix2pix_utils.models.segmentation_discriminator import SegmentationDiscriminator

COLORS = torch.tensor(CAMVID.colors) / 127.5 - 1


def label_map(classes):
    return COLORS[classes].permute(0, 3, 1, 2)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SegmentationDiscriminator(4, COLORS)


@pytest.fixture
def classes():
    torch.manual_seed(0)
    return torch.randint(len(COLORS), (2, 64, 64))


@pytest.fixture
def photo():
    torch.manual_seed(1)
    return torch.rand(2, 3, 64, 64) * 2 - 1


@pytest.mark.parametrize("size", [32, 64, 128])
def test_every_pixel_is_judged_at_batch_1(network, size):
    judged = network.train()(*torch.rand(2, 1, 3, size, size))
    assert judged.shape == (1, 3, size, size) and judged.isfinite().all()


def test_log_probabilities_are_those_of_the_classes_and_of_generated(network, classes, photo):
    network.eval()
    logits = []
    network.classify.register_forward_hook(lambda module, inputs, output: logits.append(output))
    label_classes, generated, _ = network(label_map(classes), photo).unbind(1)
    expected = F.log_softmax(logits[0], dim=1)
    assert logits[0].shape == (2, len(COLORS) + 1, 64, 64)
    torch.testing.assert_close(generated, expected[:, -1])
    torch.testing.assert_close(-label_classes.mean(), F.nll_loss(expected, classes))
    # over the label maps of every class, the probabilities add up to 1
    total = generated.exp()
    for index in range(len(COLORS)):
        total = total + network(label_map(torch.full_like(classes, index)), photo)[:, 0].exp()
    torch.testing.assert_close(total, torch.ones_like(total))


def test_every_class_that_occurs_weighs_the_same(network, photo):
    classes = torch.zeros(2, 64, 64, dtype=torch.long)
    classes[0, :8, :8], classes[1, 0, :5] = 3, 7
    weights = network(label_map(classes), photo)[:, 2].detach()
    for index in (0, 3, 7):
        assert weights[classes == index].unique().numel() == 1
        assert weights[classes == index].sum() == pytest.approx(weights.numel() / 3)
    assert weights.mean() == pytest.approx(1)


def test_it_sees_the_photo_alone(network, classes, photo):
    network.eval()
    one, other = network(label_map(classes), photo), network(label_map(classes.flip(0)), photo)
    assert torch.equal(one[:, 1], other[:, 1]) and not torch.equal(one[:, 0], other[:, 0])


def test_gradients_reach_every_parameter_and_the_photo(network, classes, photo):
    photo = photo.clone().requires_grad_()
    (-network(label_map(classes), photo)[:, 0]).mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert photo.grad.any()


def test_features_cover_every_size(network, classes, photo):
    sizes = [values.shape[-1] for values in network.features(label_map(classes), photo)]
    assert sizes == [32, 16, 8, 4, 8, 16, 32, 64, 64]


def test_log_probabilities_keep_full_precision_in_bf16(network, classes, photo):
    network.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        judged = network(label_map(classes), photo)
    assert judged.dtype == torch.float32
    expected = network(label_map(classes), photo)
    torch.testing.assert_close(judged[:, 2], expected[:, 2], rtol=0, atol=0)
    torch.testing.assert_close(judged, expected, rtol=0.02, atol=0.02)


def test_it_learns_to_tell_classes_from_generated_pixels(classes):
    torch.manual_seed(0)
    network = SegmentationDiscriminator(4, COLORS)
    classes = classes[:, ::32, ::32].repeat_interleave(16, 1).repeat_interleave(16, 2)
    label = label_map(classes)
    generated = torch.randn_like(label)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):  # the "photo" is the label map itself, so the task is easy
        optimizer.zero_grad()
        loss = -network(label, label)[:, 0].mean() - network(label, generated)[:, 1].mean()
        loss.backward()
        optimizer.step()
    network.eval()
    assert network(label, label)[:, 0].exp().mean() > 0.5
    assert network(label, generated)[:, 1].exp().mean() > 0.5


def test_acceleration_keeps_the_result(network, classes, photo):
    network.double().eval()
    label, photo = label_map(classes).double(), photo.double()
    with torch.no_grad():
        judged = network(label, photo)
        faster = accelerate_on_cpu(network)(label, photo)
    torch.testing.assert_close(faster, judged, rtol=1e-6, atol=1e-9)


def test_colours_are_needed_and_not_saved(network):
    assert "colors" not in network.state_dict()
    with pytest.raises(UserError, match="segmentation needs the class colours.*patchgan"):
        build_discriminator("segmentation", 4)


def test_no_transposed_convolution(network):
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in network.modules())
