"""A U-Net's weights in the format of github.com/junyanz/pytorch-CycleGAN-and-pix2pix.

That repository keeps a generator's state dict in `checkpoints/NAME/latest_net_G.pth`. Only its own
U-Net has the keys: the baseline's has biases where that one has none.
"""

from pathlib import Path

from pix2pix_utils.errors import UserError
from pix2pix_utils.models import Pix2PixUNet
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.trained_generator import TrainedGenerator

_NETWORKS = {128: "unet_128", 256: "unet_256"}  # that repository's options of --netG, by image size


def write_pix2pix(trained: TrainedGenerator, path: Path) -> str:
    """Write the weights; returns how that repository builds the network that they fit.

    The state dict has the repository's keys and float32 tensors, and `training.weights` reads it,
    too. Raises UserError for another network than the repository's U-Net with three channels, and
    WriteError if the file cannot be written.
    """
    config, network = trained.config, trained.network
    if not isinstance(network, Pix2PixUNet):
        raise UserError(
            f"the generator {config.generator} with label_input={config.label_input} has other "
            "layers than pytorch-CycleGAN-and-pix2pix: only pix2pix-unet with label_input=rgb, "
            "as in the experiment scratch-unet, fits; any generator can be exported with --onnx"
        )
    save_checkpoint(Path(path), dict(network.state_dict()))
    size, width = config.image_size, config.width
    if name := _NETWORKS.get(size):
        return f"--netG {name} --ngf {width} --load_size {size} --crop_size {size} --eval"
    return f"UnetGenerator(3, 3, num_downs={size.bit_length() - 1}, ngf={width}, use_dropout=True)"
