"""The empty street and the stamps."""

import numpy as np
import pytest
from studio_helpers import BACKGROUND, ROAD

from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.widgets.studio import cut_stamps, drawn_stamps, typical_street


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("palette", [CITYSCAPES, CAMVID], ids=lambda palette: palette.name)
def test_drawn_stamps_are_things_of_the_palette(palette, size):
    stamps = drawn_stamps(palette, size)
    names = {palette.classes[stamp.class_index].lower() for stamp in stamps}
    assert len(names) == 3 and "car" in names
    for stamp in stamps:
        assert stamp.shape[0].any() and stamp.shape[-1].any() and stamp.shape[:, 0].any()
        assert 3 <= stamp.shape.shape[0] < size / 2 + 2


def test_cut_stamps_are_regions_of_the_scenes(street_data):
    stamps = cut_stamps(street_data.train)
    assert stamps
    for stamp in stamps:
        scene = street_data.train.names.index(stamp.name.split(" of ")[1])
        mask = street_data.train.classes[scene] == stamp.class_index
        height, width = stamp.shape.shape
        windows = np.lib.stride_tricks.sliding_window_view(mask, (height, width))
        assert (windows >= stamp.shape).all(axis=(2, 3)).any()


def test_the_typical_street_is_empty_and_a_street(street_data):
    street = typical_street(street_data.train, BACKGROUND)
    assert np.isin(street, BACKGROUND).all()
    assert (street[-4:] == ROAD).mean() > 0.5
    assert not (street[:4] == ROAD).any()
