"""The model card of a finished run: `README.md` in its folder, where model hubs look for it.

It needs no network: the scores are those of `result.json`, and the floors come from `floors`.
"""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from pix2pix_utils.acceleration.distributed import is_main
from pix2pix_utils.cards import words
from pix2pix_utils.cards.floors import SCORED, Floors, floors_of
from pix2pix_utils.cards.templates import code, render
from pix2pix_utils.cards.terms import STREETS, Terms, terms_of
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.reading.options import split_address
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.statistics import (
    images_text,
    mean_text,
    over_seeds,
    paired_difference,
    summarize,
)
from pix2pix_utils.files import write_text
from pix2pix_utils.report.comparison import image_groups, image_scores
from pix2pix_utils.report.formats import as_markdown
from pix2pix_utils.report.selection import SSIM_CONVENTION, profile_of, protocol_of
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import PROFILES, configure, find_experiment
from pix2pix_utils.training.runs import Run, find_runs

CARD = "README.md"


def write_run_cards(runs: Sequence[Run], data: StreetData) -> None:
    """Write the cards of finished runs on the data that they were trained on.

    Runs in the same output folder that differ in their seed alone name each other's scores, so
    their cards are written again, too. A card that is up to date is left alone, and an unfinished
    run gets none. Whatever goes wrong is a sentence on stderr and no exception.
    """
    beside: dict[Path, list[Run]] = {}  # output folder -> all runs below it
    for run in runs if is_main() else ():
        if not run.is_finished:
            continue
        try:
            output, recorded = run.folder.resolve().parent.parent, run.data()
            if (data.fingerprint, data.splits) != (recorded["fingerprint"], recorded["splits"]):
                raise UserError("the data set does not have the pairs that it was trained on")
            if output not in beside:
                beside[output] = find_runs(output)[0]
            floors, seeds = floors_of(data), _seeds_of(run, beside[output])
            for one in sorted(seeds, key=lambda one: one is not run):  # its own card first
                _write_if_new(one.folder / CARD, run_card(one, data.palette.classes, floors, seeds))
        except Exception as error:  # the run is finished and good, whatever is wrong with its card
            tqdm.write(f"the run {run.folder} has no new card: {error}", file=sys.stderr)


def run_card(run: Run, classes: Sequence[str], floors: Floors, seeds: Sequence[Run]) -> str:
    """The card as Markdown.

    `classes` are those of the data set's palette, `floors` those of the pairs that the run was
    trained on, `seeds` the finished runs that differ in their seed alone, this one among them.
    Raises UserError if the run is not finished.
    """
    config, result, recorded = run.config, run.result(), run.data()
    pairs = {split: len(recorded["splits"][split]) for split in SPLITS}
    names = [name for split in SPLITS for name in recorded["splits"][split]]
    terms = terms_of(recorded["name"], recorded["location"], names)
    others = words.others_networks(config, result["started_from"])
    return render(
        "run.md",
        folder=run.folder.name,
        config=config,
        result=result,
        data=recorded,
        pairs=pairs,
        terms=terms,
        is_drawn=terms is STREETS,
        others=others,
        metadata=_metadata(terms, others),
        training=as_markdown(_training_rows(run)),
        command=_command(config, recorded),
        classes=[name for name in classes if name not in floors.unseen],
        unseen=floors.unseen,
        convention=SSIM_CONVENTION,
        scores=as_markdown(_score_rows(run, floors)),
        worth=images_text(result["ssim"]["eval"]["test"]),
        comparison=_comparison(run, floors),
        train_mode=mean_text(result["ssim"]["train"]["test"]),
        seed_rows=as_markdown(_seed_rows(seeds)),
        seeds=over_seeds([image_scores([one]) for one in seeds]),
    )


def training_command(config: Config) -> str:
    """The shortest `train` command with this configuration, without the data set.

    Raises UserError if there is no such experiment any more.
    """
    options = {}
    for profile in PROFILES:
        own = configure(config.experiment, profile, config.seed).to_dict()
        changes = [f"--set {k}={v}" for k, v in config.to_dict().items() if v != own[k]]
        options[profile] = [f"--profile {profile}", *changes]
    shortest = min(options.values(), key=len)
    seed = [f"--seed {config.seed}"] if config.seed else []
    return " ".join(["python -m pix2pix_utils train", config.experiment, *shortest, *seed])


def _seeds_of(run: Run, beside: Sequence[Run]) -> list[Run]:
    """The run, and those finished ones beside it that differ in their seed alone; by seed."""
    recorded, version = run.data(), run.code()
    found = {run.config.seed: run}
    for other in beside:
        if (
            other.is_finished
            and replace(other.config, seed=run.config.seed) == run.config
            and other.code() == version
            and all(other.data()[key] == recorded[key] for key in ("fingerprint", "splits"))
        ):
            found.setdefault(other.config.seed, other)
    return [found[seed] for seed in sorted(found)]


def _write_if_new(path: Path, card: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != card:
        write_text(path, card)


def _metadata(terms: Terms, others: Sequence[str]) -> dict[str, str]:
    """The licence as model hubs want it: that of the data, unless others' networks had a part."""
    if terms is STREETS and others:
        return {
            "license": "other",
            "license_name": "terms of the networks that it started from",
        }
    found = {"license": terms.identifier}
    if terms.identifier == "other":
        found |= {"license_name": terms.licence_name, "license_link": terms.link}
    return found


def _command(config: Config, recorded: dict) -> str:
    """The command that trains the run again; empty if the experiment no longer exists."""
    try:
        command = training_command(config)
    except UserError:
        return ""
    if recorded["location"] == "synthetic":
        return command
    _, options = split_address(recorded["location"])
    dataset = options.address(recorded["name"])  # without the folder: a card is for others, too
    return f"{command} --dataset {shlex.quote(dataset)}"


def _training_rows(run: Run) -> list[dict[str, str]]:
    config, result, session = run.config, run.result(), run.sessions()[-1]
    starts = {name: words.start_words(one) for name, one in result["started_from"].items()}
    same = len({*starts.values()}) == 1
    profile = profile_of(protocol_of(config))
    kept = f"those of epoch {result['best_epoch']} of {config.epochs}"
    kept += ", the best by SSIM on val" if config.keep == "best" else ", the last"
    discriminator = words.discriminator_words(config)
    if config.adversarial_loss != "none":
        discriminator += f"; {result['discriminator_parameters']:,} parameters"
    rows = {
        "experiment": f"{code(config.experiment)}{_title(config)}",
        "generator": f"{words.GENERATORS.get(config.generator, config.generator)}; "
        f"{result['generator_parameters']:,} parameters",
        "discriminator": discriminator,
        "loss of the generator": words.loss_words(config),
        "the networks see": words.input_words(config),
        "started from": next(iter(starts.values()))
        if same
        else "; ".join(f"{name}: {start}" for name, start in starts.items()),
        "augmentation": config.augmentation,
        "profile": f"`{profile}`" if profile else "none: its settings were changed",
        "size of the photos": f"{config.image_size} x {config.image_size} pixels",
        "epochs": f"{config.epochs}, in batches of {config.batch_size}"
        + (f" x {config.accumulation}" if config.accumulation > 1 else ""),
        "weights kept": kept,
        "seed": str(config.seed),
        "precision": result["precision"],
        "hardware": _hardware(session, len(run.sessions())),
        "time": f"{_duration(result['train_seconds'])} of training",
        "date": session["date"][:10],
    }
    return [{"setting": name, "value": value} for name, value in rows.items()]


def _title(config: Config) -> str:
    try:
        return f": {find_experiment(config.experiment)[0].title}"
    except UserError:
        return ""


def _hardware(session: dict, sessions: int) -> str:
    machine = session["gpu"] or f"{session['processor']}, {session['cpu_threads']} thread(s)"
    processes = session.get("processes", 1)
    several = f", {processes} processes" if processes > 1 else ""
    resumed = f"; the last of {sessions} sessions" if sessions > 1 else ""
    return f"{session['device']} ({machine}{several}), torch {session['torch']}{resumed}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _score_rows(run: Run, floors: Floors) -> list[dict[str, str]]:
    """SSIM by split: the run, and each floor; floors are fitted on train and not scored there."""
    own, groups = run.result()["ssim"]["eval"], {s: image_groups(run, s) for s in SCORED}
    rows = [{"SSIM": "**this run**", **{split: mean_text(own[split]) for split in SPLITS}}]
    for name, ssim in floors.ssim.items():
        scores = {split: mean_text(summarize(ssim[split], groups[split])) for split in SCORED}
        rows.append({"SSIM": f"no network: {name}", "train": "", **scores})
    return rows


def _comparison(run: Run, floors: Floors) -> str:
    """On test, the run minus the highest floor, image by image, in a sentence."""
    highest = max(floors.ssim, key=lambda name: float(floors.ssim[name]["test"].mean()))
    difference = paired_difference(
        image_scores([run]), floors.ssim[highest]["test"], image_groups(run)
    )
    if "low" not in difference:
        verdict = "too few images to say whether the run is above or below it"
    elif difference["low"] > 0:
        verdict = "the run is above it"
    elif difference["high"] < 0:
        verdict = "the run is below it"
    else:
        verdict = "these images do not show whether the run is above or below it"
    return (
        f"The highest floor on test is {highest}. Image by image, this run minus that floor is "
        f"{mean_text(difference, sign='+')}: {verdict}."
    )


def _seed_rows(seeds: Sequence[Run]) -> list[dict[str, str]]:
    rows = []
    for run in seeds:
        ssim = run.result()["ssim"]["eval"]
        scores = {f"{split} SSIM": mean_text(ssim[split]) for split in ("val", "test")}
        rows.append({"seed": str(run.config.seed), **scores})
    return rows
