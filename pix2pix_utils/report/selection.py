"""Which runs belong in one report: the same data and protocol, differing in experiment and seed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import (
    BEYOND,
    EXPERIMENTS,
    PROFILES,
    configure,
    default_profile,
    find_experiment,
)
from pix2pix_utils.training.runs import Run, load_data_for, load_data_of
from pix2pix_utils.training.runs import find_runs as runs_below

SSIM_CONVENTION = (
    "SSIM with a Gaussian window (sigma 1.5, 11 pixels), data range 1, mean over RGB, "
    "generator in eval mode"
)


@dataclass(frozen=True)
class Selection:
    """The runs on one data set under one protocol, by variant and seed."""

    protocol: dict  # the settings that all runs share
    profile: str | None  # that has this protocol; None if settings were changed
    variants: dict[str, list[Run]] = field(default_factory=dict)  # finished, by rising seed
    unfinished: list[Run] = field(default_factory=list)
    others: list[Run] = field(default_factory=list)  # finished, on other data or protocols
    unusable: dict[str, str] = field(default_factory=dict)  # folder name -> reason

    @property
    def runs(self) -> list[Run]:
        return [run for runs in self.variants.values() for run in runs]

    def only(self, names: Collection[str]) -> "Selection":
        """The selection without all other variants."""
        kept = {name: runs for name, runs in self.variants.items() if name in names}
        return replace(self, variants=kept)

    def of_the_report(self) -> "Selection":
        """Without the variants of `BEYOND`."""
        return self.only([name for name in self.variants if not is_beyond(name)])


@lru_cache
def experiment_settings() -> frozenset[str]:
    """The settings in which experiments differ; all others belong to the protocol."""
    configs = [configure(name, "full").to_dict() for name in (*EXPERIMENTS, "baseline+flip")]
    return frozenset(key for key in configs[0] if len({config[key] for config in configs}) > 1)


def protocol_of(config: Config) -> dict:
    """The settings that runs in one table must share."""
    own = {*experiment_settings(), "seed"}
    return {key: value for key, value in config.to_dict().items() if key not in own}


def follows(config: Config, protocol: dict) -> bool:
    """Whether a run's configuration has this protocol, in which `auto` is any precision."""
    own = protocol_of(config)
    if protocol["precision"] == "auto":
        protocol = protocol | {"precision": own["precision"]}
    return own == protocol


def profile_of(protocol: dict) -> str | None:
    """The profile with this protocol, whatever the precision, or None."""
    any_precision = protocol | {"precision": "auto"}
    return next((p for p in PROFILES if follows(configure("baseline", p), any_precision)), None)


def variant_name(config: Config, profile: str | None) -> str:
    """The experiment's name, followed by every setting that differs from the experiment's own."""
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


def is_beyond(variant: str) -> bool:
    """Whether a variant is of one of the experiments beyond the report."""
    return _experiment_of(variant) in BEYOND


def base_of(variant: str) -> str | None:
    """The experiment of `BEYOND` from which a variant departs; None if there is none.

    `best-ssim` for its ablation `best-ssim-l1`, and for `best-ssim` itself with changed settings.
    """
    experiment = _experiment_of(variant)
    if experiment in BEYOND and experiment != variant:
        return experiment
    return min((one for one in BEYOND if experiment.startswith(f"{one}-")), key=len, default=None)


def _experiment_of(variant: str) -> str:
    return variant.split(" ")[0].split("+")[0]


def find_runs(output: Path) -> tuple[list[Run], dict[str, str]]:
    """All runs below `output/runs`, newest first, and a reason for every folder that holds none.

    Runs that only pretrain weights are left out.
    """
    runs, unusable = runs_below(output)
    return [run for run in runs if not run.config.experiment.startswith("pretraining-")], unusable


def select_runs(output: Path, data: StreetData, config: Config) -> Selection:
    """The runs below `output/runs` on this data under the protocol of `config`.

    The experiments come first, in their usual order, then other variants by name. Of several runs
    with one variant and seed, one of the present code counts, else the newest. If the precision of
    `config` is `auto`, it is that of the newest run. Checkpoints are not read here: `measure_all`
    leaves out runs whose checkpoint is unusable.
    """
    protocol = protocol_of(config)
    profile = profile_of(protocol)
    runs, unusable = find_runs(output)
    on_data = [run for run in runs if run.data()["fingerprint"] == data.fingerprint]
    for run in on_data:
        if run.is_finished and follows(run.config, protocol):
            protocol = protocol_of(run.config)  # from here on with one precision
    selection = Selection(protocol, profile, unusable=unusable)
    found: dict[str, dict[int, Run]] = {}
    for run in sorted(runs, key=is_outdated):  # stable: the newest come first
        fits = run in on_data and follows(run.config, protocol)
        if fits and run.is_finished:
            by_seed = found.setdefault(variant_name(run.config, profile), {})
            by_seed.setdefault(run.config.seed, run)
        elif fits:
            selection.unfinished.append(run)
        elif run.is_finished:
            selection.others.append(run)
    for name in usual_order(found):
        selection.variants[name] = [found[name][seed] for seed in sorted(found[name])]
    return selection


def usual_order(variants: Iterable[str]) -> list[str]:
    """The experiments in the order of `EXPERIMENTS`, then other variants by name."""
    order = {name: number for number, name in enumerate(EXPERIMENTS)}
    return sorted(variants, key=lambda name: (order.get(name, len(order)), name))


def is_outdated(run: Run) -> bool:
    """Whether the code that decides a run's numbers has changed since it was created."""
    try:
        return bool(run.changed_code())
    except UserError:  # one of its networks no longer exists
        return True


def choose_data(
    output: Path,
    dataset: str | None = None,
    data_root: Path | None = None,
    profile: str | None = None,
    settings: Sequence[str] = (),
) -> tuple[StreetData, Config]:
    """The data set of a report, and a configuration with its protocol.

    Missing arguments are taken from the newest finished run that matches the others; runs with the
    unchanged settings of a profile take precedence. Without any run, defaults apply. Raises
    UserError if the data set has changed since that run was trained.
    """
    config = configure("baseline", profile, settings=settings) if profile or settings else None
    fitting = []
    for run in find_runs(output)[0]:
        recorded = run.data()
        named = dataset is None or dataset in (recorded["name"], recorded["location"])
        shared = config is None or follows(run.config, protocol_of(config))
        if run.is_finished and named and shared:
            fitting.append(run)
    fitting.sort(key=lambda run: profile_of(protocol_of(run.config)) is None)
    if fitting and dataset is None:
        return load_data_of(fitting[0], None, data_root), config or fitting[0].config
    config = config or (fitting[0].config if fitting else configure("baseline", default_profile()))
    return load_data_for(config, dataset or "synthetic", data_root), config


def describe(selection: Selection, data: StreetData) -> str:
    """One sentence for a caption: data, protocol and seeds of a report's numbers."""
    seeds = sorted({run.config.seed for run in selection.runs})
    seeds_named = f"{'seeds' if len(seeds) != 1 else 'seed'} {', '.join(map(str, seeds)) or 'none'}"
    protocol, size = selection.protocol, selection.protocol["image_size"]
    return (
        f"Data set {data.name} ({len(data.train)} / {len(data.val)} / {len(data.test)} pairs), "
        f"{size}x{size} pixels, width {protocol['width']}, {protocol['epochs']} epochs, "
        f"batch size {protocol['batch_size']}, {seeds_named}; {SSIM_CONVENTION}."
    )


def describe_run(run: Run, data: StreetData) -> str:
    """The same for the numbers of a single run."""
    return describe(Selection(protocol_of(run.config), None, {"": [run]}), data)
