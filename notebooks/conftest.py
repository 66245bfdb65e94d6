"""Under pytest the notebooks run at the smoke profile and write to a temporary folder."""

import os
import tempfile

import pytest

os.environ.setdefault("PIX2PIX_PROFILE", "smoke")
os.environ.setdefault("PIX2PIX_OUTPUT", tempfile.mkdtemp(prefix="pix2pix-notebooks-"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # several notebooks may run at a time


def pytest_collection_modifyitems(items):
    """All cells of a notebook go to one worker of pytest-xdist (`--dist loadgroup`)."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
