"""A JupyterLab server and a Chromium for the tests here; skipped where either is missing."""

import io
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from packaging.version import Version

PROJECT = Path(__file__).parents[2]
AXE = "axe-core@4.10.3"
PATIENCE = 120  # seconds until the server, or a cell, must have answered
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="session")
def chromium():
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("there is no chromium, chromium-browser or google-chrome on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to start as root, as in most containers
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(chromium, tmp_path_factory, cache_folder):
    """Address, token and root folder of a server that ends with the tests."""
    if find_spec("jupyterlab") is None:
        pytest.skip("jupyterlab is not installed: pip install jupyterlab")
    if Version(version("ipywidgets")) < Version("8"):
        pytest.skip("JupyterLab 4 needs ipywidgets 8: pip install 'ipywidgets>=8.1'")
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "root"
    root.mkdir()
    _settle(home / "settings")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PIX2PIX_CACHE": str(cache_folder),
        "PIX2PIX_OUTPUT": str(home / "output"),
        "PYTHONPATH": str(PROJECT),
    }
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api/status?token={token}", process, home / "server.log")
        yield address, token, root
    finally:
        process.terminate()  # it takes its kernels along
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _settle(settings: Path) -> None:
    """No question about news, which would lie over the page."""
    folder = settings / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    (folder / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, f"the server has ended:\n{log.read_text()[-2000:]}"
            assert time.monotonic() < until, f"the server is silent:\n{log.read_text()[-2000:]}"
            time.sleep(0.2)


class Lab:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page):
        self.page = page

    def evaluate(self, code: str) -> str:
        """What Python prints, by a cell at the end of the notebook."""
        page = self.page
        number = secrets.token_hex(8)
        cell = page.locator(".jp-Notebook .jp-CodeCell").last
        cell.locator(".cm-content").click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(f"{code}\nprint('end', '{number}')")
        page.keyboard.press("ControlOrMeta+Enter")
        output = cell.locator(".jp-OutputArea-output", has_text=number).last
        output.wait_for()
        return re.split(r"\s*end ", output.inner_text())[0].strip()


@pytest.fixture
def open_notebook(server, chromium, tmp_path, request):
    """Make a notebook of some code, open it and run it; a screenshot is kept if the test fails."""
    address, token, root = server
    contexts = []

    def open_it(code: str, shown: str, **context_options) -> Lab:
        name = f"{secrets.token_hex(4)}.ipynb"
        cells = [nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("")]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(book, root / name)
        settings = {"viewport": {"width": 1400, "height": 1100}} | context_options
        context = chromium.new_context(**settings)
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE)
        page = context.new_page()
        page.goto(f"{address}/lab/tree/{name}?reset&token={token}")
        page.get_by_text("| Idle").wait_for()  # the kernel is there
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(shown).wait_for()
        return Lab(page)

    yield open_it
    for context in contexts:
        if getattr(request.node, "failed", False):
            for number, page in enumerate(context.pages):
                page.screenshot(path=tmp_path / f"page-{number}.png")
                print("screenshot:", tmp_path / f"page-{number}.png")
        context.close()


@pytest.fixture
def finger():
    """Makes a finger that touches a page: `touch(kind, row, column)`, and without a place to lift.

    `at` gives the place of a pixel of the label map in the page's coordinates.
    """

    def finger_on(page, at):
        session = page.context.new_cdp_session(page)

        def touch(kind, *where):
            points = [dict(zip("xy", at(*where), strict=True))] if where else []
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        return touch

    return finger_on


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The script of axe-core, which finds faults of accessibility."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(["npm", "pack", AXE], cwd=folder, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("npm could not fetch axe-core")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as members:
        member = members.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode("utf-8")


@pytest.fixture(scope="session")
def serious_faults(axe):
    """The serious and critical faults that axe-core finds in a page, or in some elements of it."""

    def find(page, inside: str = "html") -> list[tuple[str, str]]:
        page.evaluate(axe)
        found = page.evaluate("(inside) => axe.run({ include: [[inside]] })", inside)
        assert found["passes"]
        return [
            (fault["id"], node["html"][:200])
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    return find


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True
