"""Interactive widgets, and a static figure for each, for runs without a screen and for GitHub."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"studio"},
    submod_attrs={
        "blind_test": [
            "BlindTest",
            "a_or_b",
            "blind_test_figure",
            "describe_result",
            "real_or_generated",
            "two_choices",
        ],
        "browser": ["browse_image", "describe_pair", "sample_browser"],
        "compare": ["comparison_figure", "finished_runs", "run_comparison"],
        "monitor": ["TrainingMonitor"],
        "judge": ["Judge"],
        "patches": ["patch_figure", "patch_overlay"],
        "scrubber": ["epoch_figure", "epoch_scrubber"],
    },
)
