"""Everything that determines the outcome of a run, in one frozen record."""

import types
import typing
from dataclasses import asdict, dataclass, fields, replace

from pix2pix_utils.errors import UserError, hint

KEEP = ("best", "last")


@dataclass(frozen=True)
class Config:
    """One training run. The defaults are the report's protocol (its section II.A).

    Equal configurations give equal numbers on the same data and the same machine.
    """

    experiment: str = "baseline"
    generator: str = "unet"
    discriminator: str = "patchgan"
    label_input: str = "rgb"  # what networks see of a label map: see `models.label_input`
    adversarial_loss: str = "bce"  # bce, mse, hinge, classes; none: the generator alone learns
    distance: str = "l1"  # between generated and real photo: l1 or mse
    alpha: float = 100.0  # weight of the distance in the generator's loss
    ssim_weight: float = 0.0  # weight of 1 - SSIM in it
    ms_ssim_weight: float = 0.0  # weight of 1 - SSIM over several scales in it
    feature_weight: float = 0.0  # weight of the distance of the discriminator's features in it
    perceptual_weight: float = 0.0  # weight of the distance of VGG's features in it
    augmentation: str = "none"  # of training pairs: see `data.augmentation`
    discriminator_augmentation: str = "none"  # of what the discriminator sees, real or generated
    weights: str = "none"  # none, released, synthetic or streets: see `training.pretraining`
    freeze_backbone: bool = False  # only a DeepLab generator has one
    warmup_steps: int = 0  # first steps, in which only the discriminator learns
    image_size: int = 256  # pixels, height and width
    width: int = 64  # filters in the first layer of both networks
    epochs: int = 200
    batch_size: int = 1  # pairs in one forward pass, and in batch norm's statistics
    accumulation: int = 1  # batches per update, whose gradients are averaged
    learning_rate: float = 2e-4  # of both Adam optimisers
    discriminator_learning_rate: float | None = None  # None means `learning_rate`
    decay_from: float = 1.0  # share of the training after which the rates fall linearly to 0
    average_decay: float = 0.0  # of the generator's weights' moving average; 0 means no average
    beta1: float = 0.5
    beta2: float = 0.999
    keep: str = "best"  # the epoch whose weights are the result: best, by SSIM on val, or last
    score_every: int = 0  # epochs between scores of train and test beside val's; 0: never
    precision: str = "auto"  # auto, fp32, bf16 or fp16: see `acceleration.precision`
    train_pairs: int | None = None  # an evenly spaced part of the split; None means all of it
    val_pairs: int | None = None
    test_pairs: int | None = None
    seed: int = 0  # weights, dropout, order of the pairs
    data_seed: int = 0  # scenes of the synthetic data set

    def __post_init__(self):
        for name in ("image_size", "width", "epochs", "batch_size", "accumulation"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("warmup_steps", "score_every"):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        for name in ("train_pairs", "val_pairs", "test_pairs"):
            value = getattr(self, name)
            self._require(name, value is None or value >= 1, "at least 1, or none for all pairs")
        self._require("learning_rate", 0 < self.learning_rate < float("inf"), "positive and finite")
        rate = self.discriminator_learning_rate
        self._require(
            "discriminator_learning_rate",
            rate is None or 0 < rate < float("inf"),
            "positive and finite, or none for learning_rate",
        )
        for name in ("alpha", *(key for key in FIELD_TYPES if key.endswith("_weight"))):
            self._require(name, 0 <= getattr(self, name) < float("inf"), "0 or more, and finite")
        self._require("keep", self.keep in KEEP, f"one of {', '.join(KEEP)}")
        self._require("decay_from", 0 <= self.decay_from <= 1, "in [0, 1]")
        for name in ("average_decay", "beta1", "beta2"):
            self._require(name, 0 <= getattr(self, name) < 1, "in [0, 1)")
        for name in ("seed", "data_seed"):
            self._require(name, 0 <= getattr(self, name) < 2**31, "in 0..2147483647")
        mirrors = "mirror" in self.augmentation.split("+")
        if mirrors != ("mirrored" in self.label_input.split("+")):
            raise UserError(
                f"augmentation is {self.augmentation} and label_input is {self.label_input}, but "
                "the augmentation 'mirror' and the input 'mirrored' go together: set both or none"
            )

    def _require(self, name: str, valid: bool, condition: str) -> None:
        if not valid:
            raise UserError(f"{name} is {getattr(self, name)}, but it must be {condition}")

    @property
    def pair_limits(self) -> dict[str, int | None]:
        """The number of pairs used of each split; None means all."""
        return {"train": self.train_pairs, "val": self.val_pairs, "test": self.test_pairs}

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Config":
        """The inverse of `to_dict`; raises UserError for an unknown key or a wrong type."""
        return cls(**{key: _checked(key, value) for key, value in values.items()})

    def with_settings(self, settings: typing.Iterable[str]) -> "Config":
        """A copy with `key=value` settings applied, as in `--set epochs=5`.

        Raises UserError for a setting without `=`, an unknown key or an invalid value.
        """
        changes = {}
        for text in settings:
            key, equals, value = text.partition("=")
            if not equals:
                raise UserError(f"--set takes key=value, not '{text}'")
            changes[key.strip()] = _parsed(key.strip(), value.strip())
        return replace(self, **changes)


def _value_types(key: str) -> tuple[type, ...]:
    """The types that the field `key` may have; raises UserError if there is no such field."""
    if key == "experiment" or key not in FIELD_TYPES:
        known = [name for name in FIELD_TYPES if name != "experiment"]
        raise UserError(f"there is no hyper-parameter '{key}'; {hint(key, known)}")
    declared = FIELD_TYPES[key]
    return typing.get_args(declared) if isinstance(declared, types.UnionType) else (declared,)


def _parsed(key: str, text: str) -> typing.Any:
    allowed = _value_types(key)
    if text.lower() == "none" and types.NoneType in allowed:
        return None
    if bool in allowed:
        if text.lower() not in ("true", "false"):
            raise UserError(f"--set {key}={text}: the value must be true or false")
        return text.lower() == "true"
    try:
        return allowed[0](text)
    except ValueError:
        kind = {int: "a whole number", float: "a number"}[allowed[0]]
        raise UserError(f"--set {key}={text}: the value must be {kind}") from None


def _checked(key: str, value: typing.Any) -> typing.Any:
    allowed = (str,) if key == "experiment" else _value_types(key)
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        names = " or ".join(kind.__name__ for kind in allowed)
        raise UserError(f"the configuration's {key} is {value!r}, but it must be of type {names}")
    return value


FIELD_TYPES: dict[str, typing.Any] = {field.name: field.type for field in fields(Config)}
