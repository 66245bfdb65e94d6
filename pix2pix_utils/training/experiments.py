"""The table of experiments, and the profiles that determine their size.

To add an experiment, add a row to one of the tables below.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pix2pix_utils.errors import UserError, check_choice, hint
from pix2pix_utils.training.config import Config


@dataclass(frozen=True)
class Experiment:
    """One row of the study: what is trained, and the report's result."""

    name: str
    title: str  # as in the report, or a description
    generator: str
    discriminator: str
    adversarial_loss: str
    alpha: float  # weight of the distance in the generator's loss
    distance: str = "l1"
    pretrained: bool = False  # starts from pretrained weights
    frozen: bool = False  # its pretrained backbone is not trained
    warmup: bool = False  # the discriminator, from random weights, first trains alone
    report_ssim: tuple[float, float, float] | None = None  # Table I: train, val, test


# fmt: off
_TABLE_1 = (
    #          name                      title                           generator           discriminator  adv.   alpha
    Experiment("baseline",               "Baseline Model",               "unet",             "patchgan", "bce", 100.0, report_ssim=(0.369, 0.324, 0.301)),
    Experiment("baseline-mse",           "Baseline Model with MSE",      "unet",             "patchgan", "mse", 100.0, report_ssim=(0.808, 0.512, 0.499)),
    Experiment("pretrained-torchvision", "Pre-trained from pytorch",     "deeplab-resnet50", "resnet18", "bce", 100.0, pretrained=True, report_ssim=(0.641, 0.535, 0.505)),
    Experiment("pretrained-unet",        "Pre-trained from literature",  "pix2pix-unet",     "patchgan", "mse", 100.0, pretrained=True, warmup=True, report_ssim=(0.621, 0.510, 0.511)),
    Experiment("enhanced",               "Enhanced baseline model",      "enhanced",         "patchgan", "bce", 100.0, report_ssim=(0.820, 0.536, 0.535)),
    Experiment("enhanced-mse",           "Enhanced baseline model with MSE", "enhanced",     "patchgan", "mse", 100.0, report_ssim=(0.487, 0.455, 0.462)),
)
_LOSSES = (
    Experiment("baseline-l1-50",         "Baseline, alpha 50",           "unet", "patchgan", "bce",   50.0),
    Experiment("baseline-l1-75",         "Baseline, alpha 75",           "unet", "patchgan", "bce",   75.0),
    Experiment("baseline-mse-distance",  "Baseline, MSE in place of L1", "unet", "patchgan", "bce",  100.0, distance="mse"),
    Experiment("baseline-l1-only",       "U-Net with L1 alone",          "unet", "patchgan", "none", 100.0),
    Experiment("baseline-gan-only",      "Baseline without L1",          "unet", "patchgan", "bce",    0.0),
)
_PRETRAINING = (
    Experiment("scratch-torchvision",    "DeepLab from random weights",  "deeplab-resnet50", "resnet18",       "bce", 100.0),
    Experiment("frozen-torchvision",     "DeepLab, backbone frozen",     "deeplab-resnet50", "resnet18",       "bce", 100.0, pretrained=True, frozen=True),
    Experiment("patch-torchvision",      "DeepLab, ResNet18 on patches", "deeplab-resnet50", "resnet18-patch", "bce", 100.0, pretrained=True),
    Experiment("scratch-unet",           "U-Net of [4] from random weights", "pix2pix-unet", "patchgan",       "mse", 100.0),
)
_ENHANCED = (
    Experiment("enhanced-single-conv",   "Enhanced, one convolution a block",   "enhanced-single-conv",   "patchgan", "bce", 100.0),
    Experiment("enhanced-baseline-norm", "Enhanced, batch norm as the baseline", "enhanced-baseline-norm", "patchgan", "bce", 100.0),
    Experiment("enhanced-late-dropout",  "Enhanced, dropout in the last blocks", "enhanced-late-dropout",  "patchgan", "bce", 100.0),
    Experiment("enhanced-no-dropout",    "Enhanced, no dropout",                 "enhanced-no-dropout",    "patchgan", "bce", 100.0),
)
# fmt: on

EXPERIMENTS: dict[str, Experiment] = {
    row.name: row for row in (*_TABLE_1, *_LOSSES, *_PRETRAINING, *_ENHANCED)
}
TABLE_1: tuple[str, ...] = tuple(row.name for row in _TABLE_1)

# NAME+flip, NAME+jitter and NAME+flip+jitter run any of them with augmented training pairs
AUGMENTED: tuple[str, ...] = tuple(
    f"{name}+{augmentation}"
    for name in TABLE_1
    for augmentation in ("flip", "jitter", "flip+jitter")
)

PROFILES: dict[str, dict] = {
    # seconds: does everything run?
    "smoke": dict(
        image_size=32, width=8, epochs=2, train_pairs=12, val_pairs=6, test_pairs=6
    ),
    # minutes on a laptop with two cores: do the ideas show?
    "demo": dict(
        image_size=64, width=32, epochs=5, batch_size=4,
        train_pairs=400, val_pairs=64, test_pairs=128,
    ),
    # the report's protocol
    "full": dict(image_size=256, width=64, epochs=200),
}  # fmt: skip

# Settings on top of the profile for the notebooks' ablations, which need many runs.
ABLATION_SETTINGS: dict[str, tuple[str, ...]] = {
    "smoke": (),
    "demo": ("epochs=4", "train_pairs=200"),
    "full": (),
}

# The smaller profiles must run on a CPU, and without a network to download released weights.
_PRETRAINED_WEIGHTS = {"smoke": "synthetic", "demo": "synthetic", "full": "released"}
_WARMUP_STEPS = {"smoke": 4, "demo": 50, "full": 500}


def default_profile() -> str:
    """The profile named by the environment variable PIX2PIX_PROFILE, else `demo`."""
    return os.environ.get("PIX2PIX_PROFILE") or "demo"


def find_experiment(name: str) -> tuple[Experiment, str]:
    """The row and the augmentation of an experiment's name, as in `enhanced+flip`.

    Raises UserError for an unknown name.
    """
    base, _, augmentation = name.partition("+")
    if base not in EXPERIMENTS or augmentation not in ("", "flip", "jitter", "flip+jitter"):
        raise UserError(f"there is no experiment '{name}'; {hint(name, EXPERIMENTS, AUGMENTED)}")
    return EXPERIMENTS[base], augmentation or "none"


def configure(
    experiment: str, profile: str | None = None, seed: int = 0, settings: Sequence[str] = ()
) -> Config:
    """The configuration of an experiment in a profile, with `key=value` settings on top.

    Raises UserError for an unknown experiment, profile or key, or an invalid value.
    """
    row, augmentation = find_experiment(experiment)
    profile = profile or default_profile()
    check_choice("profile", profile, PROFILES)
    generator = row.generator
    if profile != "full" and generator == "deeplab-resnet50":
        generator = "deeplab-mobilenet"
    config = Config(
        experiment=experiment,
        generator=generator,
        discriminator=row.discriminator,
        adversarial_loss=row.adversarial_loss,
        distance=row.distance,
        alpha=row.alpha,
        augmentation=augmentation,
        weights=_PRETRAINED_WEIGHTS[profile] if row.pretrained else "none",
        freeze_backbone=row.frozen,
        warmup_steps=_WARMUP_STEPS[profile] if row.warmup else 0,
        seed=seed,
        **PROFILES[profile],
    )
    return config.with_settings(settings)
