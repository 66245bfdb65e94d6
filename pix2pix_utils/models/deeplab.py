"""The study's generator on the backbone of torchvision's DeepLabV3 (Chen et al. 2017)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large, deeplabv3_resnet50

from pix2pix_utils.errors import check_choice
from pix2pix_utils.models.initialization import init_normal

# The network's builder, and the number of channels that its backbone returns.
BACKBONES = {
    "resnet50": (deeplabv3_resnet50, 2048),
    "mobilenet_v3_large": (deeplabv3_mobilenet_v3_large, 960),
}


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
    (`resnet50`) or 1/16 (`mobilenet_v3_large`): the photo is generated at that size, and no skip
    connection restores finer detail. The rest of DeepLabV3, its pyramid of pooled features, is left
    out as in the report; its global pooling branch could not be trained at batch size 1 anyway.

    Input and output: (N, 3, H, W) in [-1, 1], any height and width from 32. `image_size` and
    `width`, which every generator takes, have no effect: the network is convolutional, and its
    filters are those of the pretrained backbone. The initial weights are random, without a
    download; `training.weights` loads trained ones. Raises UserError for another backbone.
    """

    def __init__(self, image_size: int = 256, width: int = 64, backbone: str = "resnet50"):
        super().__init__()
        check_choice("backbone", backbone, BACKBONES)
        build, channels = BACKBONES[backbone]
        self.normalize = ImageNetNormalization()
        self.backbone = build(weights=None, weights_backbone=None).backbone
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                # MobileNet's 0.01 is meant for long training: after a few hundred steps the
                # running statistics still lag, and photos generated in `eval()` are worse.
                module.momentum = 0.1
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
        features = self.backbone(self.normalize(label))["out"]  # (N, channels, H / 8, W / 8)
        photo = torch.tanh(self.output(features))
        return F.interpolate(photo, size=label.shape[-2:], mode="bilinear", align_corners=False)
