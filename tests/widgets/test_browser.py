"""The sample browser: its picture by itself, and the widget moved as a reader would."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from widget_helpers import control

from pix2pix_utils.widgets import browse_image, describe_pair, sample_browser


@pytest.fixture
def pairs(street_data):
    return street_data.val


def test_opacity_0_is_the_photo(pairs):
    image = browse_image(pairs, 2)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pairs.photos[2])


def test_opacity_1_is_the_label_map(pairs):
    np.testing.assert_array_equal(
        browse_image(pairs, 2, opacity=1.0), pairs.palette.encode(pairs.classes[2])
    )


def test_opacity_between_lies_between(pairs):
    image = browse_image(pairs, 2, opacity=0.5).astype(int)
    both = np.stack([pairs.photos[2], pairs.palette.encode(pairs.classes[2])]).astype(int)
    assert (image >= both.min(axis=0)).all() and (image <= both.max(axis=0)).all()
    np.testing.assert_allclose(image, both.mean(axis=0), atol=0.51)


@pytest.mark.parametrize("opacity", [0.0, 0.4, 1.0])
def test_highlight_keeps_its_class_and_dims_the_others(pairs, opacity):
    road = pairs.palette.index("road")
    inside = pairs.classes[0] == road
    assert inside.any() and not inside.all()
    plain = browse_image(pairs, 0, opacity=opacity)
    image = browse_image(pairs, 0, highlight=road, opacity=opacity)
    np.testing.assert_array_equal(image[inside], plain[inside])
    assert image[~inside].mean() < 0.4 * plain[~inside].mean()


def test_a_class_that_is_not_in_the_scene_dims_all_of_it(pairs):
    absent = next(i for i in range(len(pairs.palette)) if not (pairs.classes[0] == i).any())
    assert browse_image(pairs, 0, highlight=absent).mean() < 0.4 * pairs.photos[0].mean()
    assert "0.0% of the pixels" in describe_pair(pairs, 0, absent)


def test_the_arrays_stay_as_they_are(pairs):
    photo, classes = pairs.photos[1].copy(), pairs.classes[1].copy()
    browse_image(pairs, 1, highlight=0, opacity=0.7)
    np.testing.assert_array_equal(pairs.photos[1], photo)
    np.testing.assert_array_equal(pairs.classes[1], classes)


def test_words_name_the_largest_class_and_its_share(pairs):
    shares = np.bincount(pairs.classes[3].ravel()) / pairs.classes[3].size
    largest = pairs.palette.classes[shares.argmax()]
    words = describe_pair(pairs, 3)
    assert words.startswith(f"{pairs.names[3]}: {largest} {shares.max():.1%}")
    assert words.count("%") <= 4


@pytest.fixture
def browser(street_data):
    return sample_browser(street_data)


def shown(browser):
    """The picture on the screen and its text for screen readers."""
    tag = browser.children[0].value
    source = re.search(r'src="data:image/png;base64,([^"]+)"', tag)[1]
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(source))))
    return picture, re.search(r'alt="([^"]+)"', tag)[1]


def test_it_opens_with_a_picture_and_words(browser, street_data):
    picture, words = shown(browser)
    np.testing.assert_array_equal(picture, browse_image(street_data.val, 0, opacity=0.4))
    assert words == describe_pair(street_data.val, 0)


@pytest.mark.parametrize(
    ("description", "value"),
    [("scene", 3), ("highlight", 0), ("label map", 0.9), ("split", "test")],
)
def test_every_control_changes_the_picture(browser, description, value):
    before, _ = shown(browser)
    control(browser, description).value = value
    assert not np.array_equal(shown(browser)[0], before)


def test_the_controls_show_what_they_say(browser, street_data):
    road = street_data.palette.index("road")
    control(browser, "split").value = "train"
    control(browser, "scene").value = 11
    control(browser, "highlight").value = road
    control(browser, "label map").value = 0.0
    picture, words = shown(browser)
    np.testing.assert_array_equal(picture, browse_image(street_data.train, 11, highlight=road))
    assert words == describe_pair(street_data.train, 11, road)


def test_every_control_shows_its_value(browser):
    """A dropdown whose value is None is shown empty."""
    assert control(browser, "split").label == "val"
    assert control(browser, "highlight").label == "all classes"


def test_a_smaller_split_cuts_the_scene_number(browser):
    control(browser, "split").value = "train"
    control(browser, "scene").value = 11
    control(browser, "split").value = "test"
    assert control(browser, "scene").value == control(browser, "scene").max == 5
    control(browser, "split").value = "train"
    assert control(browser, "scene").max == 11
