"""The section "Beyond the report": its tables and figures."""

from collections.abc import Iterator
from pathlib import Path

from pix2pix_utils import figures
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.report.beyond import (
    DISTANCE,
    JUDGED_BY,
    ablation_rows,
    lead_rows,
    realism_points,
    recommended,
    recommended_rows,
)
from pix2pix_utils.report.pictures import MODELS, Picture, translation_strip
from pix2pix_utils.report.selection import Selection, is_beyond
from pix2pix_utils.report.tables import Table, filled, missing_note
from pix2pix_utils.training.experiments import BEYOND, TABLE_1


def beyond_tables(
    record: dict, selection: Selection, data: StreetData, output: Path
) -> Iterator[Table]:
    """What a record of `beyond_record` allows; nothing if no experiment of `BEYOND` is in it."""
    if not any(is_beyond(name) for name in record["models"]):
        return
    rows, notes = ablation_rows(record), missing_note(BEYOND, selection, data, output)
    if not rows:
        notes.append("The table of ingredients is left out: it takes a row and its base.")
    if not any(realism_points(record)[0].values()):
        notes.append("SSIM against realism is left out: it takes the segmentation network.")
    floor = record["real_floor"].get(DISTANCE)
    yield Table(
        "beyond",
        "Two recommended models beside the report's six",
        filled(recommended_rows(record)),
        "Test split, means over the seeds, with 95 % intervals over the images. The kernel "
        "distance compares the set of generated photos with that of real ones by the features of "
        "the segmentation network"
        + (f"; real photos of other scenes are at {floor['mean']:.4f}." if floor else "."),
        notes,
    )
    leads = lead_rows(record)
    if leads:
        yield Table(
            "leads",
            "The recommended models minus each of the others",
            filled(leads),
            "Differences of test SSIM on the same images, by the seeds that both have, with 95 % "
            "intervals over the images.",
        )
    if rows:
        by_ssim = " and ".join(name for name in recommended() if JUDGED_BY.get(name) == "ssim")
        yield Table(
            "ingredients",
            "What each ingredient is worth",
            filled(rows),
            "Each row minus the recommended one, on the same test images and for the seeds that "
            "both have. An ingredient earns its place if the 95 % interval over the images and "
            f"every seed agree: in SSIM (and its p-value, by Holm's correction) for {by_ssim}, "
            "in kernel distance for the others. It is open if they do not.",
        )


def beyond_pictures(record: dict, selection: Selection, data: StreetData) -> Iterator[Picture]:
    """SSIM against realism, and the recommended models on the same scenes as those of Table I."""
    if not any(is_beyond(name) for name in record["models"]):
        return
    families, others = realism_points(record)
    if families:
        floor = record["real_floor"].get(DISTANCE)
        yield Picture(
            "realism",
            "SSIM against realism",
            figures.ssim_against_realism(families, others, floor["mean"] if floor else None),
            "Means over the test images and the seeds. Hollow: simple predictors (no network). "
            "The line of steps joins the models that no other beats in both, a trade-off that Blau "
            "and Michaeli (2018) proved to be unavoidable. Dotted: real photos of other scenes.",
        )
    shown = [name for name in (*TABLE_1, *recommended()) if name in selection.variants][-MODELS:]
    if not shown:
        return
    yield Picture(
        "beyond-translations",
        "The recommended models on the same scenes",
        translation_strip([selection.variants[name][0] for name in shown], data),
        "Evenly spaced scenes of the test split; the first seed of each model.",
    )
