"""Adding measurements to the records that the project ships in `data/results`.

The models of a record may be trained on several days: a record that is published again keeps every
model of which it had more seeds than the new one has.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error, read_json
from pix2pix_utils.report.published import record_scores, variant_of, write_record
from pix2pix_utils.report.selection import is_beyond, usual_order
from pix2pix_utils.training.experiments import TABLE_1

SAME = ("dataset", "fingerprint", "split_rule", "pairs", "profile", "protocol", "ssim", "groups")
BY_MODEL = ("measures", "segmentation", "distances", "class_ssim", "models")  # model -> its numbers
TOLERANCE = 1e-3  # of scores that were computed twice with the same segmentation network


def publish(folder: Path, results: dict, beyond: dict) -> list[Path]:
    """Add a report's two records to the folder's files; returns the files that were written.

    `results`, from `results_record`, goes to a file such as `synthetic-demo.json` if that then has
    all of Table I, or if no profile has its protocol, as with 200 epochs at 64 pixels; `beyond`,
    from `beyond_record`, goes to `synthetic-demo-beyond.json` if it has a model beyond the report.
    Raises UserError if there is nothing to write, or if a file has models that cannot stand beside
    the new ones.
    """
    name = _file_name(results)
    path = folder / f"{name}.json"
    joined = join(read_json(path), results, path) if path.exists() else results
    missing = [row for row in TABLE_1 if row not in seeds_of(joined)]
    trained = results["profile"] is None and results["runs"]
    wanted = {path: joined} if trained or not missing else {}
    if any(map(is_beyond, seeds_of(beyond))):
        path = folder / f"{name}-beyond.json"
        wanted[path] = join(read_json(path), beyond, path) if path.exists() else beyond
    if not wanted:
        raise UserError(
            f"--publish {folder} needs all of Table I, or a model beyond the report, but these are "
            f"not trained: {', '.join(missing)}; `study` trains them"
        )
    with explain_os_error(f"write to {folder}", "; choose another folder with --publish"):
        folder.mkdir(parents=True, exist_ok=True)
        for path, record in wanted.items():
            write_record(path, record)
    return list(wanted)


def _file_name(record: Mapping) -> str:
    """As `synthetic-demo`, or `camvid-64px-200-epochs` where no profile has this protocol."""
    protocol = record["protocol"]
    own = f"{protocol['image_size']}px-{protocol['epochs']}-epochs"
    return re.sub(r"[^\w-]+", "-", f"{record['dataset']}-{record['profile'] or own}")


def seeds_of(record: dict) -> dict[str, set[int]]:
    """The seeds of every model in a record of either kind."""
    if "models" in record:
        models = record["models"].items()
        return {name: {one["seed"] for one in model["seeds"]} for name, model in models}
    return {name: set(by_seed) for name, by_seed in record_scores(record).items()}


def join(old: dict, new: dict, path: Path | str) -> dict:
    """The new record, and those models of the old one, from `path`, of which it has more seeds.

    Raises UserError if they are about other data or another protocol, or if models would be kept
    that another segmentation network has scored.
    """
    different = [key.replace("_", " ") for key in SAME if old.get(key) != new.get(key)]
    if different:
        raise UserError(
            f"{path} has other values of {', '.join(different)} than this report: publish to "
            "another folder, or move that file away"
        )
    ours = seeds_of(new)
    kept = [name for name, seeds in seeds_of(old).items() if len(seeds) > len(ours.get(name, ()))]
    if kept and not _scored_alike(old, new):
        raise UserError(
            f"{path} has other scores of the reference predictors than this report, so what it has "
            f"of {', '.join(kept)} cannot stand beside the new numbers: train these here, too, or "
            "move that file away"
        )
    order = usual_order({*ours, *kept})
    joined = dict(new)
    for key in BY_MODEL:
        if key in new:
            both = new[key] | {name: old[key][name] for name in kept if name in old[key]}
            names = [name for name in order if name in both]
            names += [name for name in both if name not in order]  # reference predictors
            joined[key] = {name: both[name] for name in names}
    if "runs" in new:
        runs = [run for run in old["runs"] if variant_of(run, old) in kept]
        runs += [run for run in new["runs"] if variant_of(run, new) not in kept]
        joined["runs"] = sorted(runs, key=lambda run: order.index(variant_of(run, new)))
    return joined


def _scored_alike(old: Mapping, new: Mapping) -> bool:
    """Whether two records agree on the predictors that have no network.

    If not, their models were scored by different segmentation networks.
    """
    kinds = [key for key in ("no_network", *BY_MODEL) if key in new]
    return all(
        _close(old[kind].get(name), new[kind].get(name))
        for kind in kinds
        for name in new["no_network"]
    )


def _close(mine: object, theirs: object) -> bool:
    """Whether two plain values are equal, numbers up to `TOLERANCE`."""
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        return mine.keys() == theirs.keys() and all(_close(mine[k], theirs[k]) for k in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_close, mine, theirs))
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        return math.isclose(mine, theirs, rel_tol=0.01, abs_tol=TOLERANCE)
    return mine == theirs
