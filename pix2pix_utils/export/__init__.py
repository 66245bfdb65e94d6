"""Export: trained generators for programs other than this one.

ONNX files run in onnxruntime, in browsers and on phones; the format of
pytorch-CycleGAN-and-pix2pix runs in that repository; the page runs a generator on its own.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "runtime": ["Runtime", "load_runtime"],
    },
)
