"""What the owner of a data set says about it."""

import pytest
from messages import one_sentence

from pix2pix_utils.data.reading.options import Options, read_options, split_address


def test_an_address_survives():
    options = Options(label_side="my masks", label_kind="indices")
    assert split_address(options.address("some/folder")) == ("some/folder", options)
    assert split_address("plain") == ("plain", Options())
    assert split_address("what?") == ("what?", Options())


def test_what_stands_behind_the_folder_wins_over_the_file(tmp_path):
    (tmp_path / "dataset.toml").write_text('label_side = "masks"\nlabel_kind = "indices"\n')
    found = Options(label_kind="colors").over(read_options(tmp_path))
    assert found == Options(label_side="masks", label_kind="colors")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('label_sde = "masks"', "did you mean 'label_side'?"),
        ("label_side = 3", "text in quotes"),
        ('label_kind = "colours"', "did you mean 'colors'?"),
        ('photo_orientation = "up"', "exif, stored"),
        ("label_side", "not valid TOML"),
    ],
)
def test_an_invalid_file_is_named(tmp_path, text, says):
    (tmp_path / "dataset.toml").write_text(text)
    assert says in one_sentence(lambda: read_options(tmp_path))
