"""A file from the network, whole or not at all."""

import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

SECONDS_WITHOUT_ANSWER = 30  # until a download is given up


def download(url: str, path: Path, progress: bool = True) -> None:
    """Write what `url` returns to `path`; raises OSError or http.client.HTTPException if it fails.

    The caller checks the content before it gives the file its final name.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "pix2pix_utils"})
    with urllib.request.urlopen(request, timeout=SECONDS_WITHOUT_ANSWER) as response:
        size = int(response.headers.get("Content-Length") or 0)
        with (
            path.open("wb") as file,
            tqdm(
                total=size or None,
                desc=url.rpartition("/")[2],
                unit="B",
                unit_scale=True,
                disable=not progress,
            ) as bar,
        ):
            while block := response.read(1 << 20):
                file.write(block)
                bar.update(len(block))
    if size and path.stat().st_size != size:
        raise urllib.error.ContentTooShortError(
            f"{path.stat().st_size} of {size} bytes arrived", None
        )
