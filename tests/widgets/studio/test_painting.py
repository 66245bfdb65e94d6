"""Painting class maps with generators, and saving them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from studio_helpers import painter

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.pairs import to_signed, to_uint8
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.widgets.studio import finished_run, load_painter, paint, save_street


def test_painters_get_the_colours_and_their_photos_come_back(street_data):
    class_map = street_data.test.classes[0]
    painted = paint({"copy": painter(), "negative": painter(sign=-1)}, class_map)
    colors = CITYSCAPES.encode(class_map)
    np.testing.assert_array_equal(painted["copy"].photo, colors)
    np.testing.assert_array_equal(painted["negative"].photo, 255 - colors)
    assert all(one.milliseconds > 0 for one in painted.values())


@pytest.mark.parametrize("shape", [(16, 16), (32, 16), (32, 32, 3)])
def test_a_map_of_another_size_is_not_painted(shape):
    with pytest.raises(UserError, match="32 x 32"):
        paint({"copy": painter()}, np.zeros(shape, dtype=np.uint8))


def test_a_class_outside_the_palette_is_not_painted():
    with pytest.raises(UserError, match="do not fit the palette"):
        paint({"copy": painter()}, np.full((32, 32), len(CITYSCAPES), dtype=np.uint8))


def test_a_finished_run_is_found_and_paints_what_its_generator_does(
    smoke_config, street_data, finished_output, tmp_path
):
    assert finished_run(smoke_config, street_data, tmp_path) is None
    shutil.copytree(finished_output / "runs", tmp_path / "runs")
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "result.json").write_text("{}")
    run = finished_run(smoke_config, street_data, tmp_path)
    assert run.config == smoke_config
    assert finished_run(replace(smoke_config, epochs=1), street_data, tmp_path) is None
    limits = smoke_config.pair_limits
    other = load_data("synthetic", 32, limits=limits, data_seed=5, progress=False)
    assert finished_run(smoke_config, other, tmp_path) is None

    loaded = load_painter(run.folder, torch.device("cpu"))
    class_map = street_data.test.classes[1]
    photo = paint({"it": loaded}, class_map)["it"].photo
    label = to_signed(CITYSCAPES.encode(class_map))[None]
    with torch.no_grad():
        np.testing.assert_array_equal(photo, to_uint8(loaded.predict({"label": label})[0]))


def test_a_saved_street_can_be_read_again(tmp_path, street):
    photo = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    folder = save_street(tmp_path, CITYSCAPES, street, {"baseline+flip": photo})
    np.testing.assert_array_equal(np.array(Image.open(folder / "classes.png")), street)
    colors = np.array(Image.open(folder / "label_map.png"))
    np.testing.assert_array_equal(CITYSCAPES.decode(colors), street)
    (saved,) = (folder / "photos").iterdir()
    assert "baseline+flip" in saved.name
    np.testing.assert_array_equal(np.array(Image.open(saved)), photo)


def test_saving_never_overwrites(tmp_path, street):
    first, second, third = (save_street(tmp_path, CITYSCAPES, street, {}) for _ in range(3))
    assert len({first, second, third}) == 3
    for file in first.iterdir():
        file.unlink()
    first.rmdir()  # now the count of the folders is a number that is taken
    kept = (third / "classes.png").read_bytes()
    fourth = save_street(tmp_path, CITYSCAPES, np.zeros_like(street), {})
    assert fourth not in (second, third)
    assert (third / "classes.png").read_bytes() == kept


def test_odd_model_names_stay_in_the_folder_and_apart(tmp_path, street):
    photo = np.zeros((12, 12, 3), dtype=np.uint8)
    folder = save_street(tmp_path, CITYSCAPES, street, {"../a": photo, "..:a": photo})
    assert len(list((folder / "photos").iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["studio"]


def test_a_read_only_folder_is_reported(tmp_path, street):
    (tmp_path / "studio").write_text("a file")
    with pytest.raises(UserError, match="cannot write"):
        save_street(tmp_path, CITYSCAPES, street, {})
