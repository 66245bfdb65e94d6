"""The study's discriminator on torchvision's ResNet18 (He et al. 2016)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18

from pix2pix_utils.errors import check_choice
from pix2pix_utils.models.deeplab import ImageNetNormalization
from pix2pix_utils.models.initialization import init_normal

SMALLEST_SIZE = 64  # pixels; smaller images are enlarged


def widen_filters(photo_filters: Tensor, label_channels: int = 3) -> Tensor:
    """Filters for label map and photo from filters for a photo, (K, 3, h, w).

    They are (K, `label_channels` + 3, h, w).

    The filters of the label map start at zero, so at first the label map has no effect, and later
    layers receive the responses they were pretrained on. They can still learn: a filter's gradient
    is the gradient of its response times the *input*, and neither is zero. Nor do they stay equal
    to each other, since each belongs to a different photo filter.
    """
    filters, _, height, width = photo_filters.shape
    label_filters = photo_filters.new_zeros(filters, label_channels, height, width)
    return torch.cat([label_filters, photo_filters], dim=1)


class ResNet18Discriminator(nn.Module):
    """ResNet18 on label map and photo, with a score instead of class logits.

    Input: label map (N, `label_channels`, S, S) and photo (N, 3, S, S) in [-1, 1]. Output: raw
    scores, positive means real; the sigmoid of the report is part of the loss. `head="scalar"` is
    the report's: the mean of the last features, one linear layer, one score per image,
    (N, 1, 1, 1). `head="patch"` scores every position of the third stage with a 1x1 convolution,
    (N, 1, S / 16, S / 16), without the fourth stage; each score sees a window of 211 pixels, with
    little weight at its edges.

    Images below 64 pixels are enlarged to 64. At 32 pixels the fourth stage's features would be
    1x1, where batch norm at batch size 1 has one value per channel and raises.

    `width`, which every discriminator takes, has no effect: the filters are those of ResNet18. The
    initial weights are random, without a download; `training.weights` loads trained ones. Raises
    UserError for another head.
    """

    def __init__(self, width: int = 64, label_channels: int = 3, head: str = "scalar"):
        super().__init__()
        check_choice("head", head, ("scalar", "patch"))
        resnet = resnet18(weights=None)
        photo_filters = resnet.conv1.weight.detach()  # (64, 3, 7, 7)
        channels = label_channels + 3
        resnet.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        resnet.conv1.weight.data.copy_(widen_filters(photo_filters, label_channels))
        stages = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3"]
        if head == "scalar":
            stages.append("layer4")
        self.label_channels = label_channels
        self.normalize = ImageNetNormalization()
        self.backbone = nn.Sequential(OrderedDict((name, getattr(resnet, name)) for name in stages))
        self.head = nn.Linear(512, 1) if head == "scalar" else nn.Conv2d(256, 1, kernel_size=1)
        self.head.apply(init_normal)

    def forward(self, label: Tensor, photo: Tensor) -> Tensor:
        return self.features(label, photo)[-1]

    def features(self, label: Tensor, photo: Tensor) -> list[Tensor]:
        """The activations after the first convolution and each stage; the last are the scores."""
        if self.label_channels == 3:
            # Colours are no photo, but an equal scale keeps the gradients of both comparable.
            label = self.normalize(label)
        pair = torch.cat([label, self.normalize(photo)], dim=1)
        if (smallest := min(pair.shape[-2:])) < SMALLEST_SIZE:
            size = [round(side * SMALLEST_SIZE / smallest) for side in pair.shape[-2:]]
            pair = F.interpolate(pair, size, mode="bilinear", align_corners=False)
        activations = []
        values = pair
        for name, stage in self.backbone.named_children():
            values = stage(values)
            if name == "relu" or name.startswith("layer"):
                activations.append(values)
        # values: (N, 512, S / 32, S / 32), or (N, 256, S / 16, S / 16)
        if isinstance(self.head, nn.Linear):
            scores = self.head(values.mean(dim=(2, 3)))[:, :, None, None]
        else:
            scores = self.head(values)
        return [*activations, scores]
