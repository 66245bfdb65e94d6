"""What the two networks minimise: adversarial losses, and distances to the real photo."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adversarial": [
            "ADVERSARIAL_LOSSES",
            "AdversarialLoss",
            "bce",
            "check_discriminator",
            "classes",
            "hinge",
            "least_squares",
        ],
        "feature_matching": ["feature_matching_loss"],
        "objective": ["DISTANCES", "Objective", "build_objective"],
        "perceptual": ["PerceptualLoss"],
        "structural": ["ms_ssim_loss", "ssim_loss"],
    },
)
