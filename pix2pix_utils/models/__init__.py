"""The networks of the study, built by name.

A generator maps a label map (N, 3, S, S) in [-1, 1] to a photo of the same shape and range. A
discriminator maps a label map and a photo to unbounded scores (N, 1, h, w): one per patch, or one
per image for ResNet18; the report's final sigmoid is applied inside the loss. All are built of
plain torch layers; `acceleration.convolution` makes them faster on a CPU.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.models.deeplab import BACKBONES, DeepLabGenerator
from pix2pix_utils.models.enhanced import DecoderBlock, EncoderBlock, EnhancedUNet
from pix2pix_utils.models.patchgan import PatchGAN
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet
from pix2pix_utils.models.resnet_discriminator import ResNet18Discriminator
from pix2pix_utils.models.unet import UNet

__all__ = [
    "BACKBONES",
    "DISCRIMINATORS",
    "GENERATORS",
    "DecoderBlock",
    "DeepLabGenerator",
    "EncoderBlock",
    "EnhancedUNet",
    "PatchGAN",
    "Pix2PixUNet",
    "ResNet18Discriminator",
    "UNet",
    "build_discriminator",
    "build_generator",
    "freeze_backbone",
]

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "unet": UNet,
    "deeplab-resnet50": partial(DeepLabGenerator, backbone="resnet50"),
    "deeplab-mobilenet": partial(DeepLabGenerator, backbone="mobilenet_v3_large"),
    "pix2pix-unet": Pix2PixUNet,
    "enhanced": EnhancedUNet,
    # ablations: the enhanced generator with one of its differences from the baseline undone
    "enhanced-single-conv": partial(EnhancedUNet, extra_conv=False),
    "enhanced-baseline-norm": partial(EnhancedUNet, norm_everywhere=False),
    "enhanced-late-dropout": partial(EnhancedUNet, dropout_blocks="last"),
    "enhanced-no-dropout": partial(EnhancedUNet, dropout_blocks="none"),
}
DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "patchgan": PatchGAN,
    "resnet18": ResNet18Discriminator,
    "resnet18-patch": partial(ResNet18Discriminator, head="patch"),
}


def build_generator(name: str, image_size: int = 256, width: int = 64) -> nn.Module:
    """A freshly initialised generator for square images of `image_size` pixels.

    `width` is the number of filters of the first layer. Raises UserError for an unknown name, or
    for a size or width that the network does not support.
    """
    return _build("generator", GENERATORS, name, image_size=image_size, width=width)


def build_discriminator(name: str, width: int = 64) -> nn.Module:
    """A freshly initialised discriminator with `width` filters in its first layer.

    Raises UserError for an unknown name or a width below 1.
    """
    return _build("discriminator", DISCRIMINATORS, name, width=width)


def freeze_backbone(generator: nn.Module) -> None:
    """Freeze a DeepLab generator's backbone; raises UserError for a generator without one."""
    if not isinstance(generator, DeepLabGenerator):
        raise UserError(
            f"freeze_backbone=true: {type(generator).__name__} has no backbone; "
            "only the generators deeplab-resnet50 and deeplab-mobilenet have one"
        )
    generator.freeze_backbone()


def _build(
    kind: str, registry: dict[str, Callable[..., nn.Module]], name: str, **sizes: int
) -> nn.Module:
    check_choice(kind, name, registry)
    if sizes["width"] < 1:
        raise UserError(f"width is {sizes['width']}, but a network needs at least 1 filter")
    return registry[name](**sizes)
