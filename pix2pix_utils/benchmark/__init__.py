"""How fast the training step, the data and the evaluation are on this machine."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"measuring": ["run_benchmark"], "table": ["as_text"]}
)
