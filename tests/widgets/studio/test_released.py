"""Models of different sizes stand side by side in one studio."""

import numpy as np
from studio_helpers import CITYSCAPES, ROAD, SKY, painter

from pix2pix_utils.widgets.studio import Studio, at_size, drawn_streets, paint


def test_a_small_model_paints_a_larger_map_in_pixels_of_its_own_size():
    class_map = np.full((64, 64), ROAD, dtype=np.uint8)
    class_map[:30] = SKY
    photo = paint({"small": at_size(painter(size=32), 64)}, class_map)["small"].photo
    assert np.array_equal(photo, CITYSCAPES.encode(class_map))
    class_map[7, 8:10] = ROAD  # of the four pixels that become one, the last counts
    photo = paint({"small": at_size(painter(size=32), 64)}, class_map)["small"].photo
    assert np.array_equal(photo[6:8, 8:10], np.full((2, 2, 3), CITYSCAPES.colors[ROAD]))
    assert np.array_equal(photo[::2, ::2].repeat(2, 0).repeat(2, 1), photo)


def test_models_of_two_sizes_share_a_studio_on_drawn_streets(monkeypatch):
    monkeypatch.setattr("pix2pix_utils.widgets.studio.scenery.SEARCHED_SCENES", 3)
    monkeypatch.setattr("pix2pix_utils.widgets.studio.scenery.SHOWN_SCENES", 2)
    streets = drawn_streets(32)
    assert len(streets.test) == 2 and streets.test.image_size == 32
    studio = Studio(streets, {"own": painter(size=32), "small": at_size(painter(size=16), 32)})
    own, small = (studio.painted[name].photo for name in ("own", "small"))
    assert own.shape == small.shape and not np.array_equal(own, small)
