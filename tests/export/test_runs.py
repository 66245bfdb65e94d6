"""Class maps as text, in Python and in the page's JavaScript."""

import base64

import javascript
import numpy as np
import pytest

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.export.runs import encode_runs

FILES = ["export/page/streets.js"]
CLASSES = len(CITYSCAPES)


def maps():
    random = np.random.default_rng(0)
    return [
        *(draw_street(index, size=48)[0] for index in range(2)),
        random.integers(0, CLASSES, (16, 16), np.uint8),
        np.full((300, 300), CLASSES - 1, np.uint8),  # runs of more than 14 bits
        np.zeros((1, 1), np.uint8),
        random.integers(200, 256, (16, 16), np.uint8),  # classes + 1 of two bytes
    ]


@pytest.mark.parametrize("class_map", maps(), ids=lambda class_map: str(class_map.shape))
def test_both_languages_write_the_same_text_and_read_it_back(class_map):
    text = encode_runs(class_map)
    body = (
        "const map = Uint8Array.from(pixels);"
        "return [encodeRuns(map, size), [...decodeRuns(text, size, 256)]];"
    )
    pixels = class_map.ravel().tolist()
    theirs, decoded = javascript.run(FILES, body, pixels=pixels, size=len(class_map), text=text)
    assert theirs == text
    assert decoded == pixels


def test_a_street_is_short():
    assert len(encode_runs(draw_street(0, size=128)[0])) < 2000


def read(fragments, size=16, identity="abc"):
    """For each fragment its map's bytes, null or the sentence that refuses it."""
    body = """
      return fragments.map((fragment) => {
        try {
          const map = decodeStreet(fragment, size, identity, classes);
          return map && [...map];
        } catch (error) {
          return error.message;
        }
      });
    """
    values = {"fragments": fragments, "size": size, "identity": identity, "classes": CLASSES}
    return javascript.run(FILES, body, **values)


@pytest.fixture(scope="module")
def street():
    return draw_street(3, size=16)[0]


@pytest.fixture(scope="module")
def fragment(street):
    body = "return encodeStreet(Uint8Array.from(pixels), 16, 'abc');"
    return javascript.run(FILES, body, pixels=street.ravel().tolist())


def test_a_link_holds_the_street(street, fragment):
    assert read([fragment, "", "#licence"]) == [street.ravel().tolist(), None, None]


def test_a_link_of_another_page_is_refused(fragment):
    assert "not 32 x 32 pixels" in read([fragment], size=32)[0]
    assert "other classes" in read([fragment], identity="def")[0]


def test_no_damaged_link_is_read(fragment):
    cut = [fragment[:end] for end in range(len("#street=16.abc"), len(fragment))]
    more = [fragment + "A", fragment + "AAAA", fragment + ".", fragment + "%00", f"{fragment}\n"]
    assert all("is damaged" in str(answer) for answer in read([*cut, *more]))


def test_a_changed_letter_never_gives_another_street(street, fragment):
    """A few changes do no damage: the row above may say the same as a class does."""
    first = fragment.index("abc") + len("abc.")
    changed = [
        fragment[:at] + ("A" if fragment[at] != "A" else "B") + fragment[at + 1 :]
        for at in range(first, len(fragment))
    ]
    answers = read(changed)
    refused = ["is damaged" in str(answer) for answer in answers]
    assert sum(refused) > 0.9 * len(answers)
    same = street.ravel().tolist()
    assert all(ok or answer == same for ok, answer in zip(refused, answers, strict=True))


@pytest.mark.parametrize(
    "runs",
    [
        bytes([0, 16]),  # as above, in the first row
        bytes([1, 0, 1, 128, 2]),  # a run of no pixels
        bytes([1, 129, 2]),  # 257 pixels of 256
        bytes([CLASSES + 1, 128, 2]),  # a class too many
        bytes([1, 128, 128, 128, 128, 128, 2]),  # a number without an end
        b"",
    ],
)
def test_runs_that_are_no_map_are_refused(runs):
    text = base64.urlsafe_b64encode(runs).decode().rstrip("=")
    body = "try { decodeRuns(text, 16, classes); } catch (error) { return error.message; }"
    assert "is damaged" in javascript.run(FILES, body, text=text, classes=CLASSES)
