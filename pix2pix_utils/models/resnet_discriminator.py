"""The discriminator that the study built on torchvision's ResNet18."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.errors import UserError
from pix2pix_utils.models.deeplab import ImageNetNormalization
from pix2pix_utils.models.initialization import init_normal

HEADS = ("scalar", "patch")
SMALLEST_SIZE = 64  # pixels; smaller images are enlarged


def widen_filters(photo_filters: Tensor) -> Tensor:
    """Filters for label map and photo, (K, 6, h, w), from filters for a photo, (K, 3, h, w).

    The filters of the label map start at zero: the response is the one that all following layers
    were pretrained on, whatever the label map shows. Zero is no dead end. A filter's gradient is
    the gradient of the response times the *input* below it, and neither is zero; nor do the new
    filters stay equal to each other, since each belongs to a different photo filter.
    """
    return torch.cat([torch.zeros_like(photo_filters), photo_filters], dim=1)


def widen_first_convolution(convolution: nn.Conv2d) -> nn.Conv2d:
    """A convolution of label map and photo that starts with the response of `convolution` to the
    photo; see `widen_filters`."""
    # torch annotates these three, when kept, more widely than the constructor takes them.
    widened = nn.Conv2d(
        2 * convolution.in_channels,
        convolution.out_channels,
        kernel_size=convolution.kernel_size,  # type: ignore[arg-type]
        stride=convolution.stride,  # type: ignore[arg-type]
        padding=convolution.padding,  # type: ignore[arg-type]
        bias=convolution.bias is not None,
    )
    with torch.no_grad():
        widened.weight.copy_(widen_filters(convolution.weight))
        if convolution.bias is not None and widened.bias is not None:
            widened.bias.copy_(convolution.bias)
    return widened


class ResNet18Discriminator(nn.Module):
    """ResNet18 on label map and photo, with a score in place of its classes.

    Input: label map and photo, each (N, 3, S, S) in [-1, 1]. Output: raw scores, positive means
    real; the sigmoid of the report is part of the loss. `head="scalar"` is the report's: the mean
    of the last features, one linear layer, one score an image, (N, 1, 1, 1). `head="patch"`
    scores every position of the third stage, (N, 1, S / 16, S / 16), with a 1x1 convolution, and
    does without the fourth; each score sees a window of 211 pixels, most of it dimly.

    Images below 64 pixels are enlarged to 64. The fourth stage would see 32 pixels as 1x1, where
    batch norm has one value a channel at batch size 1 and raises. Enlarging leaves every
    pretrained layer as it is and brings what is seen nearer to the scale it was trained at; a
    smaller stride would keep the 1x1 away just as well, but change what the filters respond to.

    `width` is taken because every discriminator takes it, but changes nothing: the filters are
    those of ResNet18's weights. It starts from random weights, without a download;
    `pix2pix_utils.weights` loads trained ones. Raises UserError for another head.
    """

    def __init__(self, width: int = 64, head: str = "scalar"):
        super().__init__()
        if head not in HEADS:
            raise UserError(f"there is no head '{head}'; choose one of: {', '.join(HEADS)}")
        resnet = resnet18(weights=None)
        resnet.conv1 = widen_first_convolution(resnet.conv1)
        stages = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3"]
        if head == "scalar":
            stages.append("layer4")
        self.normalize = ImageNetNormalization()
        self.backbone = nn.Sequential(OrderedDict((name, getattr(resnet, name)) for name in stages))
        self.head = nn.Linear(512, 1) if head == "scalar" else nn.Conv2d(256, 1, kernel_size=1)
        self.head.apply(init_normal)
        accelerate_on_cpu(self.backbone)

    def forward(self, label: Tensor, photo: Tensor) -> Tensor:
        # The label map is no photo, but the same scale for both keeps their gradients comparable.
        pair = torch.cat([self.normalize(label), self.normalize(photo)], dim=1)
        if (smallest := min(pair.shape[-2:])) < SMALLEST_SIZE:
            size = [round(side * SMALLEST_SIZE / smallest) for side in pair.shape[-2:]]
            pair = F.interpolate(pair, size, mode="bilinear", align_corners=False)
        features = self.backbone(pair)  # (N, 512, S / 32, S / 32), or (N, 256, S / 16, S / 16)
        if isinstance(self.head, nn.Linear):
            return self.head(features.mean(dim=(2, 3)))[:, :, None, None]
        return self.head(features)
