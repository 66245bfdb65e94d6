"""A configuration in words: networks, losses, inputs, and what trained weights had learnt from."""

from collections.abc import Mapping

from pix2pix_utils.training.config import Config

GENERATORS = {
    "unet": "U-Net",
    "deeplab-resnet50": "DeepLabV3's backbone, a ResNet50, with layers that enlarge its features",
    "deeplab-mobilenet": "DeepLabV3's backbone, a MobileNetV3, with layers that enlarge its "
    "features",
    "deeplab-mobilenet-skips": "DeepLabV3's backbone, a MobileNetV3, with layers that "
    "enlarge its features and skip connections",
    "pix2pix-unet": "U-Net of pytorch-CycleGAN-and-pix2pix",
    "enhanced": "U-Net with two convolutions per block",
    "unet-resize": "U-Net that resizes instead of transposing",
    "enhanced-resize": "U-Net with two convolutions per block that resizes instead of transposing",
    "spade": "SPADE, in which the label map modulates every layer",
    "enhanced-single-conv": "enhanced U-Net with one convolution per block",
    "enhanced-baseline-norm": "enhanced U-Net with the baseline's batch norm",
    "enhanced-late-dropout": "enhanced U-Net with dropout in its last blocks",
    "enhanced-no-dropout": "enhanced U-Net without dropout",
}
DISCRIMINATORS = {
    "patchgan": "PatchGAN, which judges patches",
    "resnet18": "ResNet18, which judges whole photos",
    "resnet18-patch": "ResNet18 that judges patches",
    "multiscale": "PatchGAN at two scales",
    "segmentation": "segmentation discriminator, which finds the class of each pixel, or that it "
    "was generated",
}
ADVERSARIAL = {
    "bce": "cross-entropy of the discriminator's answers",
    "mse": "least squares of the discriminator's answers",
    "hinge": "hinge loss of the discriminator's answers",
    "classes": "cross-entropy of the discriminator's classes",
}
DISTANCES = {"l1": "L1", "mse": "the mean squared error"}
LABEL_INPUTS = {
    "rgb": "the label map's colours",
    "one-hot": "one plane per class",
    "edges": "borders between classes",
    "coordinates": "the pixels' coordinates",
    "mirrored": "whether the pair is mirrored",
}
OTHERS_WEIGHTS = {  # by the names of `training.weights`
    "deeplabv3_resnet50": "torchvision's DeepLabV3, which learnt from photos of ImageNet and COCO",
    "deeplabv3_mobilenet_v3_large": "torchvision's DeepLabV3, which learnt from photos of ImageNet "
    "and COCO",
    "resnet18": "torchvision's ResNet18, which learnt from photos of ImageNet",
    "facades_label2photo": "the pix2pix authors' network for facades, which learnt from photos of "
    "the CMP Facade Database",
}
VGG = "torchvision's VGG19, which learnt from photos of ImageNet"


def discriminator_words(config: Config) -> str:
    """The discriminator, or that there is none."""
    if config.adversarial_loss == "none":
        return "none: the generator learns alone"
    return DISCRIMINATORS.get(config.discriminator, config.discriminator)


def loss_words(config: Config) -> str:
    """What the generator minimises, as a sum of weighted terms."""
    terms = [] if config.adversarial_loss == "none" else [ADVERSARIAL[config.adversarial_loss]]
    weighted = {
        DISTANCES[config.distance]: config.alpha,
        "(1 - SSIM)": config.ssim_weight,
        "(1 - SSIM over several scales)": config.ms_ssim_weight,
        "the distance of the discriminator's features": config.feature_weight,
        "the distance of VGG's features": config.perceptual_weight,
    }
    terms += [f"{weight:g} x {term}" for term, weight in weighted.items() if weight]
    return " + ".join(terms)


def input_words(config: Config) -> str:
    """What the networks see of a label map."""
    return ", ".join(LABEL_INPUTS[part] for part in config.label_input.split("+"))


def start_words(origin: str | Mapping) -> str:
    """A network's initial weights, from a result's `started_from`."""
    if isinstance(origin, str):
        return origin
    if "learnt on" in origin:
        return f"weights learnt on other {origin['learnt on']}"
    return f"weights of {OTHERS_WEIGHTS.get(origin['released as'], origin['released as'])}"


def others_networks(config: Config, started_from: Mapping[str, str | Mapping]) -> list[str]:
    """The networks trained by others, on data of their own, that had a part in a run."""
    released = [
        origin["released as"]
        for origin in started_from.values()
        if not isinstance(origin, str) and "released as" in origin
    ]
    found = [OTHERS_WEIGHTS.get(name, name) for name in released]
    return found + ([VGG] if config.perceptual_weight else [])
