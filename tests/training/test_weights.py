"""Pretrained weights are found, checked and loaded; nothing in a file is executed."""

import hashlib
import io
import pickle
import urllib.error
from email.message import Message

import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large
from torchvision.models.vgg import cfgs
from torchvision.models.vgg import make_layers as vgg19_layers

from pix2pix_utils.errors import UserError
from pix2pix_utils.models.deeplab import DeepLabGenerator
from pix2pix_utils.models.patchgan import PatchGAN
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet
from pix2pix_utils.models.resnet_discriminator import ResNet18Discriminator
from pix2pix_utils.models.unet import UNet
from pix2pix_utils.training import weights
from pix2pix_utils.training.weights import (
    WEIGHTS,
    fetch,
    load_discriminator_weights,
    load_generator_weights,
    load_perceptual,
    load_state,
    provenance,
)


class Response(io.BytesIO):
    """What urlopen returns."""

    def __init__(self, content, announced=None):
        super().__init__(content)
        self.headers = Message()
        self.headers["Content-Length"] = str(len(content) if announced is None else announced)


@pytest.fixture
def serve(monkeypatch):
    """Let every download return a content, or raise an error."""

    def install(content, announced=None):
        def urlopen(request, timeout):
            assert 0 < timeout < 120
            requested.append(request.full_url)
            if isinstance(content, Exception):
                raise content
            return Response(content, announced)

        monkeypatch.setattr("urllib.request.urlopen", urlopen)

    requested = []
    install.requested = requested
    return install


def saved(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def randomized(network):
    """Its state dict with other values than any fresh network has."""
    return {
        key: torch.rand_like(value) if value.is_floating_point() else value + 7
        for key, value in network.state_dict().items()
    }


@pytest.mark.parametrize("counters", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_files_of_every_age_load_into_the_pix2pix_unet(tmp_path, counters, prefix):
    state = randomized(Pix2PixUNet(256, 4))
    file = tmp_path / "net_G.pth"
    torch.save(
        {prefix + k: v for k, v in state.items() if counters or "num_batches" not in k}, file
    )
    network = Pix2PixUNet(256, 4)
    load_generator_weights(network, load_state(file), file)
    for key, value in network.state_dict().items():
        expected = state[key] if counters or "num_batches" not in key else 0
        assert (value == expected).all(), key


def test_misfits_name_the_file_and_the_key():
    key = "model.model.1.model.1.weight"
    state = Pix2PixUNet(32, 2).state_dict()

    def load(changed):
        load_generator_weights(Pix2PixUNet(32, 2), changed, "net_G.pth")

    load(state)
    with pytest.raises(UserError, match=rf"net_G.pth does not fit.*'{key}' is missing"):
        load({k: v for k, v in state.items() if k != key})
    with pytest.raises(UserError, match=r"net_G.pth.*'extra.bias' is not part of it"):
        load({**state, "extra.bias": torch.zeros(3)})
    with pytest.raises(UserError, match=rf"'{key}' has the shape \(4, 5\) .* \(4, 2, 4, 4\)"):
        load({**state, key: torch.zeros(4, 5)})
    with pytest.raises(UserError, match="only image_size=256 and width=64"):
        load_generator_weights(Pix2PixUNet(64, 2), state)


def test_a_generator_is_left_as_it_was_if_the_weights_do_not_fit():
    network = UNet(32, 2)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(UserError):
        load_generator_weights(network, {**randomized(network), "extra": torch.zeros(1)})
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_deeplab_takes_the_backbone_and_nothing_else():
    state = randomized(deeplabv3_mobilenet_v3_large(weights_backbone=None, aux_loss=True))
    assert any(key.startswith("aux_classifier.") for key in state)
    network = DeepLabGenerator(32, backbone="mobilenet_v3_large")
    output = network.output.weight.clone()
    load_generator_weights(network, state)
    for key, value in network.backbone.state_dict().items():
        assert torch.equal(value, state[f"backbone.{key}"])
    assert torch.equal(network.output.weight, output)
    with pytest.raises(UserError, match=r"deeplab.pth.*'backbone\.0\.0\.weight' is missing"):
        load_generator_weights(network, UNet(32, 2).state_dict(), "deeplab.pth")


@pytest.mark.parametrize("head", ["scalar", "patch"])
def test_discriminator_takes_resnet18_with_its_first_convolution_widened(head):
    state = randomized(resnet18())
    network = ResNet18Discriminator(head=head)
    score = network.head.weight.clone()
    load_discriminator_weights(network, state)
    for key, value in network.backbone.state_dict().items():
        if key == "conv1.weight":
            assert not value[:, :3].any() and torch.equal(value[:, 3:], state[key])
        else:
            assert torch.equal(value, state[key])
    assert torch.equal(network.head.weight, score)
    del state["layer2.0.bn1.bias"]
    with pytest.raises(UserError, match=r"'layer2\.0\.bn1\.bias' is missing"):
        load_discriminator_weights(network, state)


def test_other_discriminators_take_what_fits_exactly():
    source, target = PatchGAN(2), PatchGAN(2)
    load_discriminator_weights(target, source.state_dict())
    assert all(map(torch.equal, source.state_dict().values(), target.state_dict().values()))
    with pytest.raises(UserError, match=r"'layers\.0\.weight' has the shape"):
        load_discriminator_weights(PatchGAN(4), source.state_dict())


class Hostile:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("write", [torch.save, lambda v, f: f.write_bytes(pickle.dumps(v, 2))])
def test_a_file_that_holds_code_is_refused(tmp_path, write):
    file = tmp_path / "hostile.pth"
    write({"weight": Hostile()}, file)
    with pytest.raises(UserError, match=r"hostile\.pth is not a plain file of tensors"):
        load_state(file)


def test_other_files_are_refused_in_one_sentence(tmp_path):
    file = tmp_path / "x.pth"
    with pytest.raises(UserError, match=r"no weight file .*x\.pth"):
        load_state(file)
    for content in (b"", b"<html>404</html>", saved(nn.Linear(2, 2).state_dict())[:-300]):
        file.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.pth"):
            load_state(file)
    for value in ([1, 2], {}, {"epoch": 3}, {"state_dict": {"a": torch.zeros(1)}}):
        torch.save(value, file)
        with pytest.raises(UserError, match=r"x\.pth is not a state dict"):
            load_state(file)


def test_the_table_names_its_sources():
    assert WEIGHTS["day2night"].endswith("/models-pytorch/day2night.pth")
    assert "f37072fd" in WEIGHTS["resnet18"]
    assert "cd0a2569" in WEIGHTS["deeplabv3_resnet50"]
    assert "fc3c493d" in WEIGHTS["deeplabv3_mobilenet_v3_large"]
    assert "dcbb9e9d" in WEIGHTS["vgg19"]
    with pytest.raises(UserError, match="no file of weights 'cityscapes'.*edges2shoes"):
        fetch("cityscapes")


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("no route to host"),
        TimeoutError("timed out"),
        urllib.error.HTTPError("u", 404, "Not Found", Message(), None),
        ConnectionResetError("reset by peer"),
    ],
)
def test_without_network_the_sentence_says_which_file_goes_where(tmp_path, serve, error):
    serve(error)
    with pytest.raises(UserError) as raised:
        fetch("sat2map", tmp_path)
    message = str(raised.value)
    assert "\n" not in message
    for part in (
        "'sat2map'",
        WEIGHTS["sat2map"],
        str(tmp_path / "sat2map.pth"),
        "--set weights=synthetic",
    ):
        assert part in message
    assert not list(tmp_path.iterdir())


def test_weights_lie_in_the_data_folder_by_default(tmp_path, serve, monkeypatch):
    monkeypatch.setenv("PIX2PIX_DATA", str(tmp_path))
    serve(urllib.error.URLError("off"))
    with pytest.raises(UserError) as raised:
        fetch("resnet18")
    assert str(tmp_path / "weights" / "resnet18.pth") in str(raised.value)


def test_without_network_the_perceptual_loss_says_where_to_get_its_weights(tmp_path, serve):
    serve(urllib.error.URLError("off"))
    file = tmp_path / "vgg19.pth"
    message = f"'vgg19' are missing .*get {WEIGHTS['vgg19']} and put it at {file}, or train without"
    with pytest.raises(UserError, match=f"{message} .* --set perceptual_weight=0$"):
        load_perceptual(tmp_path)


@pytest.fixture
def vgg19_file(tmp_path, monkeypatch):
    """A file with the first layers of a VGG19, one layer that is not needed, and a classifier."""
    features = vgg19_layers(cfgs["E"], batch_norm=False)[:30]
    state = {f"features.{key}": value for key, value in features.state_dict().items()}
    file = tmp_path / "vgg19.pth"
    file.write_bytes(
        saved(state | {"features.34.bias": torch.zeros(2), "classifier.0.bias": torch.zeros(2)})
    )
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(WEIGHTS, "vgg19", f"https://example.org/vgg19-{digest[:8]}.pth")
    return file, features


def test_the_perceptual_loss_takes_the_layers_that_it_needs(vgg19_file):
    file, features = vgg19_file
    before = torch.get_rng_state()
    loss = load_perceptual(file.parent)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    photos = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(loss.features(photos), features(photos))


@pytest.fixture
def small_release(monkeypatch):
    """Weights 'small' with a checksum, and their content."""
    content = saved({"weight": torch.arange(4.0)})
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(WEIGHTS, "small", f"https://example.org/small-{digest[:8]}.pth")
    return content, digest


def test_a_download_is_checked_kept_and_not_repeated(tmp_path, serve, small_release):
    content, digest = small_release
    serve(content)
    path = fetch("small", tmp_path / "weights", progress=False)
    assert fetch("small", tmp_path / "weights", progress=False) == path
    assert serve.requested == [WEIGHTS["small"]]
    assert path.read_bytes() == content
    assert load_state(path)["weight"].tolist() == [0, 1, 2, 3]
    assert provenance(path) == {"file": "small.pth", "bytes": len(content), "sha256": digest}


def test_a_wrong_or_partial_download_leaves_nothing(tmp_path, serve, small_release):
    content, _ = small_release
    serve(content + b"x")
    with pytest.raises(UserError, match=r"small-.*not the released file 'small'"):
        fetch("small", tmp_path, progress=False)
    serve(content[:-9], announced=len(content))
    with pytest.raises(UserError, match=rf"{len(content) - 9} of {len(content)} bytes"):
        fetch("small", tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_in_the_folder_is_not_used(tmp_path, serve, small_release):
    serve(AssertionError("a download was tried"))
    (tmp_path / "small.pth").write_bytes(small_release[0][:-1])
    with pytest.raises(UserError, match=r"small\.pth is not the released file"):
        fetch("small", tmp_path)


def test_pix2pix_files_are_checked_by_every_key_and_shape(tmp_path, serve, monkeypatch):
    serve(saved(Pix2PixUNet(32, 2).state_dict()))  # what a download of another network would be
    with pytest.raises(
        UserError, match=r"edges2shoes\.pth does not fit.*\(2, 3, 4, 4\) instead of \(64"
    ):
        fetch("edges2shoes", tmp_path, progress=False)
    serve(b"<html>moved</html>")
    with pytest.raises(UserError, match=r"/edges2shoes.pth is not the released file"):
        fetch("edges2shoes", tmp_path, progress=False)
    assert not list(tmp_path.iterdir())

    class Small(Pix2PixUNet):
        def __init__(self):
            super().__init__(256, 2)

    monkeypatch.setattr(weights, "Pix2PixUNet", Small)
    serve(saved(Pix2PixUNet(256, 2).state_dict()))
    assert fetch("edges2shoes", tmp_path, progress=False).is_file()


@pytest.fixture
def small_pix2pix(monkeypatch):
    """Two files that both fit the network of the pix2pix weights, here a narrow one."""

    class Small(Pix2PixUNet):
        def __init__(self):
            super().__init__(256, 2)

    monkeypatch.setattr(weights, "Pix2PixUNet", Small)
    return [saved(Pix2PixUNet(256, 2).state_dict()) for _ in range(2)]


def test_pix2pix_files_are_the_same_every_time(tmp_path, serve, small_pix2pix):
    first, other = small_pix2pix
    serve(first)
    path = fetch("edges2shoes", tmp_path, progress=False)
    record = path.with_suffix(".sha256")
    assert record.read_text().strip() == provenance(path)["sha256"]
    assert fetch("edges2shoes", tmp_path) == path
    path.write_bytes(other)  # a replaced file
    with pytest.raises(UserError, match=rf"{path} is not the file .* here first.*remove {record}"):
        fetch("edges2shoes", tmp_path)
    path.unlink()
    serve(other)  # another download
    with pytest.raises(UserError, match=r"edges2shoes\.pth is not the file .* here first"):
        fetch("edges2shoes", tmp_path, progress=False)
    assert not path.exists()
    serve(first)
    assert fetch("edges2shoes", tmp_path, progress=False).read_bytes() == first
    record.unlink()
    path.write_bytes(other)  # trusted by its owner
    assert fetch("edges2shoes", tmp_path) == path
    assert record.read_text().strip() == provenance(path)["sha256"]


def test_pix2pix_files_in_a_read_only_folder_are_used(tmp_path, small_pix2pix, monkeypatch):
    (tmp_path / "edges2shoes.pth").write_bytes(small_pix2pix[0])

    def read_only(path, text):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(weights, "write_text", read_only)
    assert fetch("edges2shoes", tmp_path).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["edges2shoes.pth"]
