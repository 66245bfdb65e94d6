"""Augmentation of training pairs: region copy-paste, horizontal flips, colour jitter and light.

What moves pixels moves those of label map and photo together. What changes their colours applies
to the photo alone, since a label map's colours name classes.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torchvision.transforms import v2

from pix2pix_utils.errors import UserError, hint

Augmentation = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps label maps and photos (N, 3, S, S) in [-1, 1] to new ones; uses torch's global generator."""

# The report calls its jitter "custom" and gives no strength. This one is mild: day stays day.
_JITTER = v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05)
_FLIP = v2.RandomHorizontalFlip(p=0.5)
_LIGHT = 0.2  # gamma, brightness and contrast are drawn between 1 / 1.2 and 1.2


def paste(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Copy the regions of some classes from the next pair of the batch into each pair.

    ClassMix (Olsson et al. 2021), with the photos' own label maps: half of the classes in the next
    pair, rounded down, are drawn at random, and their pixels replace those at the same place, in
    label map and photo alike. A class is a colour of the label map, so no palette is needed. The
    last pair receives from the first; a batch of one pair is returned unchanged.
    """
    if len(label) == 1:
        return label, photo
    classes, count = _number_colors(label)
    present = torch.zeros(len(label), count, dtype=torch.bool, device=label.device)
    present.scatter_(1, classes.flatten(1), True)
    order = torch.rand(present.shape, device=label.device).masked_fill(
        ~present, 2.0
    )  # absent classes come last
    drawn = order.argsort(1).argsort(1) < present.sum(1, keepdim=True) // 2
    region = drawn.gather(1, classes.flatten(1)).view_as(classes).unsqueeze(1)  # (N, 1, S, S)
    region, new_label, new_photo = (tensor.roll(-1, 0) for tensor in (region, label, photo))
    return torch.where(region, new_label, label), torch.where(region, new_photo, photo)


def _number_colors(label: Tensor) -> tuple[Tensor, int]:
    """Label maps (N, 3, S, S) in [-1, 1] as numbers (N, S, S) from 0, and how many there are."""
    red, green, blue = ((label + 1) * 127.5).round().int().unbind(1)
    packed = (red << 16) | (green << 8) | blue
    # sorting the runs of equal colours is much faster than sorting the pixels
    runs, run_of_pixel = packed.flatten().unique_consecutive(return_inverse=True)
    colors, color_of_run = runs.unique(return_inverse=True)
    return color_of_run[run_of_pixel].view_as(packed), len(colors)


def flip(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror each pair left to right with probability 1/2: both images or neither."""
    pairs = torch.cat([label, photo], dim=1)  # one image of six channels is flipped as a whole
    flipped = torch.stack([_FLIP(pair) for pair in pairs])
    return flipped[:, :3].contiguous(), flipped[:, 3:].contiguous()


def mirror(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Flip pairs as `flip` does, and say so in a fourth plane of the label map: 1 if mirrored.

    In a mirrored street traffic keeps to the other side and signs read backwards. `LabelInput`'s
    part `mirrored` shows the plane to the networks, so that they need not mix the two; label maps
    without it, as in validation and test, are true ones. (Karras et al. 2022 condition
    on all augmentations in this way.)
    """
    mirrored = torch.rand(len(label), 1, 1, 1, device=label.device) < 0.5
    label, photo = (torch.where(mirrored, image.flip(-1), image) for image in (label, photo))
    plane = mirrored.to(label.dtype).expand_as(label[:, :1])
    return torch.cat([label, plane], dim=1), photo


def jitter(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Change brightness, contrast, saturation and hue of each photo.

    Label maps are returned unchanged.
    """
    jittered = torch.stack([_JITTER((one + 1) / 2) for one in photo])
    return label, jittered * 2 - 1


def light(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
    """Change gamma, brightness and contrast of each photo, but neither saturation nor hue.

    Photos of a street differ by the hour and the exposure, not by the colours of things. The three
    channels of a photo go through one rising curve, so grey stays grey. Label maps are returned
    unchanged.
    """
    exponents = torch.rand(3, len(photo), 1, 1, 1, device=photo.device) * 2 - 1
    gamma, brightness, contrast = (1 + _LIGHT) ** exponents
    lit = ((photo + 1) / 2) ** gamma * brightness
    mean = lit.mean(dim=(1, 2, 3), keepdim=True)
    lit = (lit - mean) * contrast + mean
    return label, lit.clamp(0, 1) * 2 - 1


# In the order in which they are applied. What is pasted must come before the flip, or a scene would
# have parts whose traffic keeps to the other side.
_STEPS: dict[str, Augmentation] = {
    "paste": paste,
    "flip": flip,
    "mirror": mirror,
    "jitter": jitter,
    "light": light,
}

AUGMENTATIONS = tuple(_STEPS)


def build_augmentation(name: str) -> Augmentation:
    """The augmentation of this name: `none`, or some of `AUGMENTATIONS` joined by `+`.

    They are applied in the order of `AUGMENTATIONS`, however the name orders them. Raises UserError
    for an unknown step and for one named twice.
    """
    chosen = chosen_steps("augmentation", name, AUGMENTATIONS)
    if {"flip", "mirror"} <= set(chosen):
        raise UserError(
            f"augmentation '{name}' flips twice: mirror is a flip that the networks are told of, "
            "so leave one of the two out"
        )
    steps = [_STEPS[step] for step in chosen]

    def augment(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
        for step in steps:
            label, photo = step(label, photo)
        return label, photo

    return augment


def chosen_steps(kind: str, name: str, known: Iterable[str]) -> list[str]:
    """The steps in a name such as `flip+light`, in the order of `known`; [] for `none`.

    Raises UserError for an unknown step, for one named twice, and for `none` beside another.
    """
    if name == "none":
        return []
    known, steps = list(known), name.split("+")
    for step in steps:
        if step == "none":
            raise UserError(f"{kind} '{name}' joins 'none' with other steps: leave 'none' out")
        if step not in known:
            within = "" if step == name else f" in '{name}'"
            raise UserError(f"there is no {kind} '{step}'{within}; {hint(step, ['none', *known])}")
        if steps.count(step) > 1:
            raise UserError(f"{kind} '{name}' names '{step}' more than once: name each step once")
    return [step for step in known if step in steps]
