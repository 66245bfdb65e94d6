"""Which runs belong together: the same data, and the same protocol but for the experiment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import (
    EXPERIMENTS,
    PROFILES,
    configure,
    default_profile,
    find_experiment,
)
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

PRETRAINING_PREFIX = "pretraining-"  # of runs that only prepare weights: no row of a table


@dataclass(frozen=True)
class Selection:
    """The runs of one data set and one protocol, by variant and seed."""

    protocol: dict  # the settings that all of them share
    profile: str | None  # whose protocol it is; None if settings were changed
    variants: dict[str, list[Run]] = field(default_factory=dict)  # finished, by rising seed
    unfinished: list[Run] = field(default_factory=list)
    others: list[Run] = field(default_factory=list)  # finished, of other data or protocols
    unreadable: dict[str, str] = field(default_factory=dict)  # a folder's name: what is wrong

    @property
    def runs(self) -> list[Run]:
        return [run for runs in self.variants.values() for run in runs]


@lru_cache
def experiment_settings() -> frozenset[str]:
    """The settings that an experiment decides; the others are the protocol."""
    configs = [configure(name, "full").to_dict() for name in (*EXPERIMENTS, "baseline+flip")]
    return frozenset(key for key in configs[0] if len({config[key] for config in configs}) > 1)


def protocol_of(config: Config) -> dict:
    """The settings that runs must share to stand in one table."""
    apart = {*experiment_settings(), "seed"}
    return {key: value for key, value in config.to_dict().items() if key not in apart}


def profile_of(protocol: dict) -> str | None:
    """The profile with this protocol, if there is one."""
    for profile in PROFILES:
        if protocol_of(configure("baseline", profile)) == protocol:
            return profile
    return None


def variant_name(config: Config, profile: str | None) -> str:
    """The experiment's name, with every setting behind it that is not the experiment's own."""
    try:
        find_experiment(config.experiment)
    except UserError:
        return config.experiment
    changes = []
    for candidate in [profile] if profile else PROFILES:
        own = configure(config.experiment, candidate).to_dict()
        changed = [key for key in sorted(experiment_settings()) if getattr(config, key) != own[key]]
        changes.append([f"{key}={getattr(config, key)}" for key in changed])
    return " ".join([config.experiment, *min(changes, key=len)])


def find_runs(output: Path) -> tuple[list[Run], dict[str, str]]:
    """Every run below `output/runs`, the newest first, and what is wrong with the folders of none.

    The lessons behind pretrained weights are left out.
    """
    runs, unreadable = [], {}
    folder = Path(output) / "runs"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.is_dir() or path.name.startswith("."):
            continue
        try:
            run = Run.open(path)
            run.data()["fingerprint"]
            if run.is_finished:
                run.result()["ssim"]["eval"]
        except (UserError, KeyError, TypeError) as error:
            unreadable[path.name] = str(error)
            continue
        if not run.config.experiment.startswith(PRETRAINING_PREFIX):
            runs.append(run)
    return sorted(runs, key=_age, reverse=True), unreadable


def _age(run: Run) -> float:
    name = "result.json" if run.is_finished else "config.json"
    return (run.folder / name).stat().st_mtime


def select_runs(output: Path, data: StreetData, config: Config) -> Selection:
    """The runs below `output/runs` on this data under the protocol of `config`.

    The rows of Table I come first, in its order, then the others by name. A run whose checkpoint
    cannot be used is left out, so that it takes no other one down.
    """
    protocol = protocol_of(config)
    profile = profile_of(protocol)
    runs, unreadable = find_runs(output)
    selection = Selection(protocol, profile, unreadable=unreadable)
    found: dict[str, dict[int, Run]] = {}
    for run in runs:
        here = run.data()["fingerprint"] == data.fingerprint
        if here and protocol_of(run.config) == protocol:
            if run.is_finished:
                try:
                    load_generator(run.folder, torch.device("cpu"))
                except UserError as error:
                    unreadable[run.folder.name] = str(error)
                    continue
                by_seed = found.setdefault(variant_name(run.config, profile), {})
                by_seed.setdefault(run.config.seed, run)  # the newest
            else:
                selection.unfinished.append(run)
        elif run.is_finished:
            selection.others.append(run)
    order = {name: number for number, name in enumerate(EXPERIMENTS)}
    for name in sorted(found, key=lambda name: (order.get(name, len(order)), name)):
        selection.variants[name] = [found[name][seed] for seed in sorted(found[name])]
    return selection


def choose_data(
    output: Path,
    dataset: str | None = None,
    data_root: Path | None = None,
    profile: str | None = None,
    settings: Sequence[str] = (),
) -> tuple[StreetData, Config]:
    """What a report is about: the data set and a configuration with its protocol.

    Whatever is not given is that of the newest finished run that fits what is given; runs of a
    whole profile come before those with changed settings. Without any run it is the default.
    Raises UserError if the data is not what that run was trained on.
    """
    from pix2pix_utils.training.runs import load_data_for, load_data_of

    config = configure("baseline", profile, settings=settings) if profile or settings else None
    runs = _fitting(find_runs(output)[0], dataset, config)
    if runs and dataset is None:
        return load_data_of(runs[0], None, data_root), config or runs[0].config
    config = config or (runs[0].config if runs else configure("baseline", default_profile()))
    return load_data_for(config, dataset or "synthetic", data_root), config


def _fitting(runs: Iterable[Run], dataset: str | None, config: Config | None) -> list[Run]:
    """The finished runs on a data set under a protocol, those of a whole profile first."""
    fitting = []
    for run in runs:
        recorded = run.data()
        named = dataset is None or dataset in (recorded["name"], recorded["location"])
        shared = config is None or protocol_of(run.config) == protocol_of(config)
        if run.is_finished and named and shared:
            fitting.append(run)
    return sorted(fitting, key=lambda run: profile_of(protocol_of(run.config)) is None)
