"""Small drawn data sets, cached in a temporary folder."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.palette import CAMVID, PALETTES
from pix2pix_utils.training import code_version
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run, load_data_for
from pix2pix_utils.training.session import train

torch.set_num_threads(1)  # tiny networks: more threads only wait for each other


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folders_of_this_test(monkeypatch, tmp_path, cache_folder):
    """No test reads or writes the project's own runs, report or cache; one torch thread each."""
    monkeypatch.setenv("PIX2PIX_CACHE", str(cache_folder))
    monkeypatch.setenv("PIX2PIX_OUTPUT", str(tmp_path / "output"))
    monkeypatch.delenv("PIX2PIX_PROFILE", raising=False)
    monkeypatch.delenv("PIX2PIX_DEVICE", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # in the processes that tests start, too


@pytest.fixture
def smoke_config():
    return configure("baseline", "smoke", settings=["precision=fp32"])  # `auto` on a CPU


@pytest.fixture
def street_data(smoke_config, folders_of_this_test):
    """The drawn streets of the smoke profile: 12, 6 and 6 pairs of 32x32 pixels."""
    return load_data(
        "synthetic",
        image_size=smoke_config.image_size,
        limits=smoke_config.pair_limits,
        progress=False,
    )


@pytest.fixture(scope="session")
def finished_output(tmp_path_factory, cache_folder):
    """An output folder that holds one finished run; tests may read it, but must not change it."""
    output = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        config = configure("baseline", "smoke")
        data = load_data_for(config, "synthetic")
        train(config, data, output, torch.device("cpu"), progress=False)
    return output


@pytest.fixture(scope="session")
def finished_run(finished_output):
    """The finished run of `baseline` at the smoke profile, with seed 0; read-only like the folder.

    A test that writes into a run copies `finished_output` first and opens its own with `Run.open`.
    """
    (folder,) = (finished_output / "runs").iterdir()
    return Run.open(folder)


@pytest.fixture
def edit_module(monkeypatch):
    """A function that edits a module's source, as if this process had begun after the edit.

    The edit is seen by `code_version` alone; the module that runs stays as it is.
    """

    def edit(name: str, *replacements: tuple[str, str]) -> None:
        source, read = code_version.read_source(name), code_version.read_source
        for old, new in replacements:
            assert old in source
            source = source.replace(old, new)
        monkeypatch.setitem(code_version._sources, name, source)
        monkeypatch.setattr(
            code_version, "read_source", lambda other: source if other == name else read(other)
        )

    return edit


@pytest.fixture
def camvid_folder(tmp_path):
    """A folder in the layout of the SegNet tutorial: 6 training and 4 validation pairs."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    shutil.copy(PALETTES / "camvid.csv", folder / "palette.csv")
    generator = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 4)):
        for kind in (split, f"{split}annot"):
            (folder / kind).mkdir(parents=True)
        for index in range(count):
            name = f"{split}{index}.png"
            classes = (
                generator.integers(0, 12, size=(3, 4), dtype=np.uint8).repeat(12, 0).repeat(12, 1)
            )
            noise = generator.integers(0, 30, size=(36, 48, 3), dtype=np.uint8)
            photo = CAMVID.encode(classes) // 2 + 40 + noise
            Image.fromarray(classes).save(folder / f"{split}annot" / name)
            Image.fromarray(photo).save(folder / split / name)
    return folder


@pytest.fixture
def small_disk(request, tmp_path):
    """A file system of 256 KiB, or of the parameter's size; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    size = getattr(request, "param", "256k")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs Linux and root")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts nothing")
    yield place
    subprocess.run(["umount", str(place)], check=True)
