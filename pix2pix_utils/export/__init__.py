"""Export: trained generators for programs other than this one.

ONNX files run in onnxruntime, in browsers and on phones; the format of
pytorch-CycleGAN-and-pix2pix runs in that repository; the page runs a generator on its own.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "onnx_format": ["OnnxModel", "onnx_model", "write_onnx"],
        "web_models": ["page_models"],
        "pix2pix_format": ["write_pix2pix"],
        "runtime": ["Runtime", "load_runtime"],
        "web": ["PageModel", "write_page"],
    },
)
