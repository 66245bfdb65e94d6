"""The U-Net's weights in pytorch-CycleGAN-and-pix2pix's format."""

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.export import write_pix2pix
from pix2pix_utils.models import Pix2PixUNet, build_generator
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.trained_generator import TrainedGenerator
from pix2pix_utils.training.weights import load_generator_weights, load_state


def test_the_weights_load_back_bit_for_bit(trained, tmp_path):
    network = trained("pix2pix-unet")
    path = tmp_path / "latest_net_G.pth"
    write_pix2pix(network, path)
    loaded = build_generator("pix2pix-unet", 32, 8)
    load_generator_weights(loaded, load_state(path))
    expected = network.network.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, expected[key]), key


def test_the_keys_are_those_of_the_released_files(tmp_path, trained):
    """A generator there is nested blocks: convolutions and norms, and among them the next block."""
    write_pix2pix(trained("pix2pix-unet"), tmp_path / "net_G.pth")
    state = torch.load(tmp_path / "net_G.pth", weights_only=True)
    levels = 5  # at 32 pixels
    expected = {"model.model.0.weight", "model.model.3.weight", "model.model.3.bias"}
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    prefix = "model.model.1.model"
    for _ in range(levels - 2):
        expected |= {f"{prefix}.1.weight", f"{prefix}.5.weight"}
        expected |= {f"{prefix}.{place}.{name}" for place in (2, 6) for name in norm}
        prefix += ".3.model"
    expected |= {f"{prefix}.1.weight", f"{prefix}.3.weight"}
    expected |= {f"{prefix}.4.{name}" for name in norm}
    assert set(state) == expected


@pytest.mark.parametrize(
    ("size", "network"),
    [
        (256, "--netG unet_256 --ngf 1 --load_size 256 --crop_size 256 --eval"),
        (128, "--netG unet_128 --ngf 1 --load_size 128 --crop_size 128 --eval"),
        (64, "UnetGenerator(3, 3, num_downs=6, ngf=1, use_dropout=True)"),
    ],
)
def test_how_that_repository_builds_the_network(tmp_path, size, network):
    config = Config(generator="pix2pix-unet", image_size=size, width=1)
    trained = TrainedGenerator(Pix2PixUNet(size, 1), None, config, None)
    assert write_pix2pix(trained, tmp_path / "net_G.pth") == network


@pytest.mark.parametrize(
    ("generator", "label_input"),
    [("unet", "rgb"), ("pix2pix-unet", "one-hot"), ("enhanced", "rgb")],
)
def test_another_network_says_why_not(trained, tmp_path, generator, label_input):
    network, path = trained(generator, label_input), tmp_path / "net_G.pth"
    message = one_sentence(lambda: write_pix2pix(network, path))
    assert generator in message and label_input in message and "--onnx" in message
    assert not path.exists()
