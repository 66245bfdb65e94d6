"""The generator on DeepLabV3's backbone."""

import pytest
import torch
from torch import nn
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights

from pix2pix_utils.errors import UserError
from pix2pix_utils.models.deeplab import DeepLabGenerator, ImageNetNormalization


@pytest.fixture(scope="module")
def mobilenet():
    return DeepLabGenerator(64, 8, backbone="mobilenet_v3_large")


@pytest.fixture(scope="module")
def skips():
    return DeepLabGenerator(64, 8, backbone="mobilenet_v3_large", skips=True)


@pytest.fixture(scope="module")
def resnet_skips():
    return DeepLabGenerator(64, 8, backbone="resnet50", skips=True)


@pytest.fixture(scope="module")
def resnet():
    return DeepLabGenerator(64, 8, backbone="resnet50")


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (50, 70), (33, 47), (100, 41)])
@pytest.mark.parametrize("backbone", ["mobilenet", "resnet", "skips", "resnet_skips"])
def test_photo_has_the_size_of_the_label_map_at_batch_1(backbone, size, request):
    network = request.getfixturevalue(backbone).train()
    with torch.no_grad():
        photo = network(torch.rand(1, 3, *size) * 2 - 1)
    assert photo.shape == (1, 3, *size) and photo.abs().max() <= 1


@pytest.mark.parametrize(("backbone", "stride"), [("resnet", 8), ("mobilenet", 16)])
def test_backbone_keeps_an_8th_or_16th_of_the_size(backbone, stride, request):
    network = request.getfixturevalue(backbone).eval()
    with torch.no_grad():
        features = network.backbone(torch.rand(1, 3, 96, 64))["out"]
    assert features.shape == (1, network.output.in_channels, 96 // stride, 64 // stride)


def test_input_is_normalised_as_the_pretrained_weights_expect():
    transform = DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1.transforms()
    image = torch.rand(2, 3, 6, 6)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (transform.mean, transform.std))
    torch.testing.assert_close(ImageNetNormalization()(image * 2 - 1), (image - mean) / std)
    assert not ImageNetNormalization().state_dict()


@pytest.mark.parametrize("kind", ["mobilenet", "skips"])
def test_gradients_reach_every_parameter(kind, request):
    network = request.getfixturevalue(kind).train()
    network(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.backbone["0"][0].weight.grad.any()  # down to the first convolution
    network.zero_grad()


@pytest.mark.parametrize(("skips", "smooth"), [(False, True), (True, False)])
def test_only_skip_connections_show_detail_within_a_sixteenth_of_the_picture(skips, smooth):
    network = DeepLabGenerator(64, 8, backbone="mobilenet_v3_large", skips=skips)
    nn.init.normal_(network.output.weight)
    label = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        photo = network(label)
    # the features of 4 x 4 belong to pixels 7.5, 23.5, ...: in between the photo is interpolated
    bends = photo[..., 24:39].diff(n=2, dim=-1).abs().max()
    assert bool(bends < 1e-5) == smooth


def test_a_decoder_with_skips_learns_while_the_backbone_is_frozen(skips):
    network = skips.train().freeze_backbone()
    before = {key: value.clone() for key, value in network.backbone.state_dict().items()}
    network(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(p.grad is None for p in network.backbone.parameters())
    assert all(p.grad is not None for p in network.decoder.parameters())
    assert all(torch.equal(value, before[k]) for k, value in network.backbone.state_dict().items())


def test_frozen_backbone_does_not_change_in_any_way(mobilenet):
    network = mobilenet.train().freeze_backbone()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network.eval()
    network.train()  # as the trainer does every epoch
    assert network.training and network.output.training
    network(torch.rand(2, 3, 64, 64)).square().mean().backward()
    optimizer.step()
    assert all(p.grad is None for p in network.backbone.parameters())
    changed = {key for key, value in network.state_dict().items() if (value != before[key]).any()}
    assert changed == {"output.weight", "output.bias"}


@pytest.mark.parametrize("backbone", ["mobilenet", "resnet"])
def test_running_statistics_follow_as_fast_as_in_every_other_network(backbone, request):
    modules = request.getfixturevalue(backbone).modules()
    assert {m.momentum for m in modules if isinstance(m, nn.BatchNorm2d)} == {0.1}


def test_building_needs_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    DeepLabGenerator(32, 8, "mobilenet_v3_large")


def test_unknown_backbone_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match="no backbone 'vgg'.*resnet50, mobilenet_v3_large"):
        DeepLabGenerator(backbone="vgg")
