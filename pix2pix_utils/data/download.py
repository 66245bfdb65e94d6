"""A file from the network, whole or not at all."""

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

SECONDS_WITHOUT_ANSWER = 30  # until a connection is given up
TOO_SLOW_BYTES, TOO_SLOW_SECONDS = 60_000, 60  # fewer bytes in so many seconds: given up
ATTEMPTS = 5  # after dropped connections
SECONDS_BETWEEN_ATTEMPTS = 1.0
MAX_BYTES = 2 << 30  # the largest file that this package fetches has a tenth of it


def download(url: str, path: Path, progress: bool = True) -> None:
    """Write what `url` returns to `path`.

    A connection that drops half-way is taken up where it broke, if the server tells by an ETag or
    a date that it still has the same file, else from the start. The caller checks the content
    before it gives the file its final name.

    Raises urllib.error.URLError if the file cannot be had, and any other OSError if it cannot be
    written.
    """
    validator = None  # what the server calls this version of the file
    with (
        path.open("wb") as file,
        tqdm(desc=url.rpartition("/")[2], unit="B", unit_scale=True, disable=not progress) as bar,
    ):
        for attempt in range(1, ATTEMPTS + 1):
            progressed = False
            try:
                with _request(url, file.tell(), validator) as response:
                    if not _goes_on(response, file.tell()):
                        file.seek(0)
                        file.truncate()
                    validator = response.headers["ETag"] or response.headers["Last-Modified"]
                    bar.n, bar.total = file.tell(), file.tell() + _announced(response) or None
                    for block in _blocks(response, bar.total, file.tell()):
                        file.write(block)
                        bar.update(len(block))
                        progressed = True
                return
            except urllib.error.URLError:
                if not progressed or attempt == ATTEMPTS:
                    raise
            time.sleep(SECONDS_BETWEEN_ATTEMPTS)


def _request(url: str, start: int, validator: str | None):
    headers = {"User-Agent": "pix2pix_utils"}
    if start and validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    request = urllib.request.Request(url, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=SECONDS_WITHOUT_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise _as_url_error(error) from None


def _goes_on(response, start: int) -> bool:
    """Whether the answer begins at byte `start`, where an earlier one broke."""
    if not start or getattr(response, "status", None) != 206:
        return False
    found = re.match(r"bytes (\d{1,15})-", response.headers["Content-Range"] or "")
    return found is not None and int(found[1]) == start


def _announced(response) -> int:
    """The number of bytes to come; 0 if the server does not say."""
    length = response.headers["Content-Length"] or ""
    return int(length) if re.fullmatch(r"\d{1,15}", length) else 0


def _blocks(response, total: int | None, received: int) -> Iterator[bytes]:
    """The content as it arrives; raises URLError if it breaks off, crawls or never ends."""
    clock, mark = time.monotonic(), received
    while True:
        try:
            block = response.read1(1 << 18)
        except (OSError, http.client.HTTPException) as error:
            raise _as_url_error(error) from None
        if not block:
            break
        received += len(block)
        yield block
        if received > MAX_BYTES:
            raise urllib.error.URLError(f"it sends more than {MAX_BYTES} bytes")
        if time.monotonic() - clock > TOO_SLOW_SECONDS:
            if received - mark < TOO_SLOW_BYTES:
                raise urllib.error.URLError(f"{received - mark} bytes in {TOO_SLOW_SECONDS} s")
            clock, mark = time.monotonic(), received
    if total and received != total:
        raise urllib.error.URLError(f"{received} of {total} bytes arrived")


def _as_url_error(error: Exception) -> urllib.error.URLError:
    if isinstance(error, urllib.error.URLError) and not hasattr(error, "code"):
        return error
    return urllib.error.URLError(str(error) or type(error).__name__)
