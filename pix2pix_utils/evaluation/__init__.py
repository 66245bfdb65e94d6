"""Image metrics, reference predictors, statistics over images, and a segmentation score."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "metrics": ["C1", "C2", "gradient_energy", "l1", "psnr", "ssim", "ssim_map"],
        "predictors": ["generator_predictor", "predictions", "ssim_scores"],
        "statistics": [
            "bootstrap_interval",
            "holm",
            "images_text",
            "interval_text",
            "mean_text",
            "over_seeds",
            "paired_difference",
            "summarize",
        ],
        "reference": ["ORACLE", "REFERENCE_PREDICTORS", "class_color", "nearest_label_map"],
        "segmentation": ["segmenter"],
        "confusion": ["segmentation_scores"],
        "measures": ["Measures", "measure"],
    },
)
