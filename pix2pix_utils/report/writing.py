"""The report on disk: tables, figures, an animation, a JSON record and one page with all of it."""

from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import matplotlib
import torch

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.files import as_csv, explain_os_error, write_text
from pix2pix_utils.report.animation import epoch_frames, write_animation
from pix2pix_utils.report.beyond import beyond_record
from pix2pix_utils.report.beyond_parts import beyond_pictures, beyond_tables
from pix2pix_utils.report.collect import measure_all
from pix2pix_utils.report.formats import as_latex, as_markdown
from pix2pix_utils.report.page import build_page
from pix2pix_utils.report.pictures import (
    Picture,
    all_pictures,
    best_on_val,
    long_run_picture,
)
from pix2pix_utils.report.published import (
    find_long_runs,
    find_published,
    long_run_rows,
    results_record,
    write_record,
)
from pix2pix_utils.report.publishing import publish
from pix2pix_utils.report.selection import Selection, describe, select_runs
from pix2pix_utils.report.tables import (
    BEYOND_TITLE,
    Table,
    Tables,
    detail_tables,
    left_out,
)
from pix2pix_utils.training.config import Config

SECTIONS = {  # of the page: heading -> names of its tables and pictures
    "Table I": ("table1", "ssim", "distribution"),
    "Figures 1 and 2, and more photos": ("figure1", "figure2", "translations", "ranked", "epochs"),
    "Training": ("curves*", "long-runs"),
    "Every claim of the report": ("claims",),
    BEYOND_TITLE: ("beyond", "leads", "realism", "beyond-translations", "ingredients"),
    "Image by image": ("paired", "differences"),
    "More than SSIM": ("evaluation", "sharpness"),
    "SSIM by class": ("classes", "class-ssim"),
    "The weight of L1": ("alpha",),
    "Augmentation": ("augmentation",),
    "Further experiments": ("further",),
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

    It covers the runs on `data` under the protocol of `config`, of any experiment and seed, and
    names what is not trained with the command that trains it. `publish_to` is a folder, such as
    `data/results`, to whose records the measurements are added (`publish`). Raises UserError if
    that cannot be done, or if the report's folder cannot be written.
    """
    folder = output / "report"
    remedy = "; choose another folder with --output"
    with explain_os_error(f"write the report to {folder}", remedy):
        folder.mkdir(parents=True, exist_ok=True)
    selection = select_runs(output, data, config)
    measured = measure_all(selection, data, output, device)
    reported = selection.of_the_report()
    record = results_record(reported, data, measured.of(reported))
    beyond = beyond_record(selection, data, measured)
    shipped = publish(publish_to, record, beyond) if publish_to else []
    write_record(folder / "results.json", record)
    write_record(folder / "beyond.json", beyond)
    written = [folder / "results.json", folder / "beyond.json"]
    published = find_published(data.name, selection.profile or "demo")
    tables = Tables(data, reported, measured.of(reported), record, published, output)
    about = describe(selection, data)  # once on the page, and in every file that stands alone
    parts: list[Table | Picture] = []
    for table in (*tables.results(), *beyond_tables(beyond, selection, data, output)):
        written += _write_table(replace(table, caption=f"{table.caption} {about}"), folder)
        parts.append(table)
    if long := find_long_runs():
        parts += [picture := long_run_picture(long), table := _long_run_table(long)]
        written += figures.save(picture.figure, folder / picture.name, picture.caption)
        written += _write_table(table, folder)
    with matplotlib.rc_context({"text.parse_math": False}):  # a dollar in a name is a dollar
        for picture in (
            *all_pictures(data, reported, measured.of(reported)),
            *beyond_pictures(beyond, selection, data),
        ):
            if picture.figure:
                caption = f"{picture.caption} {about}"
                written += figures.save(picture.figure, folder / picture.name, caption)
            else:
                frames = epoch_frames(best_on_val(reported.runs))
                written += write_animation(frames, folder / picture.name)
            parts.append(picture)
    parts += detail_tables(data, selection)
    sections = {
        heading: [part for name in names for part in parts if fnmatch(part.name, name)]
        for heading, names in SECTIONS.items()
    }
    page = build_page(
        f"From label map to photo: {data.name}",
        [*_introduction(selection, about), *left_out(selection, data, output)],
        {heading: found for heading, found in sections.items() if found},
        folder,
    )
    write_text(folder / "index.html", page)
    return [folder / "index.html", *written, *shipped]


def _long_run_table(record: dict) -> Table:
    return Table(
        "long-runs",
        "Where training should have stopped",
        long_run_rows(record),
        "Published measurement: mean SSIM after the epoch that val chooses, whose weights a run "
        "keeps, and after the last epoch.",
    )


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


def _introduction(selection: Selection, about: str) -> list[str]:
    runs, models = len(selection.runs), len(selection.variants)
    paragraphs = [
        f"{runs} finished run{'s' * (runs != 1)} of {models} model{'s' * (models != 1)}, compared "
        "with the numbers of the report “Image-to-Image Translation for the Cityscapes Dataset” "
        "(V. I. Ortega Pinto, M. Romero Romero) and with reference predictors (no network).",
        about,
    ]
    if not runs:
        paragraphs.append("There are no finished runs yet: notes name the commands to train them.")
    return paragraphs
