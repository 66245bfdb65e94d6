"""Tuning: searches for hyper-parameters, shared by several processes, and what they are worth."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "space": ["Choice", "Range", "parse_space", "settings_text"],
        "plan": ["Plan"],
        "samplers": ["grid_points", "planned_points", "random_point"],
        "study": ["Study"],
        "searching": ["search"],
        "trials": [
            "Trial",
            "best_so_far",
            "best_trial",
            "importances",
            "summary",
            "summary_text",
            "trial_text",
        ],
        "luck": ["best_of_curve", "expected_maximum"],
        "confirmation": ["confirm", "confirmation_text"],
    },
)
