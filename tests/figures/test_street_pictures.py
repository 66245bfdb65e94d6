"""Strips of streets hold every pixel as it is."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils.figures import mosaic, save_picture, street_strip
from pix2pix_utils.figures.streets import GAP


def test_a_mosaic_enlarges_without_blur_and_keeps_the_order():
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    rows = [[np.full((4, 5, 3), value) for value in row] for row in values]
    sheet = mosaic(rows, scale=2)
    assert sheet.shape == (2 * 8 + GAP, 3 * 10 + 2 * GAP, 3)
    for row in range(2):
        for column in range(3):
            top, left = row * (8 + GAP), column * (10 + GAP)
            assert (sheet[top : top + 8, left : left + 10] == values[row, column]).all()
    assert (sheet[8 : 8 + GAP] == 255).all()


@pytest.mark.parametrize("count, shown", [(3, [0, 2, 4]), (24, range(6))])
def test_a_strip_shows_label_map_models_and_ground_truth(street_data, count, shown):
    pairs = street_data.test
    predictors = {"copy": lambda batch: batch["label"], "oracle": lambda batch: batch["photo"]}
    strip = street_strip(pairs, predictors, count, scenes_in_a_row=2)
    step = pairs.image_size + GAP

    def picture(row, column):
        return strip[row * step : row * step + 32, column * step : column * step + 32]

    for place, index in enumerate(shown):
        row, first = place // 2, place % 2 * 4
        label = pairs.palette.encode(pairs.classes[index])
        for offset, expected in enumerate((label, label, pairs.photos[index], pairs.photos[index])):
            assert np.array_equal(picture(row, first + offset), expected), (index, offset)
    if count == 3:
        assert (picture(1, 4) == 255).all()


def test_a_png_is_small_and_exact_and_a_jpeg_close(tmp_path, street_data):
    large = mosaic([[street_data.test.photos[0]]], scale=4)
    save_picture(large, tmp_path / "street.png")
    save_picture(large, tmp_path / "street.jpg")
    with Image.open(tmp_path / "street.png") as png, Image.open(tmp_path / "street.jpg") as jpg:
        assert np.array_equal(np.asarray(png), large)
        assert np.abs(np.asarray(jpg).astype(int) - large).mean() < 5
    assert (tmp_path / "street.png").stat().st_size < large.nbytes / 4
