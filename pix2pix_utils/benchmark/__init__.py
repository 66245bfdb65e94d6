"""How fast training is on this machine: its steps, data and evaluation, and minutes to a score."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "loops": ["plan_loops"],
        "measuring": ["run_benchmark"],
        "table": ["as_text", "minutes_as_text"],
        "turns": ["check_minutes", "train_in_turns"],
    },
)
