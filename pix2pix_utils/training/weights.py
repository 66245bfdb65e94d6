"""Pretrained weights: where they come from, and how they get into a network.

Files are read as plain tensors: nothing in them is ever executed.
"""

import hashlib
import re
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights
from torchvision.models.segmentation import (
    DeepLabV3_MobileNet_V3_Large_Weights,
    DeepLabV3_ResNet50_Weights,
)

from pix2pix_utils.data.download import download
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import atomic_write
from pix2pix_utils.models.deeplab import DeepLabGenerator
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet
from pix2pix_utils.models.resnet_discriminator import ResNet18Discriminator, widen_filters
from pix2pix_utils.paths import data_root
from pix2pix_utils.tensors import load_tensors


@dataclass(frozen=True)
class PretrainedWeights:
    """A file of released weights, and the network of this package that they are for."""

    url: str
    network: str

    @property
    def sha256_prefix(self) -> str | None:
        """The start of the file's SHA-256, which torchvision keeps in its file names."""
        found = re.search(r"-([0-9a-f]{8,})\.pth$", self.url)
        return found.group(1) if found else None


# No checksum of the pix2pix files is published. `fetch` accepts one only if every key and shape
# fits the network, and `provenance` records which file it was.
_PIX2PIX_URL = "http://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch/{}.pth"
_PIX2PIX_NAMES = ("edges2shoes", "sat2map", "map2sat", "facades_label2photo", "day2night")

WEIGHTS: dict[str, PretrainedWeights] = {
    **{
        name: PretrainedWeights(_PIX2PIX_URL.format(name), "Pix2PixUNet") for name in _PIX2PIX_NAMES
    },
    "deeplabv3_resnet50": PretrainedWeights(
        DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1.url, "DeepLabGenerator"
    ),
    "deeplabv3_mobilenet_v3_large": PretrainedWeights(
        DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1.url, "DeepLabGenerator"
    ),
    "resnet18": PretrainedWeights(ResNet18_Weights.IMAGENET1K_V1.url, "ResNet18Discriminator"),
}


def fetch(name: str, folder: Path | None = None, progress: bool = True) -> Path:
    """The file of these weights in `folder` (the data folder's `weights`), downloaded if missing.

    Raises UserError for an unknown name, for a file that is not what it should be, if the file
    cannot be written, and, if it cannot be downloaded, with where to get the file, where to put it
    and what works offline.
    """
    if name not in WEIGHTS:
        raise UserError(f"there are no weights '{name}'; choose one of: {', '.join(WEIGHTS)}")
    folder = data_root() / "weights" if folder is None else Path(folder)
    path = folder / f"{name}.pth"
    if path.is_file():
        _check(name, path, source=path)
        return path
    try:
        with atomic_write(path) as temporary:
            download(WEIGHTS[name].url, temporary, progress)
            _check(name, temporary, source=WEIGHTS[name].url)
    except urllib.error.URLError as error:
        raise UserError(
            f"the pretrained weights '{name}' are missing and their download failed "
            f"({error.reason}): get {WEIGHTS[name].url} and put it at {path}, "
            "or start from weights learnt here on drawn streets with --set weights=synthetic"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot write the pretrained weights to {path}: {error.strerror or error}; set "
            "PIX2PIX_DATA to a folder that can be written"
        ) from None
    return path


def provenance(path: Path) -> dict[str, str | int]:
    """Which file a run started from, for its result."""
    path = Path(path)
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}


def load_state(path: Path) -> dict[str, Tensor]:
    """A network's state dict from a file, without executing anything in it.

    The prefix `module.` of a network that was trained in DataParallel is taken off, and the batch
    counters that old files lack are set to 0 (only batch norms without a momentum use them).
    Raises UserError if the file is missing, damaged, or no state dict.
    """
    path = Path(path)
    state = load_tensors(path, "weight file")
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items())
    ):
        raise UserError(f"{path} holds no state dict (tensors by name)")
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    filled = {}
    for key, value in state.items():
        filled[key] = value
        if key.endswith("running_var"):
            counter = key.removesuffix("running_var") + "num_batches_tracked"
            filled[counter] = state.get(counter, torch.tensor(0))
    return filled


def load_generator_weights(
    generator: nn.Module, state: dict[str, Tensor], source: Path | str = "the state dict"
) -> None:
    """Start a generator from a state dict of `load_state`, in place.

    A DeepLabGenerator takes the backbone of a torchvision DeepLabV3 and nothing else of it; its
    last convolution, which paints, stays as it is. Every other generator takes a state dict that
    fits exactly. Raises UserError that names `source` and the first key that does not fit.
    """
    if isinstance(generator, DeepLabGenerator):
        backbone = {
            key.removeprefix("backbone."): value
            for key, value in state.items()
            if key.startswith("backbone.")
        }
        _load_exactly(generator.backbone, backbone, source, prefix="backbone.")
    else:
        _load_exactly(generator, state, source)


def load_discriminator_weights(
    discriminator: nn.Module, state: dict[str, Tensor], source: Path | str = "the state dict"
) -> None:
    """Start a discriminator from a state dict of `load_state`, in place.

    A ResNet18Discriminator takes a torchvision ResNet18: the first convolution's filters are
    widened to see the label map too, and the layers that it does not have, fc and with a patch
    head layer4, are left out. Every other discriminator takes a state dict that fits exactly.
    Raises UserError that names `source` and the first key that does not fit.
    """
    if isinstance(discriminator, ResNet18Discriminator):
        unused = {"fc", "layer4"} - {name for name, _ in discriminator.backbone.named_children()}
        backbone = {key: v for key, v in state.items() if key.split(".")[0] not in unused}
        filters = backbone.get("conv1.weight")
        if filters is not None and filters.ndim == 4 and filters.shape[1] == 3:
            backbone["conv1.weight"] = widen_filters(filters)
        _load_exactly(discriminator.backbone, backbone, source)
    else:
        _load_exactly(discriminator, state, source)


def _load_exactly(
    network: nn.Module, state: dict[str, Tensor], source: Path | str, prefix: str = ""
) -> None:
    _check_fit(network, state, source, prefix)
    network.load_state_dict(state)


def _check_fit(
    network: nn.Module, state: dict[str, Tensor], source: Path | str, prefix: str = ""
) -> None:
    if misfit := first_misfit(network, state, prefix):
        hint = ""
        if isinstance(network, Pix2PixUNet):
            hint = "; the released generators fit only image_size=256 and width=64"
        raise UserError(f"{source} does not fit the network: {misfit}{hint}")


def first_misfit(network: nn.Module, state: dict[str, Tensor], prefix: str = "") -> str | None:
    """The first difference between a network's tensors and a state dict, in words; None if it fits.

    Looks at names, shapes and kinds of numbers only, so the network may be on the device `meta`.
    `prefix` stands before the names in the words.
    """
    return next(_misfits(network.state_dict(), state, prefix), None)


def _misfits(expected: dict[str, Tensor], state: dict[str, Tensor], prefix: str) -> Iterator[str]:
    for key, value in expected.items():
        if key not in state:
            yield f"'{prefix}{key}' is missing"
        elif state[key].shape != value.shape:
            found, wanted = tuple(state[key].shape), tuple(value.shape)
            yield f"'{prefix}{key}' has the shape {found} instead of {wanted}"
        elif state[key].is_floating_point() != value.is_floating_point():
            yield f"'{prefix}{key}' is of the type {state[key].dtype} instead of {value.dtype}"
        elif state[key].layout != torch.strided or state[key].is_quantized:
            yield f"'{prefix}{key}' is no plain tensor"
    for key in state:
        if key not in expected:
            yield f"'{prefix}{key}' is not part of it"


def _check(name: str, path: Path, source: Path | str) -> None:
    """Raise UserError unless the file is the released one, as far as that can be known."""
    prefix = WEIGHTS[name].sha256_prefix
    if prefix is None:
        with torch.device("meta"):  # shapes without memory
            network = Pix2PixUNet()
        try:
            state = load_state(path)
        except UserError:
            raise UserError(
                f"{source} is not the released file '{name}' but something else, or a part of it"
            ) from None
        _check_fit(network, state, source)
    elif not (digest := _sha256(path)).startswith(prefix):
        raise UserError(
            f"{source} is not the released file '{name}': its SHA-256 begins with "
            f"{digest[: len(prefix)]} instead of {prefix}"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
