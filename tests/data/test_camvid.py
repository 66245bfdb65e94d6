"""The CamVid download, from a file instead of the network: whole, checked, and never elsewhere."""

import os
import stat
import zipfile
from pathlib import Path

import pytest
from messages import one_sentence

from pix2pix_utils.data import camvid
from pix2pix_utils.data.camvid import CAMVID_CHECKED, download_camvid, folder_checksum
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.errors import UserError


@pytest.fixture
def archive(camvid_folder, tmp_path):
    """An archive as the public repository gives it."""
    path = tmp_path / "master.zip"
    with zipfile.ZipFile(path, "w") as content:
        for file in camvid_folder.rglob("*.png"):
            content.write(file, f"Tutorial-master/CamVid/{file.relative_to(camvid_folder)}")
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
    with pytest.raises(UserError, match=r"exists already"):
        download_camvid(root, archive.as_uri())


def test_a_wrong_checksum_keeps_nothing(archive, tmp_path):
    with pytest.raises(UserError, match=r"is not the known CamVid.*nothing was kept"):
        download_camvid(tmp_path / "data", archive.as_uri())
    assert list((tmp_path / "data").iterdir()) == []


def test_without_a_network_the_sentence_says_what_to_do(tmp_path):
    missing = (tmp_path / "missing.zip").as_uri()
    with pytest.raises(UserError, match=r"cannot download .*put it at .*CamVid"):
        download_camvid(tmp_path / "data", missing)


def hostile_archive(path: Path, camvid_folder: Path) -> None:
    """The names that an archive should not have, beside what it should."""
    with zipfile.ZipFile(path, "w") as content:
        for file in camvid_folder.rglob("*.png"):
            content.write(file, f"Tutorial-master/CamVid/{file.relative_to(camvid_folder)}")
        for name in (
            "Tutorial-master/CamVid/train/../../../../escaped.png",
            "../escaped.png",
            "/tmp/pix2pix-escaped.png",
            "C:\\escaped.png",
            "x/CamVid/train/..\\..\\escaped.png",
            "x/CamVid/train/C:escaped.png",
            "x/CamVid/train/.png",
            "x/CamVid/train/sub/escaped.png",
            "x/CamVid/other/escaped.png",
        ):
            content.writestr(name, b"escaped")
        for name, kind in (("link.png", stat.S_IFLNK), ("device.png", stat.S_IFCHR)):
            member = zipfile.ZipInfo(f"x/CamVid/train/{name}")
            member.create_system, member.external_attr = 3, (kind | 0o777) << 16
            content.writestr(member, "/etc/passwd")


def test_nothing_leaves_the_folder_that_an_archive_is_extracted_to(
    camvid_folder, tmp_path, monkeypatch
):
    archive = tmp_path / "hostile.zip"
    hostile_archive(archive, camvid_folder)
    monkeypatch.setattr(camvid, "folder_checksum", lambda *arguments: camvid.CAMVID_SHA256)
    folder = download_camvid(tmp_path / "data", archive.as_uri())
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    expected = {path.relative_to(camvid_folder) for path in camvid_folder.rglob("*.png")}
    extra = {Path("train/link.png"), Path("train/device.png")}  # as the plain files that they hold
    assert {path.relative_to(folder) for path in files} == expected | extra
    assert all(stat.S_ISREG(path.lstat().st_mode) for path in files)
    assert not Path("/tmp/pix2pix-escaped.png").exists()
    assert not list(tmp_path.rglob("*escaped*"))


def test_no_other_archive_is_ever_extracted():
    """What is not there needs no filter."""
    package = Path(camvid.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call in ("tarfile", "extractall", "unpack_archive", ".extract(", "import yaml"):
            assert call not in text, (path, call)
        for call in ("pickle.load", "allow_pickle=True", "weights_only=False", "os.system"):
            assert call not in text, (path, call)


@pytest.mark.parametrize("kind", ["huge", "encrypted", "damaged inside", "torn", "no archive"])
def test_a_bad_archive_is_refused_and_leaves_nothing(camvid_folder, tmp_path, monkeypatch, kind):
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        content.writestr("x/CamVid/train/a.png", os.urandom(3000))
        if kind == "huge":
            content.writestr("x/CamVid/train/b.png", bytes(3_000_000))
    data = bytearray(archive.read_bytes())
    if kind == "huge":
        monkeypatch.setattr(camvid, "MAX_EXTRACTED_BYTES", 2_000_000)
    elif kind == "encrypted":
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    elif kind == "damaged inside":
        data[60:400] = bytes(340)
    elif kind == "torn":
        data = data[:-100]
    else:
        data = b"<html>moved</html>"
    archive.write_bytes(data)
    message = one_sentence(lambda: download_camvid(tmp_path / "data", archive.as_uri()))
    assert "did not send a complete archive" in message and archive.name in message
    assert list((tmp_path / "data").iterdir()) == []
