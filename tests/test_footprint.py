"""A command writes to the output folder and the cache and nowhere else, wherever it is run from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]

# Runs the commands, and notes every place that Python itself opens for writing, makes or moves.
SCRIPT = """
import json, os, sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
touched = set()

def note(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = set(mode or "") & set("wax+") if mode else (flags or 0) & WRITING
        places = [path] if writes and not isinstance(path, int) else []
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.link"):
        places = arguments[:1]
    elif event == "os.rename":
        places = arguments[:2]
    else:
        return
    touched.update(os.path.abspath(os.fsdecode(place)) for place in places)

sys.addaudithook(note)
from pix2pix_utils.__main__ import main

output, pairs, label = sys.argv[1:]
train = ["train", "baseline", "--profile", "smoke", "--set", "width=2", "--device", "cpu"]
train += ["--set", "epochs=1", "--dataset", pairs, "--output", output]
codes = [main(["data", pairs]), main(train)]
(run,) = os.listdir(os.path.join(output, "runs"))
run, photos = os.path.join(output, "runs", run), os.path.join(output, "photos")
codes.append(main(["translate", run, label, "--output", photos]))
print(json.dumps([codes, sorted(touched)]))
"""


def test_nothing_is_written_outside_output_and_cache(camvid_folder, tmp_path):
    home, here, temporary, output, cache = (
        tmp_path / name for name in ("home", "here", "temporary", "output", "cache")
    )
    for folder in (home, here, temporary):
        folder.mkdir()
    label = tmp_path / "label.png"
    Image.fromarray(np.zeros((36, 48), dtype=np.uint8)).save(label)
    environment = {
        **{
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PIX2PIX_", "TORCH"))
        },
        **dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"), str(home)),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
        "PIX2PIX_CACHE": str(cache),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.pop(variable, None)

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(output), str(camvid_folder), str(label)],
        cwd=here,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    codes, touched = json.loads(done.stdout.splitlines()[-1])
    assert codes == [0, 0, 0]
    touched = [Path(place) for place in touched]
    allowed = (output, cache, temporary, Path(os.devnull))
    assert any(place.is_relative_to(cache) for place in touched)  # the notes are taken
    assert [p for p in touched if not any(p.is_relative_to(place) for place in allowed)] == []
    for place in (home, here):
        assert list(place.rglob("*")) == []
    assert {path.name for path in (output / "photos").iterdir()} == {"label.png"}


def test_no_file_name_is_wrong_on_another_system(
    camvid_folder, tmp_path, smoke_config, street_data
):
    """Windows knows no < > : " | ? * in a name, and none that ends in a dot or a space."""
    from pix2pix_utils.training.experiments import AUGMENTED, EXPERIMENTS
    from pix2pix_utils.training.runs import Run

    names = [Run.create(tmp_path, smoke_config, street_data).folder.name, *EXPERIMENTS, *AUGMENTED]
    for name in names:
        assert not set('<>:"/\\|?*') & set(name) and name == name.rstrip(". "), name
