"""Small generators as a training leaves them."""

import pytest
import torch

from pix2pix_utils.data.pairs import signed_colors
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.models import build_generator
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.trained_generator import TrainedGenerator

SIZE = 32


@pytest.fixture
def random_label_map():
    """A function from a seed to a label map of CamVid, (1, 3, 32, 32), in squares of 4x4."""

    def random_label_map(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        classes = torch.randint(len(CAMVID), (8, 8), generator=generator)
        classes = classes.repeat_interleave(4, 0).repeat_interleave(4, 1)
        return signed_colors(CAMVID)[classes].movedim(-1, 0)[None]

    return random_label_map


@pytest.fixture
def trained(random_label_map):
    """A function from a generator's name to one whose batch norm has statistics."""

    def trained(generator: str, label_input: str = "rgb") -> TrainedGenerator:
        mirror = "mirror" if "mirrored" in label_input else "none"
        config = Config(
            generator=generator,
            image_size=SIZE,
            width=8,
            label_input=label_input,
            augmentation=mirror,
        )
        torch.manual_seed(0)
        colors = signed_colors(CAMVID)
        network = build_generator(generator, SIZE, config.width, label_input, colors).train()
        batch = torch.cat([random_label_map(seed) for seed in range(4)])
        with torch.no_grad():
            for _ in range(20):
                network(batch)
        return TrainedGenerator(network, CAMVID, config, run=None)

    return trained
