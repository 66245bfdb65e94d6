"""The initial weights of the pix2pix paper."""

from torch import nn


def init_normal(module: nn.Module) -> None:
    """Draw convolution weights from N(0, 0.02) and set their biases to 0; for `Module.apply`.

    Batch norm keeps torch's scale 1 and shift 0, as in znxlwm/pytorch-pix2pix.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
