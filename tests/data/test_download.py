"""A download is complete, or it fails soon and in words."""

import http.server
import threading
import time
import urllib.error

import pytest

from pix2pix_utils.data import download as module
from pix2pix_utils.data.download import download

CONTENT = bytes(range(256)) * 400


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `CONTENT` as the path of the URL says."""

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        behaviour = self.path.strip("/")
        if behaviour == "missing":
            return self.send_error(404)
        self.send_response(200)
        if behaviour != "without-length":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if behaviour == "silent":
            time.sleep(1)
        self.wfile.write(CONTENT[:1000] if behaviour == "drops" else CONTENT)


@pytest.fixture
def server(monkeypatch):
    """The address of a server on this machine."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as http_server:
        http_server.daemon_threads = True
        threading.Thread(target=http_server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()


@pytest.mark.parametrize("behaviour", ["well", "without-length"])
def test_a_file_is_downloaded_with_a_progress_bar(tmp_path, server, behaviour, capfd):
    download(f"{server}/{behaviour}", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour in capfd.readouterr().err
    download(f"{server}/{behaviour}", tmp_path / "file", progress=False)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("missing", "404"),
        ("drops", f"dropped after 1000 of {len(CONTENT)} bytes; try again"),
        ("silent", "timed out"),
    ],
)
def test_a_download_that_fails_says_why(tmp_path, server, behaviour, reason):
    with pytest.raises(urllib.error.URLError, match=reason):
        download(f"{server}/{behaviour}", tmp_path / "file", progress=False)


def test_a_server_that_cannot_be_reached_is_a_failed_download(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(urllib.error.URLError, match="refused"):
        download("http://127.0.0.1:9/file", tmp_path / "file", progress=False)


def test_a_file_that_cannot_be_written_is_not_a_failed_download(tmp_path, server):
    with pytest.raises(OSError) as error:
        download(f"{server}/well", tmp_path / "missing" / "file", progress=False)
    assert not isinstance(error.value, urllib.error.URLError)
