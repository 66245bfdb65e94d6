"""What only the notebooks need: set-up, checked exercises, and a check of the machine."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "lesson": ["Lesson", "start"],
        "exercises": ["check", "require"],
        "environment": ["check_environment"],
    },
)
