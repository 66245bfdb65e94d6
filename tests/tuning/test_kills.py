"""Two processes that share a study are killed at random moments, and no trial is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the script forks its processes")
def test_processes_that_are_killed_at_random_lose_no_trial(tmp_path):
    script = Path(__file__).with_name("kills.py")
    arguments = ["--folder", tmp_path / "output", "--trials", 5, "--kills", 3]
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"]
    assert found["numbers"] == [1, 2, 3, 4, 5] and found["states"] == ["complete"] * 5
    assert found["optuna"]["COMPLETE"] == found["runs"] == 5
    assert set(found["optuna"]) <= {"COMPLETE", "FAIL"}
    assert found["scores"] == found["undisturbed"]  # resumed runs end with the same weights
