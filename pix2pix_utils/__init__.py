"""pix2pix on street scenes: data, models, training, evaluation and the report of a study.

The folders tell the story of one image: `data` reads it, `models` translate it, `training` fits
them to the `losses`, `evaluation` scores the result, `figures`, `report` and `widgets` show it.
`export` writes trained generators for other programs,
`tuning` searches for better settings, `acceleration` makes training faster without changing its
result, `release` makes the models of `data/released`, `course` holds what only the notebooks need,
and `classroom` makes hand-outs of them and grades hand-ins. Each folder lists its public names in
its `__init__.py`; they are imported on first use.
"""

import os

import lazy_loader

__version__ = "0.2.0"

# Must be set before torch is imported. torch's threads on a CPU wait for each other by spinning;
# where another process wants a core, they spin away each other's time: a training step of the demo
# profile on two busy cores then took 0.8 to 5.9 s instead of 0.15 s. Shorter spinning costs an
# idle machine about 5 %.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Likewise: an operation that torch lacks on an Apple GPU runs on the CPU, and torch warns of it.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")

DEVICES = ("auto", "cpu", "cuda", "mps")  # here since importing `devices` imports torch

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "classroom",
        "course",
        "data",
        "evaluation",
        "export",
        "figures",
        "losses",
        "models",
        "report",
        "training",
        "tuning",
        "widgets",
    },
    submod_attrs={
        "devices": ["choose_device"],
        "errors": ["UserError"],
        "paths": ["data_root", "output_root"],
    },
)
