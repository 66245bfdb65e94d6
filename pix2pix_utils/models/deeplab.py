"""The study's generator on the backbone of torchvision's DeepLabV3 (Chen et al. 2017)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large, deeplabv3_resnet50

from pix2pix_utils.errors import check_choice
from pix2pix_utils.models.initialization import init_normal

# The network's builder, the channels of the features that its backbone returns, and the last layer
# at each larger size with its channels: at 1/2 and 1/4 of the image, for MobileNet also at 1/8.
BACKBONES = {
    "resnet50": (deeplabv3_resnet50, 2048, {"relu": 64, "layer1": 256}),
    "mobilenet_v3_large": (deeplabv3_mobilenet_v3_large, 960, {"1": 16, "3": 24, "6": 40}),
}
REDUCED, MERGED = 64, 32  # channels of the decoder with skip connections: deepest, then finer ones


class ImageNetNormalization(nn.Module):
    """[-1, 1] to the range that torchvision's pretrained networks expect, (N, 3, H, W)."""

    mean: Tensor
    std: Tensor

    def __init__(self):
        super().__init__()
        # Mean and standard deviation of ImageNet's photos in [0, 1]: constants, so not in the state
        # dict, but buffers, which move to the network's device.
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return ((image + 1) / 2 - self.mean) / self.std


class DeepLabGenerator(nn.Module):
    """DeepLabV3's backbone, one convolution to three colours, tanh, bilinear resize to full size.

    The backbone replaces strides by dilation and so ends at 1/8 of the image's height and width
    (`resnet50`) or 1/16 (`mobilenet_v3_large`): the photo is generated at that size, and nothing
    restores finer detail. The rest of DeepLabV3, its pyramid of pooled features, is left out as in
    the report; its global pooling branch could not be trained at batch size 1 anyway.

    `skips=True` is not the report's: a decoder in the manner of DeepLabV3+ (Chen et al. 2018) adds
    the backbone's features at 1/8, 1/4 and 1/2 of the image, and the photo is generated at 1/2.

    Input and output: (N, 3, H, W) in [-1, 1], any height and width from 32. `image_size` and
    `width`, which every generator takes, have no effect: the network is convolutional, and its
    filters are those of the pretrained backbone. The initial weights are random, without a
    download; `training.weights` loads trained ones. Raises UserError for another backbone.
    """

    def __init__(
        self,
        image_size: int = 256,
        width: int = 64,
        backbone: str = "resnet50",
        skips: bool = False,
    ):
        super().__init__()
        check_choice("backbone", backbone, BACKBONES)
        build, self.feature_channels, larger = BACKBONES[backbone]
        self.normalize = ImageNetNormalization()
        self.backbone = build(weights=None, weights_backbone=None).backbone
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                # MobileNet's 0.01 is meant for long training: after a few hundred steps the
                # running statistics still lag, and photos generated in `eval()` are worse.
                module.momentum = 0.1
        self.decoder = SkipDecoder(self.feature_channels, larger) if skips else None
        channels = MERGED if skips else self.feature_channels
        self.output = nn.Conv2d(channels, 3, kernel_size=1)
        self.output.apply(init_normal)
        self._frozen = False

    def freeze_backbone(self) -> "DeepLabGenerator":
        """Freeze the backbone's weights and running statistics.

        A frozen backbone uses its running statistics in training too. With batch statistics its
        features would still vary, although its weights do not.
        """
        self._frozen = True
        self.backbone.requires_grad_(False)
        return self.train(self.training)

    def train(self, mode: bool = True) -> "DeepLabGenerator":
        super().train(mode)
        self.backbone.train(mode and not self._frozen)
        return self

    def forward(self, label: Tensor) -> Tensor:
        values = self.normalize(label)
        if self.decoder is None:
            features = self.backbone(values)["out"]  # (N, channels, H / 8, W / 8)
        else:
            features = self.decoder(self.backbone, values)  # (N, MERGED, H / 2, W / 2)
        photo = torch.tanh(self.output(features))
        return F.interpolate(photo, size=label.shape[-2:], mode="bilinear", align_corners=False)


class SkipDecoder(nn.Module):
    """Features of a backbone, enlarged step by step and merged with those of its earlier layers.

    `larger` names the layers whose activations are merged, finest first, and their channels. Input:
    the backbone, an `nn.ModuleDict` of layers in their order, and what it takes. Output:
    (N, MERGED, h, w), of the size of the first of these layers' activations.
    """

    def __init__(self, channels: int, larger: Mapping[str, int]):
        super().__init__()
        self.layers = tuple(larger)
        self.reduce = _convolution(channels, REDUCED, kernel_size=1)
        coarse_first = list(larger.values())[::-1]
        inputs = [REDUCED, *[MERGED] * (len(larger) - 1)]
        self.merge = nn.ModuleList(
            _convolution(below + skip, MERGED, kernel_size=3)
            for below, skip in zip(inputs, coarse_first, strict=True)
        )

    def forward(self, backbone: nn.ModuleDict, values: Tensor) -> Tensor:
        skips = []
        for name, layer in backbone.items():
            values = layer(values)
            if name in self.layers:
                skips.append(values)
        values = self.reduce(values)
        for merge, skip in zip(self.merge, reversed(skips), strict=True):
            size = skip.shape[-2:]
            values = F.interpolate(values, size=size, mode="bilinear", align_corners=False)
            values = merge(torch.cat([values, skip], dim=1))
        return values


def _convolution(channels_in: int, channels_out: int, kernel_size: int) -> nn.Sequential:
    """A convolution that keeps the size, without bias, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )
