"""TODO."""

from collections.abc import Sequence
from dataclasses import dataclass

from pix2pix_utils.data.items import Item
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.errors import UserError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Source:
    """A data set as it lies on disk, or as it will be drawn."""

    name: str
    location: str  # what `open_source` finds it by again: 'synthetic' or the folder
    palette: Palette
    splits: dict[str, tuple[Item, ...]]  # train, val and test; no item in two of them
    split_rule: str  # how the splits came about
    description: str
    left_out: int = 0  # frames that are in no split, since they are too close to another one's
    version: str = ""  # changes with the content where there are no files: the drawing's hash
    problems: tuple[str, ...] = ()  # a sentence for each file that is in no pair, but should be


def require_whole(source: Source) -> None:
    """Raise UserError with all problems of a source, if it has any."""
    if source.problems:
        raise UserError(
            f"{source.location} has files that make no pair, mend or remove them:"
            f"{listed(source.problems)}"
        )


def listed(problems: Sequence[str]) -> str:
    return "".join(f"\n  {problem}" for problem in problems)
