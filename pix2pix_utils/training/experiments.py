"""The table of experiments, and the profiles that determine their size.

To add an experiment, add a row to one of the tables below.
"""

import os
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

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
    # further fields of `Config`, which hold at any profile
    settings: Mapping[str, typing.Any] = field(default_factory=dict)

    def variant(self, name: str, title: str, **changes: typing.Any) -> "Experiment":
        """A row with other fields, or other settings of `Config`, than this one."""
        own = {key: changes.pop(key) for key in tuple(changes) if key in _ROW_FIELDS}
        return replace(self, name=name, title=title, settings={**self.settings, **changes}, **own)


_ROW_FIELDS = {field.name for field in fields(Experiment)}


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
    Experiment("plain-torchvision",      "DeepLab on MobileNet, no skips", "deeplab-mobilenet",  "resnet18",       "bce", 100.0, pretrained=True),
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

# Beyond the report: two recommended rows, and each with one ingredient less, more or exchanged.
_BEST_SSIM = Experiment(
    "best-ssim", "For SSIM", "unet-resize", "patchgan", "none", 10.0,
    settings=dict(label_input="one-hot", ssim_weight=100.0, average_decay=0.99),
)  # fmt: skip
_BEST_LOOK = Experiment(
    "best-look", "For the look", "unet-resize", "segmentation", "classes", 5.0,
    settings=dict(
        label_input="one-hot", ssim_weight=10.0, average_decay=0.99,
        keep="last",  # SSIM on val would choose an early, smoother one
    ),
)  # fmt: skip
_BEYOND = (
    _BEST_SSIM,
    _BEST_SSIM.variant("best-ssim-rgb", "For SSIM, label colours as input", label_input="rgb"),
    _BEST_SSIM.variant(
        "best-ssim-coordinates", "For SSIM, and coordinates", label_input="one-hot+coordinates"
    ),
    _BEST_SSIM.variant(
        "best-ssim-edges", "For SSIM, and class edges", label_input="one-hot+edges"
    ),
    _BEST_SSIM.variant("best-ssim-l1", "For SSIM, no SSIM term", ssim_weight=0.0, alpha=50.0),
    _BEST_SSIM.variant(
        "best-ssim-ms-ssim", "For SSIM, over several scales", ssim_weight=0.0, ms_ssim_weight=100.0
    ),
    _BEST_SSIM.variant("best-ssim-no-average", "For SSIM, no average", average_decay=0.0),
    _BEST_SSIM.variant("best-ssim-decay", "For SSIM, falling rate", decay_from=0.5),
    _BEST_SSIM.variant("best-ssim-transposed", "For SSIM, transposed", generator="unet"),
    _BEST_SSIM.variant("best-ssim-adversarial", "For SSIM, adversarial", adversarial_loss="mse"),
    _BEST_SSIM.variant(
        "best-ssim-mirror", "For SSIM, flips that the network is told of",
        label_input="one-hot+mirrored", augmentation="mirror",
    ),
    _BEST_SSIM.variant("best-ssim-light", "For SSIM, light", augmentation="light"),
    _BEST_SSIM.variant("best-ssim-streets", "For SSIM, first on drawn streets", weights="streets"),
    _BEST_LOOK,
    _BEST_LOOK.variant("best-look-rgb", "For the look, label colours as input", label_input="rgb"),
    _BEST_LOOK.variant("best-look-l1", "For the look, no SSIM term", ssim_weight=0.0, alpha=10.0),
    _BEST_LOOK.variant("best-look-no-average", "For the look, no average", average_decay=0.0),
    _BEST_LOOK.variant("best-look-transposed", "For the look, transposed", generator="unet"),
    _BEST_LOOK.variant("best-look-enhanced", "For the look, enhanced", generator="enhanced-resize"),
    _BEST_LOOK.variant("best-look-spade", "For the look, SPADE", generator="spade"),
    _BEST_LOOK.variant(
        "best-look-patchgan", "For the look, PatchGAN",
        discriminator="patchgan", adversarial_loss="mse",
    ),
    _BEST_LOOK.variant(
        "best-look-hinge", "For the look, PatchGAN with hinge",
        discriminator="patchgan", adversarial_loss="hinge",
    ),
    _BEST_LOOK.variant(
        "best-look-multiscale", "For the look, PatchGAN at two scales",
        discriminator="multiscale", adversarial_loss="mse",
    ),
    _BEST_LOOK.variant("best-look-features", "For the look, feature matching", feature_weight=5.0),
    _BEST_LOOK.variant(
        "best-look-diffaugment", "For the look, DiffAugment",
        discriminator_augmentation="color+translation",
    ),
)  # fmt: skip

# The way from the report's rows to the recommended ones, one change at a time: `report.beyond`.
_SSIM_LOSS = _LOSSES[3].variant(
    "best-ssim-step-loss", "To SSIM: SSIM in the loss", alpha=10.0, ssim_weight=100.0
)
_SSIM_INPUT = _SSIM_LOSS.variant(
    "best-ssim-step-input", "To SSIM: class planes", label_input="one-hot"
)
_LOOK_LOSS = _TABLE_1[1].variant(
    "best-look-step-loss",
    "To the look: SSIM in the loss",
    alpha=5.0,
    ssim_weight=10.0,
    keep="last",
    report_ssim=None,
)
_LOOK_INPUT = _LOOK_LOSS.variant(
    "best-look-step-input", "To the look: class planes", label_input="one-hot"
)
_LOOK_AVERAGE = _LOOK_INPUT.variant(
    "best-look-step-average", "To the look: average", average_decay=0.99
)
_STEPS = (
    _SSIM_LOSS, _SSIM_INPUT,
    _LOOK_LOSS, _LOOK_INPUT, _LOOK_AVERAGE,
)  # fmt: skip

EXPERIMENTS: dict[str, Experiment] = {
    row.name: row for row in (*_TABLE_1, *_LOSSES, *_PRETRAINING, *_ENHANCED, *_BEYOND, *_STEPS)
}
BEYOND: tuple[str, ...] = tuple(row.name for row in (*_BEYOND, *_STEPS))
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
        image_size=64, width=16, epochs=8, batch_size=4, learning_rate=1e-3,
        train_pairs=600, val_pairs=64, test_pairs=128,
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
    from pix2pix_utils.data.augmentation import AUGMENTATIONS  # here, since it imports torch

    base, _, augmentation = name.partition("+")
    steps = augmentation.split("+") if augmentation else []
    if (
        base not in EXPERIMENTS
        or not set(steps) <= set(AUGMENTATIONS)
        or len({*steps}) < len(steps)
    ):
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
        # Plain MobileNet features of a picture of 64 pixels are 4 x 4: a smear, at any weights.
        generator = "deeplab-mobilenet-skips"
    values: dict[str, typing.Any] = dict(
        experiment=experiment,
        generator=generator,
        discriminator=row.discriminator,
        adversarial_loss=row.adversarial_loss,
        distance=row.distance,
        alpha=row.alpha,
        weights=_PRETRAINED_WEIGHTS[profile] if row.pretrained else "none",
        freeze_backbone=row.frozen,
        warmup_steps=_WARMUP_STEPS[profile] if row.warmup else 0,
        seed=seed,
    )
    values |= {**PROFILES[profile], **row.settings}
    if augmentation != "none":
        values["augmentation"] = augmentation
    return Config(**values).with_settings(settings)
