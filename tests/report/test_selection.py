"""Protocols, profiles and variants of runs."""

import os
import shutil
from dataclasses import replace

import pytest

from pix2pix_utils.files import write_json
from pix2pix_utils.report.selection import (
    choose_data,
    profile_of,
    protocol_of,
    select_runs,
    variant_name,
)
from pix2pix_utils.report.tables import detail_tables
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES, configure
from pix2pix_utils.training.runs import Run


@pytest.fixture
def two_runs(finished_output, tmp_path):
    """Copies of a finished run that a test may change: an older and a newer one."""
    for name, modified in (("older", 1000), ("newer", 2000)):
        (folder,) = (finished_output / "runs").iterdir()
        copied = shutil.copytree(folder, tmp_path / "runs" / name)
        os.utime(copied / "result.json", (modified, modified))
    return [Run.open(tmp_path / "runs" / name) for name in ("older", "newer")]


def selected(tmp_path, data, config) -> list[str]:
    return [run.folder.name for run in select_runs(tmp_path, data, config).runs]


def test_of_two_runs_the_one_of_the_present_code_is_shown(
    two_runs, smoke_config, street_data, tmp_path
):
    older, newer = two_runs
    assert selected(tmp_path, street_data, smoke_config) == ["newer"]
    write_json(newer.folder / "code.json", newer.code() | {"pix2pix_utils.models.unet": "0"})
    assert selected(tmp_path, street_data, smoke_config) == ["older"]
    shutil.rmtree(older.folder)
    assert selected(tmp_path, street_data, smoke_config) == ["newer"]
    assert newer.changed_code() == ["models.unet"]


def test_the_table_of_runs_names_changed_code_and_every_device(
    two_runs, smoke_config, street_data, tmp_path
):
    newer = two_runs[1]
    write_json(newer.folder / "code.json", newer.code() | {"pix2pix_utils.models.unet": "0"})
    newer.add_session(newer.sessions()[0] | {"gpu": "another", "date": "2000-01-01"})
    first, second = newer.sessions()
    shutil.rmtree(two_runs[0].folder)
    selection = select_runs(tmp_path, street_data, smoke_config)
    tables = detail_tables(street_data, selection)
    (row,) = next(table.rows for table in tables if table.name == "runs")
    assert row["code"] == "older: models.unet changed since"
    assert row["device"] == f"{first['processor']} CPU, {second['gpu']}"
    assert row["date"] == "2000-01-01"


@pytest.mark.parametrize("precision", ["auto", "bf16", "fp32"])
def test_runs_in_one_table_have_one_precision(
    two_runs, smoke_config, street_data, tmp_path, precision
):
    """The older run was trained on a CPU, the newer one, of another seed, on a GPU."""
    older, newer = two_runs
    on_gpu = replace(newer.config, precision="bf16", seed=1)
    write_json(newer.folder / "config.json", on_gpu.to_dict())
    config = replace(smoke_config, precision=precision)
    selection = select_runs(tmp_path, street_data, config)
    shown, other = (older, newer) if precision == "fp32" else (newer, older)
    assert [run.folder for run in selection.runs] == [shown.folder]
    assert [run.folder for run in selection.others] == [other.folder]
    assert selection.protocol["precision"] == ("fp32" if precision == "fp32" else "bf16")
    assert selection.profile == "smoke"
    assert choose_data(tmp_path, profile="smoke")[0].fingerprint == street_data.fingerprint


@pytest.mark.parametrize("profile", PROFILES)
def test_every_experiment_of_a_profile_shares_its_protocol(profile):
    for name in (*EXPERIMENTS, "enhanced+flip+jitter"):
        config = configure(name, profile, seed=3)
        assert profile_of(protocol_of(config)) == profile
        assert variant_name(config, profile) == name
    changed = configure("baseline", profile, settings=["alpha=7"])
    assert variant_name(changed, profile) == "baseline alpha=7.0"
    assert profile_of(protocol_of(configure("baseline", profile, settings=["epochs=3"]))) is None
