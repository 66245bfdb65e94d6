"""Figures of the study.

Every function returns a `Figure`, which is a matplotlib figure with a text alternative, and shows
nothing, except `save`, and those of `streets`, which make and write pictures pixel by pixel.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classes": ["class_frequency_bars", "class_scores", "palette_legend"],
        "sheets": ["contact_sheet"],
        "curves": ["split_curves", "training_curves"],
        "described": ["Figure"],
        "diagrams": ["unet_diagram"],
        "frontier": ["non_dominated", "ssim_against_realism"],
        "metric_plots": ["distance_intervals", "rank_chart"],
        "pictures": ["image_grid", "score_maps"],
        "saving": ["save"],
        "score_plots": [
            "differences",
            "sampled_means",
            "score_columns",
            "score_distribution",
            "score_intervals",
            "seed_dots",
            "ssim_against_sharpness",
            "value_bars",
        ],
        "streets": ["mosaic", "save_picture", "street_strip"],
        "tuning_plots": ["best_of_curves", "best_so_far", "pruned_curves", "search_points"],
        "time_plots": ["scores_over_time"],
        "style": ["COLORS", "GREY", "LINES", "MARKERS"],
    },
)
