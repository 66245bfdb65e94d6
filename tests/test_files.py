"""Files are written in one piece, and a JSON file that cannot be read is named."""

import json

import pytest

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import atomic_write, read_json, remove_leftovers, write_json
from pix2pix_utils.paths import cache_root, data_root, output_root


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_temporary_files_are_leftovers(tmp_path):
    left = [".0123456789abcdef.pt", ".00112233445566ff"]
    kept = [".lock", ".0123456789abcde.pt", "0123456789abcdef.pt", ".gitignore", "last.pt"]
    for name in (*left, *kept):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    with atomic_write(tmp_path / "last.pt") as temporary:
        temporary.touch()
        remove_leftovers(tmp_path)
        assert not temporary.exists()  # the names are those that `atomic_write` gives
        temporary.touch()


def test_the_longest_file_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 250 + ".json")
    write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_temporary_file_keeps_the_suffix(tmp_path):
    with atomic_write(tmp_path / "a.png") as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path
        temporary.write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"[1]", b'"x"', b"\xff\xfe", b'{"a": ' + b"9" * 10_000 + b"}"],
)
def test_json_that_is_no_object_is_named(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_json(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_tilde_in_a_folders_variable_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for variable, folder in (
        ("PIX2PIX_CACHE", cache_root),
        ("PIX2PIX_DATA", data_root),
        ("PIX2PIX_OUTPUT", output_root),
    ):
        monkeypatch.setenv(variable, "~/here")
        assert folder() == tmp_path / "here"
