"""What the networks see of a label map: its colours, its classes, their borders, coordinates.

The colours of a palette say nothing about the classes: two of them may look alike for a network
and mean different things. One plane per class, borders between classes (the instance borders of
pix2pixHD, Wang et al. 2018, but of classes) and the pixels' coordinates (CoordConv, Liu et al.
2018) make explicit what a network would otherwise have to find out.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pix2pix_utils.errors import UserError, check_choice

LABEL_INPUTS = ("rgb", "one-hot", "edges", "coordinates", "mirrored")


def parse_label_input(kind: str) -> tuple[str, ...]:
    """The parts of a setting such as `one-hot+edges`, in the order of LABEL_INPUTS.

    Raises UserError for an unknown or repeated part, or if neither `rgb` nor `one-hot` is among
    them.
    """
    parts = kind.split("+")
    for part in parts:
        check_choice("part of label_input", part, LABEL_INPUTS)
        if parts.count(part) > 1:
            raise UserError(f"label_input is '{kind}', which names {part} twice: name it once")
    if not {"rgb", "one-hot"} & set(parts):
        raise UserError(
            f"label_input is '{kind}', from which a network cannot tell the classes: "
            f"add rgb or one-hot, as in one-hot+{kind}"
        )
    return tuple(part for part in LABEL_INPUTS if part in parts)


def nearest_class(label: Tensor, colors: Tensor) -> Tensor:
    """The class whose colour is nearest to each pixel's; the first of several equally near.

    `label`: (N, 3, H, W), `colors`: (K, 3), both in [-1, 1]. Returns (N, H, W) int64.
    """
    # |x - c|^2 = |x|^2 - 2 x c + |c|^2, of which the first term is the same for every class. Plain
    # additions and multiplications: autocast would shorten a matrix product's numbers.
    red, green, blue = (colors.to(label.dtype) * -2).t()[:, :, None, None]  # (K, 1, 1) each
    squares = (red * red + green * green + blue * blue) / 4
    distances = torch.addcmul(squares, label[:, :1], red)
    distances = torch.addcmul(distances, label[:, 1:2], green)
    distances = torch.addcmul(distances, label[:, 2:3], blue)
    nearest = distances == distances.amin(dim=1, keepdim=True)
    # `argmin` takes several times as long on a CPU
    indices = torch.arange(len(colors), dtype=torch.int32, device=label.device)[:, None, None]
    return torch.where(nearest, indices, len(colors)).amin(dim=1).long()


def one_hot(classes: Tensor, number: int, dtype: torch.dtype) -> Tensor:
    """One plane per class, 1 at its pixels and 0 elsewhere: (N, H, W) to (N, `number`, H, W)."""
    indices = torch.arange(number, device=classes.device)[:, None, None]
    return (classes[:, None] == indices).to(dtype)


def class_edges(classes: Tensor, dtype: torch.dtype) -> Tensor:
    """1 where a pixel's class differs from a neighbour's above, below, left or right, else 0.

    So a border is two pixels wide, one on either side. (N, H, W) to (N, 1, H, W).
    """
    beside = (classes[:, :, 1:] != classes[:, :, :-1]).to(dtype)  # (N, H, W - 1)
    below = (classes[:, 1:] != classes[:, :-1]).to(dtype)  # (N, H - 1, W)
    across = torch.maximum(F.pad(beside, (0, 1)), F.pad(beside, (1, 0)))
    along = torch.maximum(F.pad(below, (0, 0, 0, 1)), F.pad(below, (0, 0, 1, 0)))
    return torch.maximum(across, along)[:, None]


def coordinates(label: Tensor) -> Tensor:
    """x from -1 (left) to 1 (right), and y from -1 (top) to 1 (bottom): (N, 2, H, W)."""
    batch, _, height, width = label.shape
    x = torch.linspace(-1, 1, width, dtype=label.dtype, device=label.device)
    y = torch.linspace(-1, 1, height, dtype=label.dtype, device=label.device)
    planes = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    return planes.expand(batch, 2, height, width)


class LabelInput(nn.Module):
    """The planes that a setting of `label_input` names, from the colours of a label map.

    Input: (N, 3, H, W) in [-1, 1]. Output: (N, `channels`, H, W), the parts in the order of
    LABEL_INPUTS: `rgb`, the input itself; `one-hot`, one plane per class, in which the pixels
    nearest to the class's colour are 1; `edges`, one plane, 1 on both sides of a border between
    classes; `coordinates`, two planes, x and y; `mirrored`, one plane, the fourth of the label maps
    that the augmentation `mirror` makes, and 0 for those that have three.

    `colors`: the class colours of the palette, (K, 3) in [-1, 1], for `one-hot` and `edges`. They
    are not in the state dict, as they belong to the data. Raises UserError for a setting that
    `parse_label_input` refuses, or if the colours are needed and missing.
    """

    colors: Tensor | None

    def __init__(self, kind: str, colors: Tensor | None = None):
        super().__init__()
        self.parts = parse_label_input(kind)
        shows_classes = bool({"one-hot", "edges"} & set(self.parts))
        if colors is None and shows_classes:
            raise UserError(
                f"label_input is '{kind}', but the class colours are not known: "
                "pass the palette's as colors, or use label_input=rgb"
            )
        self.register_buffer("colors", colors if shows_classes else None, persistent=False)
        planes = {"rgb": 3, "one-hot": 0 if colors is None else len(colors), "coordinates": 2}
        self.channels = sum(planes.get(part, 1) for part in self.parts)

    def forward(self, label: Tensor) -> Tensor:
        label, mirrored = label[:, :3], label[:, 3:]
        planes = {"rgb": label}
        if "mirrored" in self.parts:
            planes["mirrored"] = mirrored if mirrored.shape[1] else torch.zeros_like(label[:, :1])
        if self.colors is not None:
            classes = nearest_class(label, self.colors)
            if "one-hot" in self.parts:
                planes["one-hot"] = one_hot(classes, len(self.colors), label.dtype)
            if "edges" in self.parts:
                planes["edges"] = class_edges(classes, label.dtype)
        if "coordinates" in self.parts:
            planes["coordinates"] = coordinates(label)
        return torch.cat([planes[part] for part in self.parts], dim=1)


class WithLabelInput(nn.Module):
    """A network behind a LabelInput: outside, it takes label maps as colours like any other.

    Around a generator it is called with a label map, around a discriminator with a label map and a
    photo. `network` is the network inside.
    """

    network: Any  # a discriminator's has `features`, which nn.Module does not know

    def __init__(self, encode: LabelInput, network: nn.Module):
        super().__init__()
        self.encode, self.network = encode, network

    def forward(self, label: Tensor, *photo: Tensor) -> Tensor:
        return self.network(self.encode(label), *photo)

    def features(self, label: Tensor, photo: Tensor) -> list[Tensor]:
        """The activations of a discriminator's layers; the last are what `forward` returns."""
        return self.network.features(self.encode(label), photo)


def without_label_input(network: nn.Module) -> nn.Module:
    """The network inside a WithLabelInput; any other network is returned as it is."""
    return network.network if isinstance(network, WithLabelInput) else network
