"""For those who teach: hand-outs made from the notebooks, and the grading of hand-ins.

`sources` reads the exercises out of the notebooks; `handouts` and `nbgrader` write them for
students and for lecturers. `grading` grades what `handins` finds: `sandbox` starts a process for
each notebook, in which `inside` executes the cells under the `limits`; `answers` are stand-ins on
this side for what was handed in, and `encoding` is the only way out of the process.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "handouts": ["write_handouts"],
        "grading": ["grade"],
        "sandbox": ["Limits"],
    },
)
