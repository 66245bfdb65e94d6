"""The networks of the study, built by name.

A generator maps a label map (N, 3, S, S) in [-1, 1] to a photo of the same shape and range. A
discriminator maps a label map and a photo to unbounded scores (N, C, h, w): one per patch, one per
image for ResNet18, two per patch for two scales; the report's final sigmoid is applied inside the
loss. The segmentation discriminator returns log-probabilities of classes instead. `features` of a
discriminator are the activations of its layers, and last what it returns. All are built of plain
torch layers; `acceleration.convolution` makes them faster on a CPU.

Both see the label map as its colours, or as what `label_input` says: class planes, borders,
coordinates (`label_input.LabelInput`).
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.models.deeplab import BACKBONES, DeepLabGenerator
from pix2pix_utils.models.enhanced import DecoderBlock, EncoderBlock, EnhancedUNet
from pix2pix_utils.models.label_input import (
    LABEL_INPUTS,
    LabelInput,
    WithLabelInput,
    nearest_class,
    parse_label_input,
    without_label_input,
)
from pix2pix_utils.models.multiscale import MultiScalePatchGAN
from pix2pix_utils.models.patchgan import PatchGAN
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet
from pix2pix_utils.models.resnet_discriminator import ResNet18Discriminator
from pix2pix_utils.models.segmentation_discriminator import SegmentationDiscriminator
from pix2pix_utils.models.spade import SpadeGenerator
from pix2pix_utils.models.unet import UNet

__all__ = [
    "BACKBONES",
    "DISCRIMINATORS",
    "GENERATORS",
    "LABEL_INPUTS",
    "DecoderBlock",
    "DeepLabGenerator",
    "EncoderBlock",
    "EnhancedUNet",
    "LabelInput",
    "MultiScalePatchGAN",
    "PatchGAN",
    "Pix2PixUNet",
    "ResNet18Discriminator",
    "SegmentationDiscriminator",
    "SpadeGenerator",
    "UNet",
    "WithLabelInput",
    "build_discriminator",
    "build_generator",
    "freeze_backbone",
    "nearest_class",
    "parse_label_input",
    "without_label_input",
]

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "unet": UNet,
    "deeplab-resnet50": partial(DeepLabGenerator, backbone="resnet50"),
    "deeplab-mobilenet": partial(DeepLabGenerator, backbone="mobilenet_v3_large"),
    "deeplab-mobilenet-skips": partial(DeepLabGenerator, backbone="mobilenet_v3_large", skips=True),
    "pix2pix-unet": Pix2PixUNet,
    "enhanced": EnhancedUNet,
    "unet-resize": partial(UNet, upsampling="resize"),
    "enhanced-resize": partial(EnhancedUNet, upsampling="resize"),
    "spade": SpadeGenerator,
    # ablations: the enhanced generator with one of its differences from the baseline undone
    "enhanced-single-conv": partial(EnhancedUNet, extra_conv=False),
    "enhanced-baseline-norm": partial(EnhancedUNet, norm_everywhere=False),
    "enhanced-late-dropout": partial(EnhancedUNet, dropout_blocks="last"),
    "enhanced-no-dropout": partial(EnhancedUNet, dropout_blocks="none"),
}
# The generators that take three colours only, since their backbone was pretrained on photos.
RGB_GENERATORS = ("deeplab-resnet50", "deeplab-mobilenet", "deeplab-mobilenet-skips")
DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "patchgan": PatchGAN,
    "resnet18": ResNet18Discriminator,
    "resnet18-patch": partial(ResNet18Discriminator, head="patch"),
    "multiscale": MultiScalePatchGAN,
    "segmentation": SegmentationDiscriminator,
}


def build_generator(
    name: str,
    image_size: int = 256,
    width: int = 64,
    label_input: str = "rgb",
    colors: Tensor | None = None,
) -> nn.Module:
    """A freshly initialised generator for square images of `image_size` pixels.

    `width` is the number of filters of the first layer. `label_input` is what the network sees of
    the label map, and `colors` the palette's class colours, (K, 3) in [-1, 1], which all kinds but
    `rgb` and `coordinates` need; unless it is "rgb", the network is returned inside a
    WithLabelInput. Raises UserError for an unknown name, for a size, width or label input that the
    network does not support, or if the colours are missing.
    """
    _check("generator", name, GENERATORS, width)
    if label_input == "rgb":
        return GENERATORS[name](image_size=image_size, width=width)
    if name in RGB_GENERATORS:
        raise UserError(
            f"label_input is '{label_input}', but the generator {name}, whose backbone was "
            "pretrained on photos, takes three colours: use label_input=rgb"
        )
    encode = LabelInput(label_input, colors)
    network = GENERATORS[name](image_size=image_size, width=width, channels_in=encode.channels)
    return WithLabelInput(encode, network)


def build_discriminator(
    name: str, width: int = 64, label_input: str = "rgb", colors: Tensor | None = None
) -> nn.Module:
    """A freshly initialised discriminator with `width` filters in its first layer.

    `label_input` and `colors` are those of `build_generator`. The segmentation discriminator always
    needs the colours, and takes the label map as it is whatever the label input. Raises UserError
    for an unknown name, a width below 1, an unknown label input, or if the colours are missing.
    """
    _check("discriminator", name, DISCRIMINATORS, width)
    if name == "segmentation":
        return SegmentationDiscriminator(width, colors)
    if label_input == "rgb":
        return DISCRIMINATORS[name](width=width)
    encode = LabelInput(label_input, colors)
    network = DISCRIMINATORS[name](width=width, label_channels=encode.channels)
    return WithLabelInput(encode, network)


def freeze_backbone(generator: nn.Module) -> None:
    """Freeze a DeepLab generator's backbone; raises UserError for a generator without one."""
    network = without_label_input(generator)
    if not isinstance(network, DeepLabGenerator):
        raise UserError(
            f"freeze_backbone=true: {type(network).__name__} has no backbone; "
            f"only the generators {' and '.join(RGB_GENERATORS)} have one"
        )
    network.freeze_backbone()


def _check(kind: str, name: str, registry: dict[str, Callable[..., nn.Module]], width: int) -> None:
    check_choice(kind, name, registry)
    if width < 1:
        raise UserError(f"width is {width}, but a network needs at least 1 filter")
