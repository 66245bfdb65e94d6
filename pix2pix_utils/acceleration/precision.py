"""Numeric precision of the networks: `fp32`, `bf16` or `fp16`.

Weights, optimizer states, losses and scores stay in float32; in the shorter formats convolutions
run under torch's autocast. bfloat16 has float32's range, so gradients need no scaling; float16
underflows, so its losses are scaled (Micikevicius et al. 2018). On recent GPUs torch's float32
convolutions, and so `fp32`, multiply in TF32, with a mantissa of 10 bits.
"""

import torch

from pix2pix_utils.errors import UserError, check_choice

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(name: str, device: torch.device) -> str:
    """The precision that a name stands for: `auto` is bf16 on a CUDA GPU that has it, else fp32.

    On CPUs fp32 gives nearly the same numbers on every machine, and few have fast bf16. Raises
    UserError for an unknown name, for fp16 without a CUDA GPU, or for bf16 on an Apple GPU.
    """
    check_choice("precision", name, PRECISIONS)
    if name == "auto":
        capable = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if capable else "fp32"
    if device.type == "mps" and name != "fp32":
        raise UserError(f"precision={name} is not available on an Apple GPU (mps); use fp32")
    if name == "fp16" and device.type != "cuda":
        raise UserError(f"precision=fp16 needs a CUDA GPU, not {device.type}; use fp32 or bf16")
    return name


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The context in which the networks' forward passes run."""
    dtype = _DTYPES.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
