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
        "confusion": ["VOID_RULES", "segmentation_scores", "segmentation_summary"],
        "feature_distance": [
            "distance_summary",
            "frechet_distance",
            "kernel_difference",
            "kernel_distance",
            "photo_features",
            "real_floor",
        ],
        "perceptual": ["perceptual_distances"],
        "choices": ["choice_summary"],
        "measures": ["Measures", "image_summaries", "measure", "score_summaries"],
    },
)
