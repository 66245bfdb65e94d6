"""Perceptual loss: photos are compared by the features of a network that knows photos."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.vgg import cfgs, make_layers

from pix2pix_utils.data.pairs import to_unit
from pix2pix_utils.errors import UserError

LAYERS = {1: 1 / 32, 6: 1 / 16, 11: 1 / 8, 20: 1 / 4, 29: 1.0}  # index of relu1_1 ... 5_1: weight
SMALLEST = 32  # pixels: relu5_1 then has 2x2 positions
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photos


class PerceptualLoss(nn.Module):
    """Weighted L1 distance between the features of two batches of photos in five layers of VGG19.

    (Johnson et al. 2016, with the layers and weights of Wang et al. 2018.) The network has random
    weights until those of ImageNet are loaded into `features`, and is never trained.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = make_layers(cfgs["E"], batch_norm=False)[: max(LAYERS) + 1]
        # Never on the device `meta`, where the layers may wait for their weights.
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            value = torch.tensor(values, device="cpu").reshape(3, 1, 1)
            self.register_buffer(name, value, persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, generated: Tensor, photo: Tensor) -> Tensor:
        """The loss of photos (N, 3, S, S) in [-1, 1], a float32 scalar.

        No gradient reaches `photo`. Raises UserError for photos below 32x32 pixels, whose last
        features would be a single position.
        """
        if min(photo.shape[-2:]) < SMALLEST:
            raise UserError(
                f"the perceptual loss needs photos of at least {SMALLEST}x{SMALLEST} pixels, not "
                f"{photo.shape[-1]}x{photo.shape[-2]}: --set perceptual_weight=0"
            )
        with torch.autocast(generated.device.type, enabled=False):
            with torch.no_grad():
                real = self._activations(photo.float())
            fake = self._activations(generated.float())
            distances = [
                weight * F.l1_loss(ours, theirs)
                for weight, ours, theirs in zip(LAYERS.values(), fake, real, strict=True)
            ]
            return torch.stack(distances).sum()

    def _activations(self, photos: Tensor) -> list[Tensor]:
        found = []
        images = (to_unit(photos) - self.mean) / self.deviation
        for number, layer in enumerate(self.features):
            images = layer(images)
            if number in LAYERS:
                found.append(images)
        return found
