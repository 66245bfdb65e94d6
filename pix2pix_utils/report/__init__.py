"""Finished runs in; tables, figures and one HTML page out.

In order: `selection` chooses the runs, `run_measures` and `collect` measure them, `comparison`,
`published`, `claims` and `beyond` compare scores, `tables`, `pictures` and `beyond_parts` make the
content, `writing` writes it to disk.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "selection": ["choose_data", "describe", "describe_run", "select_runs"],
        "claims": ["claim_rows", "count_verdicts"],
        "beyond": [
            "PATHS",
            "ablation_rows",
            "beyond_record",
            "lead_rows",
            "realism_points",
            "recommended",
            "recommended_rows",
            "step_rows",
        ],
        "collect": ["measure_all"],
        "comparison": [
            "comparison_rows",
            "image_groups",
            "image_scores",
            "mean_over_seeds",
            "p_text",
            "reference_scores",
            "seed_scores",
            "verdict",
        ],
        "page": ["PAINT_PAGE"],
        "published": [
            "find_long_runs",
            "find_published",
            "long_run_rows",
            "record_curves",
            "record_scores",
            "record_summaries",
            "results_record",
        ],
        "tables": ["table_rows"],
        "pictures": [
            "best_on_val",
            "generated",
            "long_run_picture",
            "ranked_figure",
            "ranked_scenes",
            "translation_strip",
            "weights_of",
        ],
        "formats": ["as_latex", "as_markdown"],
        "writing": ["write_report"],
    },
)
