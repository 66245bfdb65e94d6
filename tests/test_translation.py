"""Label maps of any size become photos; bad input is named before anything is written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pix2pix_utils.data.pairs import to_uint8
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.files import WriteError
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.translation import translate

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    """A folder of label maps: one in it, one in a folder inside."""
    folder = tmp_path / "maps"
    (folder / "inner").mkdir(parents=True)
    for name in ("a.png", "inner/b.png"):
        Image.new("L", (8, 6)).save(folder / name)
    return folder


@pytest.fixture
def translated(finished_run, tmp_path):
    """Translates with the finished run into a folder `photos`."""

    def translated(*inputs):
        return translate(finished_run.folder, inputs, tmp_path / "photos", CPU, progress=False)

    return translated


def test_a_label_map_of_the_networks_size_becomes_the_networks_photo(
    finished_run, tmp_path, street_data
):
    label = tmp_path / "scene.png"
    Image.fromarray(CITYSCAPES.encode(street_data.test.classes[0])).save(label)
    (path,) = translate(finished_run.best_checkpoint, [label], tmp_path / "out", CPU, False)
    generator, _, _ = load_generator(finished_run.folder, CPU)
    with torch.no_grad():
        expected = to_uint8(generator_predictor(generator)(street_data.test.batch([0]))[0])
    with Image.open(path) as photo:
        assert np.array_equal(np.asarray(photo), expected)


def test_every_bad_label_map_is_named_with_the_palette(folder, translated, tmp_path):
    Image.new("RGB", (8, 8), (1, 255, 3)).save(folder / "a.png")
    (folder / "inner" / "b.png").write_bytes(b"x")
    with pytest.raises(UserError, match="trained on the classes of 'cityscapes'") as error:
        translated(folder)
    assert str(folder / "a.png") in str(error.value) and "b.png" in str(error.value)
    assert not (tmp_path / "photos").exists()


def test_a_folder_keeps_its_structure_and_links_in_a_circle_are_followed_once(folder, finished_run):
    output = folder / "photos"
    try:
        (folder / "inner" / "loop").symlink_to(folder)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    for _ in range(2):  # the second time the photos lie below the input folder
        written = translate(finished_run.folder, [folder], output, CPU, progress=False)
        assert sorted(str(p.relative_to(output)) for p in written) == ["a.png", "inner/b.png"]
    with Image.open(output / "a.png") as photo:
        assert photo.size == (8, 6)


def test_no_input_is_overwritten_and_no_photo_is_written_twice(folder, finished_run, translated):
    with pytest.raises(UserError, match="is an input"):
        translate(finished_run.folder, [folder], folder, CPU, progress=False)
    same_name = folder / "inner" / "a.png"
    Image.new("L", (8, 8)).save(same_name)
    with pytest.raises(UserError, match="would both be written to"):
        translated(folder / "a.png", same_name)
    assert len(translated(folder / "a.png", folder / "a.png")) == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(30, "R/O")])
def test_photos_that_cannot_be_written_are_named_and_leave_nothing(
    folder, translated, tmp_path, monkeypatch, error
):
    def refuse(self, path, **options):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(WriteError) as raised:
        translated(folder)
    message = str(raised.value)
    assert "cannot write" in message and error.strerror in message and "--output" in message
    assert list((tmp_path / "photos").iterdir()) == []
