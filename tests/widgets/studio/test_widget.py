"""The studio's widget, without a browser."""

import numpy as np
import pytest
from studio_helpers import BACKGROUND, SKY, painter

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.widgets.studio import street_studio


@pytest.fixture
def widget(street_data):
    return street_studio(street_data, {"copy": painter()})


def test_the_widget_describes_all_that_the_screen_needs(widget, street_data):
    setup = widget.setup
    assert setup["size"] == 32
    assert [one["name"] for one in setup["classes"]] == list(CITYSCAPES.classes)
    assert len(setup["scenes"]) == len(street_data.test)
    assert [one["name"] for one in setup["classes"] if one["background"]] == [
        CITYSCAPES.classes[index] for index in BACKGROUND
    ]
    assert [action["kind"] for action in setup["actions"]] == ["save"]
    for stamp in setup["stamps"]:
        assert len(stamp["shape"]) == stamp["height"] * stamp["width"]
    titles = [picture["title"] for picture in widget.answer["pictures"]]
    assert titles == ["copy", "the scene's own photo"]


def test_the_widget_answers_a_message(widget):
    class_map = np.full((32, 32), SKY, dtype=np.uint8)
    content = {"kind": "paint", "view": "v", "revision": 7}
    widget._receive(widget, content, [class_map.tobytes()])
    answer = widget.answer
    assert (answer["view"], answer["revision"]) == ("v", 7)
    assert answer["classes"] == class_map.tobytes()
    assert answer["pictures"][0]["pixels"] == CITYSCAPES.encode(class_map).tobytes()
    assert answer["pictures"][0]["note"].endswith(" ms")


@pytest.mark.parametrize("content", [{"kind": "scene", "scene": 99, "revision": 3}, {}, "nonsense"])
def test_the_widget_tells_a_refusal_and_stays_as_it_was(widget, content):
    before = widget.answer
    widget._receive(widget, content, [bytes(32 * 32)])
    assert widget.answer["refused"] and widget.answer["message"]
    assert not widget.answer["edited"]
    for key in ("classes", "pictures"):
        assert widget.answer[key] == before[key]


def test_every_answer_is_a_new_one(widget):
    """Two equal answers in a row would not reach the front end."""
    first = widget.answer
    widget.refresh()
    assert widget.answer != first
