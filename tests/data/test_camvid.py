"""The CamVid download, from a file instead of the network."""

import zipfile

import pytest

from pix2pix_utils.data import camvid
from pix2pix_utils.data.camvid import CAMVID_CHECKED, download_camvid, folder_checksum
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.errors import UserError


@pytest.fixture
def archive(camvid_folder, tmp_path):
    """An archive as the public repository gives it, with a member that tries to escape."""
    path = tmp_path / "master.zip"
    with zipfile.ZipFile(path, "w") as content:
        for file in camvid_folder.rglob("*.png"):
            content.write(file, f"Tutorial-master/CamVid/{file.relative_to(camvid_folder)}")
        content.writestr("Tutorial-master/CamVid/train/../../../escaped.png", b"x")
        content.writestr("Tutorial-master/README.md", b"x")
    return path


def test_a_complete_download_becomes_a_data_set(archive, camvid_folder, tmp_path, monkeypatch):
    checksum = folder_checksum(camvid_folder, CAMVID_CHECKED)
    monkeypatch.setattr(camvid, "CAMVID_SHA256", checksum)
    root = tmp_path / "data"
    folder = download_camvid(root, archive.as_uri())
    assert folder_checksum(folder, CAMVID_CHECKED) == checksum
    assert len(open_source("camvid", root).splits["train"]) == 6
    assert [path.name for path in root.iterdir()] == ["CamVid"]
    assert not list(tmp_path.rglob("escaped.png"))
    with pytest.raises(UserError, match=r"is there already"):
        download_camvid(root, archive.as_uri())


def test_a_wrong_checksum_keeps_nothing(archive, tmp_path):
    with pytest.raises(UserError, match=r"is not the known CamVid.*nothing was kept"):
        download_camvid(tmp_path / "data", archive.as_uri())
    assert list((tmp_path / "data").iterdir()) == []


def test_a_torn_archive_keeps_nothing(archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"no whole archive"):
        download_camvid(tmp_path / "data", archive.as_uri())
    assert list((tmp_path / "data").iterdir()) == []


def test_without_a_network_the_sentence_says_what_to_do(tmp_path):
    missing = (tmp_path / "missing.zip").as_uri()
    with pytest.raises(UserError, match=r"cannot download .*put it at .*CamVid"):
        download_camvid(tmp_path / "data", missing)
