"""The contact sheet of a data set."""

import numpy as np
import pytest

from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.figures.sheets import contact_sheet
from tests.folders_of_pairs import save, scene, write_pairs


def colored(classes, path, number):
    save(CITYSCAPES.colors[classes].astype("uint8"), path)


def keys(figure):
    (legend,) = figure.legends
    return {
        text.get_text(): patch
        for text, patch in zip(legend.texts, legend.get_patches(), strict=True)
    }


def test_it_shows_a_dozen_pairs_as_label_map_photo_and_both(tmp_path):
    figure = contact_sheet(open_source(str(write_pairs(tmp_path / "pairs", colored, count=20))))
    images = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(images) == 36
    label, photo, both = (image.astype(float) for image in images[:3])
    assert np.abs(both - (label + photo) / 2).max() <= 1


@pytest.mark.parametrize("count", [3, 5])
def test_a_few_pairs_are_shown_once_each(tmp_path, count):
    figure = contact_sheet(open_source(str(write_pairs(tmp_path / "pairs", colored, count=count))))
    assert len([axis for axis in figure.axes if axis.images]) == 3 * count


def test_the_legend_has_only_classes_that_occur_and_hatches_void(tmp_path):
    figure = contact_sheet(open_source(str(write_pairs(tmp_path / "pairs", colored))))
    found = keys(figure)
    assert "road" in found and "bicycle" not in found
    assert found["unlabeled (void)"].get_hatch() and not found["road"].get_hatch()


def test_forty_classes_and_long_names_fit_in_the_picture(tmp_path):
    colors = np.random.default_rng(0).integers(0, 256, (40, 3)).astype(np.uint8)
    for number in range(4):
        name = f"a_very_long_name_of_a_frame_from_a_drive_through_the_city_{number:03}.png"
        classes = (np.arange(96)[:, None] // 12 * 5 + np.arange(48)[None] // 10) % 40
        save(scene(number, (96, 48))[1], tmp_path / "pairs" / "photos" / name)
        save(colors[classes], tmp_path / "pairs" / "labels" / name)
    figure = contact_sheet(open_source(str(tmp_path / "pairs")))
    figure.canvas.draw()
    width, height = figure.bbox.size
    parts = [*figure.legends, *(axis.title for axis in figure.axes if axis.get_title())]
    for part in parts:
        box = part.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
    assert len(keys(figure)) == 40
