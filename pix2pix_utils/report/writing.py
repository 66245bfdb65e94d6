"""The report on disk: tables, figures, an animation, a JSON record and one page with all of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import torch

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import atomic_write, read_json, write_text
from pix2pix_utils.report.animation import epoch_frames, write_animation
from pix2pix_utils.report.collect import measure_all
from pix2pix_utils.report.formats import as_csv, as_latex, as_markdown
from pix2pix_utils.report.page import Section, Shown, build_page, settings_table
from pix2pix_utils.report.pictures import Picture, Pictures, best_on_val
from pix2pix_utils.report.published import find_published, publish, results_record, write_record
from pix2pix_utils.report.selection import Selection, profile_of, protocol_of, select_runs
from pix2pix_utils.report.tables import Table, Tables, describe, start_of
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.runs import Run

SECTIONS = {  # of the page: the names of tables and pictures under each heading
    "What the models paint": ("translations", "figure1", "figure2", "ranked", "epochs"),
    "Table I": ("table1", "ssim", "distribution"),
    "What the report found, and what came out here": ("findings",),
    "Image by image": ("paired", "differences"),
    "More than SSIM": ("evaluation", "sharpness"),
    "SSIM by class": ("classes", "class-ssim"),
    "The weight of L1": ("alpha",),
    "Augmentation": ("augmentation",),
    "Further experiments": ("further",),
    "Training": ("curves", *(f"curves-{number}" for number in range(2, 50))),
    "Configuration and runs": ("protocol", "runs", "left-out"),
}


def write_report(
    output: Path,
    data: StreetData,
    config: Config,
    device: torch.device,
    publish_to: Path | None = None,
) -> list[Path]:
    """Write `output/report` about the runs below `output/runs`; returns its files.

    It covers the runs on `data` under the protocol of `config`, whatever their experiment and
    seed. Rows of Table I that are missing are named, with the command that trains them. `ship_to`
    gets the record that `data/results` holds; raises UserError if Table I is not whole.
    """
    folder = Path(output) / "report"
    _make_folder(folder)
    selection = select_runs(output, data, config)
    measured = measure_all(selection, data, Path(output), device)
    record = results_record(selection, data, measured)
    if publish_to:
        publish(publish_to, record)
    published = find_published(data.name, selection.profile)
    tables = Tables(data, selection, measured, published, Path(output)).all()

    written = [folder / "results.json"]
    write_record(written[0], record)
    for table in tables:
        written += _write_table(table, folder)
    shown: list[Shown] = []
    with matplotlib.rc_context({"text.parse_math": False}):  # a dollar in a name is a dollar
        pictures = list(Pictures(data, selection, measured).all())
    for picture in pictures:
        written += figures.save(picture.figure, folder / picture.name, picture.caption)
        shown.append(_shown(picture, folder))
    if animated := _animate(selection, data, folder):
        written += [folder / "epochs.gif", folder / "epochs.png"]
        shown.append(animated)
    parts: list[Table | Shown] = [
        *tables,
        *shown,
        *_configuration(selection, data),
        *_left_out(selection),
    ]
    page = build_page(
        f"From label map to photo: {data.name}", _introduction(selection, data), _sections(parts)
    )
    write_text(folder / "index.html", page)
    return [folder / "index.html", *written]


def _sections(parts: Sequence[Table | Shown]) -> list[Section]:
    """Tables and pictures under their headings, in the order of `SECTIONS`."""
    by_name = {part.name: part for part in parts}
    sections = []
    for title, names in SECTIONS.items():
        if found := [by_name[name] for name in names if name in by_name]:
            sections.append(Section(title, found))
    return sections


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write the report to {folder}: {error.strerror}; "
            "choose another folder with --output"
        ) from None


def _write_table(table: Table, folder: Path) -> list[Path]:
    notes = "".join(f"\n{note}\n" for note in table.notes)
    texts = {
        ".md": f"# {table.title}\n\n{as_markdown(table.rows)}\n{table.caption}\n{notes}",
        ".csv": as_csv(table.rows),
        ".tex": as_latex(table.rows, f"{table.title}. {table.caption}", table.name),
    }
    for suffix, text in texts.items():
        write_text(folder / f"{table.name}{suffix}", text)
    return [folder / f"{table.name}{suffix}" for suffix in texts]


def _shown(picture: Picture, folder: Path) -> Shown:
    path = folder / f"{picture.name}.png"
    return Shown(picture.name, picture.title, path, picture.caption, picture.alternative)


def _animate(selection: Selection, data: StreetData, folder: Path) -> Shown | None:
    """Scenes of the best run on val after every epoch; None if no run left any."""
    if not selection.runs:
        return None
    run = best_on_val(selection.runs)
    frames = epoch_frames(run)
    if not frames:
        return None
    path, still = folder / "epochs.gif", folder / "epochs.png"
    write_animation(frames, path)
    with atomic_write(still) as temporary:
        frames[-1].save(temporary)
    return Shown(
        "epochs",
        "Epoch by epoch",
        path,
        f"{run.config.experiment}, seed {run.config.seed}, the best model on val: label maps, "
        f"generated photos, real photos of scenes of val. {describe(selection, data)}",
        "Label maps, what the network makes of them epoch by epoch, and the real photos.",
        still,
    )


def _introduction(selection: Selection, data: StreetData) -> list[str]:
    runs = selection.runs
    words = [
        f"{len(runs)} finished run{'s' * (len(runs) != 1)} of {len(selection.variants)} "
        f"model{'s' * (len(selection.variants) != 1)} beside the numbers of the report "
        "“Image-to-Image Translation for the Cityscapes Dataset” (V. I. Ortega Pinto, "
        "M. Romero Romero) and beside predictions that no network made.",
        describe(selection, data),
    ]
    if not runs:
        words.append("There is no finished run yet: the tables name the commands that train them.")
    return words


def _configuration(selection: Selection, data: StreetData) -> Iterator[Table]:
    facts = {
        "data set": f"{data.name}: {data.description}",
        "fingerprint": data.fingerprint,
        "splits": data.split_rule,
        "profile": selection.profile or "none: settings were changed",
        **selection.protocol,
    }
    yield settings_table(facts, "The data, and the settings that all runs share.")
    if selection.runs:
        rows = [_run_row(run) for run in selection.runs]
        yield Table("runs", "Runs", rows, "Where each number comes from.")


def _run_row(run: Run) -> dict[str, str]:
    result, environment = run.result(), read_json(run.folder / "environment.json")
    return {
        "run": run.folder.name,
        "generator": f"{run.config.generator}, {result['generator_parameters']:,} parameters",
        "starts from": start_of(run),
        "best epoch on val": str(result["best_epoch"]),
        "minutes": f"{result['train_seconds'] / 60:.1f}",
        "date": environment["date"],
        "device": environment["gpu"] or f"{environment['processor']} CPU",
        "torch": environment["torch"],
        "python": environment["python"],
    }


def _left_out(selection: Selection) -> Iterator[Table]:
    """Runs that the tables do not count, each with the reason."""
    rows: list[dict[str, str]] = []
    for run in selection.unfinished:
        epochs = f"{len(run.read_history())} of {run.config.epochs} epochs"
        rows.append({"run": run.folder.name, "why": f"not finished: {epochs}"})
    for run in selection.others:
        rows.append({"run": run.folder.name, "why": _difference(run, selection)})
    rows += [{"run": name, "why": why} for name, why in selection.unreadable.items()]
    if rows:
        yield Table("left-out", "Runs left out", rows, "Runs below the same folder.")


def _difference(run: Run, selection: Selection) -> str:
    own = protocol_of(run.config)
    changed = [f"{key}={value}" for key, value in own.items() if selection.protocol[key] != value]
    if not changed:
        return f"other data: {run.data()['name']}"
    profile = profile_of(own)
    return f"profile {profile}" if profile else f"other settings: {', '.join(changed)}"
