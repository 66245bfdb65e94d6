"""Files are opened once, and again only after they have changed."""

import numpy as np
import pytest
from folders_of_pairs import save, scene, write_pairs

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.reading import survey
from pix2pix_utils.paths import cache_root


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


def colored(classes, path, number):
    save(CITYSCAPES.encode(classes), path)


@pytest.fixture
def opened_files(monkeypatch):
    """The names of the files that the survey opens."""
    found = []
    look_at = survey.look_at

    def spy(path, *arguments):
        found.append(path.name)
        return look_at(path, *arguments)

    monkeypatch.setattr(survey, "look_at", spy)
    return found


def test_only_changed_files_are_opened_again(tmp_path, opened_files):
    folder = write_pairs(tmp_path / "set", colored)
    first = open_source(str(folder), progress=False)
    assert len(opened_files) == 24
    opened_files.clear()
    again = open_source(str(folder), progress=False)
    assert not opened_files
    assert again.reading.evidence == first.reading.evidence and again.version == first.version
    save(CITYSCAPES.encode(scene(99)[0]), folder / "labels" / "004.png")
    assert open_source(str(folder), progress=False).version != first.version
    assert opened_files == ["004.png"]


def test_without_a_writable_cache_the_answer_is_the_same(tmp_path, monkeypatch):
    folder = write_pairs(tmp_path / "set", colored)
    first = open_source(str(folder), progress=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "file" / "cache"))
    assert open_source(str(folder), progress=False).version == first.version


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"x": [[1, 2], {"pictures": 3}]}'])
def test_a_damaged_memory_is_written_anew(tmp_path, text):
    folder = write_pairs(tmp_path / "set", colored)
    first = open_source(str(folder), progress=False)
    (memory,) = cache_root().glob("survey-*.json")
    memory.write_text(text)
    assert open_source(str(folder), progress=False).version == first.version
    assert len(memory.read_text()) > 1000


def fingerprint(folder):
    return load_data(str(folder), image_size=16, progress=False).fingerprint


def test_the_fingerprint_is_that_of_the_contents(tmp_path):
    """Label maps mended in place, in a format whose files do not change their size."""
    folder = write_pairs(tmp_path / "set", colored, suffix=".bmp")
    first = fingerprint(folder)
    path = folder / "labels" / "005.bmp"
    before = path.stat().st_size
    save(CITYSCAPES.encode(scene(50)[0]), path)
    assert path.stat().st_size == before and fingerprint(folder) != first


def test_a_renamed_or_copied_folder_has_the_same_fingerprint(tmp_path):
    first = fingerprint(write_pairs(tmp_path / "set", colored))
    assert fingerprint(write_pairs(tmp_path / "copy", colored)) == first
    (tmp_path / "set").rename(tmp_path / "other name")
    assert fingerprint(tmp_path / "other name") == first


def test_void_is_part_of_the_fingerprint(tmp_path):
    folder = write_pairs(tmp_path / "set", colored)
    used = np.unique(scene(0)[0]).tolist()
    found = set()
    for void in ("yes", "no"):
        lines = [
            ",".join(map(str, (f"c{i}", *CITYSCAPES.colors[i], void if i == used[-1] else "no")))
            for i in used
        ]
        (folder / "palette.csv").write_text("name,red,green,blue,void\n" + "\n".join(lines) + "\n")
        found.add(fingerprint(folder))
    assert len(found) == 2
