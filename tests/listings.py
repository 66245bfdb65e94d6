"""For tests of layouts: empty files, and what is found in them by their names."""

from pathlib import Path

from pix2pix_utils.data.layouts import LAYOUTS
from pix2pix_utils.data.source import SPLITS, Listing


def make(folder: Path, *names: str) -> Path:
    """Empty files of these relative paths."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def numbered(pattern: str, count: int = 10, **choices: str) -> list[str]:
    """`pattern` for the numbers 0.. as `{i}`, and each word of the choices: `side='a b'`."""
    found = [pattern]
    for key, words in choices.items():
        found = [text.replace(f"{{{key}}}", word) for text in found for word in words.split()]
    return [text.replace("{i}", str(index)) for text in found for index in range(count)]


def find(folder: Path) -> Listing | None:
    listings = (layout.find(folder) for layout in LAYOUTS)
    return next((listing for listing in listings if listing is not None), None)


def found(folder: Path) -> Listing:
    listing = find(folder)
    assert listing is not None
    return listing


def counts(listing: Listing) -> tuple[int, ...]:
    return tuple(len(listing.splits[split]) for split in SPLITS)


def pairs(listing: Listing) -> dict[str, tuple[str, ...]]:
    """The files of every pair, relative to the folder, by the pair's name."""
    return {
        match.name: tuple(p.path.relative_to(listing.folder).as_posix() for p in match.pictures)
        for split in SPLITS
        for match in listing.splits[split]
    }


def names(listing: Listing, split: str) -> list[str]:
    return [match.name for match in listing.splits[split]]
