"""Search spaces: the hyper-parameters that a study varies, and the values that they may take.

A dimension maps a place in [0, 1] to a value, so that a random point or a grid is first laid out in
the unit cube, whatever the dimensions are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pix2pix_utils.errors import UserError
from pix2pix_utils.training.config import Config

# they decide the pairs that a trial is trained and scored on, and scores of different pairs cannot
# be compared
_DATA_KEYS = ("image_size", "train_pairs", "val_pairs", "test_pairs", "data_seed")

Value = float | int | str


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole numbers if both ends are `int`.

    With `log`, equal steps in place are equal factors in value.
    """

    low: float | int
    high: float | int
    log: bool = False

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int)

    def at(self, place: float) -> float | int:
        """The value at a place: 0 is `low`, 1 is `high`. Whole numbers share [0, 1] evenly."""
        low, high = self.low, self.high
        if self.is_whole:  # every whole number stands for the interval around it
            low, high = low - 0.5, high + 0.5
        value = low * (high / low) ** place if self.log else low + (high - low) * place
        if self.is_whole:
            value = int(value + 0.5)
        return min(max(value, self.low), self.high)

    def levels(self, count: int) -> list[Value]:
        """`count` evenly spaced values, both ends included; a single one is in the middle.

        Fewer if there are not as many whole numbers.
        """
        places = [index / (count - 1) for index in range(count)] if count > 1 else [0.5]
        return list(dict.fromkeys(self.at(place) for place in places))

    def __str__(self) -> str:
        return f"{self.low!r}..{self.high!r}{':log' * self.log}"


@dataclass(frozen=True)
class Choice:
    """One of several values, as the texts that follow `key=` in a setting."""

    values: tuple[str, ...]

    def at(self, place: float) -> str:
        """The value at a place; the values share [0, 1] evenly."""
        return self.values[min(int(place * len(self.values)), len(self.values) - 1)]

    def __str__(self) -> str:
        return ",".join(self.values)


Space = dict[str, Range | Choice]
"""Dimensions by the name of the hyper-parameter, in alphabetical order."""


def parse_space(texts: Iterable[str], config: Config) -> Space:
    """The search space of texts such as `alpha=1..100:log` and `adversarial_loss=bce,mse`.

    Raises UserError if there are none, for an unknown hyper-parameter or one that decides the data,
    for a value that `config` cannot take, and for an empty range.
    """
    space: Space = {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not values:
            raise UserError(f"--search takes key=low..high, or key=a,b,c, not '{text}'")
        if key in space:
            raise UserError(f"--search names {key} twice; give all its values at once")
        if key in _DATA_KEYS:
            raise UserError(
                f"--search {text}: {key} decides the pairs that trials are scored on, and their "
                f"scores could not be compared; use --set {key}=..."
            )
        space[key] = _dimension(key, values, config)
    if not space:
        raise UserError("there is nothing to tune: --search learning_rate=1e-4..1e-2:log, say")
    return dict(sorted(space.items()))


def setting(key: str, value: Value) -> str:
    """A value as a setting, `key=value`, which `Config.with_settings` reads back exactly."""
    return f"{key}={value}" if isinstance(value, str) else f"{key}={value!r}"


def settings_text(params: dict[str, Value]) -> str:
    """A trial's values in words, rounded to three digits."""
    shown = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in params.items()}
    return ", ".join(f"{key}={value}" for key, value in shown.items())


def _dimension(key: str, text: str, config: Config) -> Range | Choice:
    found = re.fullmatch(r"(.+?)\.\.(.+?)(:log)?", text)
    if found is None:
        values = tuple(dict.fromkeys(value.strip() for value in text.split(",")))
        for value in values:
            _parsed(key, value, config)
        return Choice(values)
    low, high = (_parsed(key, end.strip(), config) for end in found.group(1, 2))
    if type(low) not in (int, float) or type(high) is not type(low):
        raise UserError(f"--search {key}={text}: {key} has no range; list its values: {key}=a,b")
    assert isinstance(low, int | float) and isinstance(high, int | float)
    if low >= high:
        raise UserError(
            f"--search {key}={text}: the range is empty, since {low} is not below {high}"
        )
    if found[3] and low <= 0:
        raise UserError(f"--search {key}={text}: a logarithmic range begins above 0, not at {low}")
    return Range(low, high, bool(found[3]))


def _parsed(key: str, text: str, config: Config) -> object:
    """A value as the configuration takes it; raises UserError if it does not."""
    try:
        return getattr(config.with_settings([f"{key}={text}"]), key)
    except UserError as error:
        raise UserError(str(error).replace("--set", "--search")) from None
