"""Finished runs in, tables, figures and one page out.

`selection` says which runs belong together, `measured` what is measured on them, `tables`,
`findings` and `pictures` what is shown, `formats` and `page` how, `writing` puts it on disk.
"""

from pix2pix_utils.report.collect import measure_all
from pix2pix_utils.report.comparison import (
    comparison_rows,
    image_scores,
    mean_over_seeds,
    reference_scores,
    seed_scores,
)
from pix2pix_utils.report.findings import finding_rows, verdict
from pix2pix_utils.report.formats import as_csv, as_latex, as_markdown
from pix2pix_utils.report.pictures import (
    best_on_val,
    ranked_figure,
    ranked_scenes,
    translation_strip,
)
from pix2pix_utils.report.published import (
    find_published,
    record_scores,
    record_summaries,
    results_record,
)
from pix2pix_utils.report.selection import choose_data, select_runs
from pix2pix_utils.report.tables import describe, provenance, table_rows
from pix2pix_utils.report.writing import write_report

__all__ = [
    "as_csv",
    "as_latex",
    "as_markdown",
    "best_on_val",
    "choose_data",
    "comparison_rows",
    "describe",
    "find_published",
    "finding_rows",
    "image_scores",
    "mean_over_seeds",
    "measure_all",
    "provenance",
    "ranked_figure",
    "ranked_scenes",
    "record_scores",
    "record_summaries",
    "reference_scores",
    "results_record",
    "seed_scores",
    "select_runs",
    "table_rows",
    "translation_strip",
    "verdict",
    "write_report",
]
