"""What the owner of a data set says about it, where names and contents leave doubt or mislead.

Options stand in the file `dataset.toml` in the data set's folder, or behind the folder's name, as
in `my_pairs?label_side=left&label_kind=indices`; the latter win.
"""

import sys
from dataclasses import dataclass, fields
from pathlib import Path

from pix2pix_utils.errors import UserError, check_choice, hint
from pix2pix_utils.files import explain_os_error

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "dataset.toml"
LABEL_KINDS = ("colors", "nearest-colors", "indices", "label-ids", "train-ids")
PHOTO_ORIENTATIONS = ("exif", "stored")


@dataclass(frozen=True)
class Options:
    """None means that names and contents decide."""

    label_side: str | None = None  # the folder, suffix or half with the label maps
    label_kind: str | None = None  # how they name classes: one of LABEL_KINDS
    photo_orientation: str | None = None  # turn photos as EXIF says, or take them as stored

    def __post_init__(self):
        if self.label_kind is not None:
            check_choice("label_kind", self.label_kind, LABEL_KINDS)
        if self.photo_orientation is not None:
            check_choice("photo_orientation", self.photo_orientation, PHOTO_ORIENTATIONS)

    def over(self, other: "Options") -> "Options":
        """These options, and those of `other` where these say nothing."""
        return Options(**{**other.given(), **self.given()})

    def given(self) -> dict[str, str]:
        return {key: value for key in NAMES if (value := getattr(self, key)) is not None}

    def address(self, folder: str) -> str:
        """The folder's name with the options behind it; `split_address` takes them apart."""
        text = "&".join(f"{key}={value}" for key, value in self.given().items())
        return f"{folder}?{text}" if text else folder


NAMES = tuple(field.name for field in fields(Options))


def split_address(dataset: str) -> tuple[str, Options]:
    """A folder's name or path, and the options behind it; raises UserError for unknown ones."""
    folder, mark, text = dataset.rpartition("?")
    if not mark or "=" not in text:
        return dataset, Options()
    pairs = [part.partition("=")[::2] for part in text.split("&")]
    return folder, _options(dict(pairs), f"'{dataset}'")


def read_options(folder: Path) -> Options:
    """The options in the folder's `dataset.toml`; raises UserError if the file is invalid."""
    path = folder / FILE_NAME
    if not path.is_file():
        return Options()
    with explain_os_error(f"read {path}"):
        content = path.read_bytes()
    try:
        values = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None
    return _options(values, str(path))


def _options(values: dict, where: str) -> Options:
    for key, value in values.items():
        if key not in NAMES:
            raise UserError(f"{where} has the unknown option '{key}'; {hint(key, NAMES)}")
        if not isinstance(value, str):
            raise UserError(f"{where} says {key} = {value!r}, but it must be text in quotes")
    return Options(**values)
