"""Download a file.

Unlike `torch.hub.download_url_to_file`, it gives up on a server that stays silent, and it notices
a connection that drops before the file is complete.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

TIMEOUT_SECONDS = 30  # without a single byte


def download(url: str, path: Path, progress: bool = True) -> None:
    """Write the content of `url` to `path`, a temporary file that the caller checks and renames.

    Raises urllib.error.URLError if the file cannot be downloaded completely, and any other OSError
    if it cannot be written.
    """
    name = url.rpartition("/")[2]
    with (
        path.open("wb") as file,
        tqdm(desc=name, unit="B", unit_scale=True, disable=not progress) as bar,
    ):
        for block, bar.total in _blocks(url):
            file.write(block)
            bar.update(len(block))


def _blocks(url: str) -> Iterator[tuple[bytes, int | None]]:
    """The content as it arrives, with the size of the whole; every failure is a URLError."""
    request = urllib.request.Request(url, headers={"User-Agent": "pix2pix_utils"})
    received = 0
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            length = response.headers["Content-Length"] or ""
            total = int(length) if length.isdecimal() else None
            while block := response.read(1 << 18):
                received += len(block)
                yield block, total
    except (OSError, http.client.HTTPException) as error:
        reason = error if hasattr(error, "code") else getattr(error, "reason", error)
        raise urllib.error.URLError(str(reason) or type(error).__name__) from None
    if total and received != total:
        raise urllib.error.URLError(
            f"the connection dropped after {received} of {total} bytes; try again"
        )
