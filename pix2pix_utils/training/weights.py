"""Pretrained weights: where to download them, and how to load them into a network.

Files are read as plain tensors: nothing in them is ever executed.
"""

import hashlib
import re
import urllib.error
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import get_model_weights

from pix2pix_utils.data.download import download
from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.files import atomic_write, explain_os_error, write_text
from pix2pix_utils.losses.perceptual import PerceptualLoss
from pix2pix_utils.models.deeplab import DeepLabGenerator
from pix2pix_utils.models.label_input import without_label_input
from pix2pix_utils.models.pix2pix_unet import Pix2PixUNet
from pix2pix_utils.models.resnet_discriminator import ResNet18Discriminator, widen_filters
from pix2pix_utils.paths import data_root
from pix2pix_utils.tensors import is_state_dict, load_tensors

# No checksum of the pix2pix files is published, and they come over http. `fetch` accepts one only
# if every key and shape fits the network, and from then on only the same file again: its SHA-256
# is kept beside it. `provenance` records which file it was.
_PIX2PIX_URL = "http://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch/{}.pth"
_PIX2PIX_NAMES = ("edges2shoes", "sat2map", "map2sat", "facades_label2photo", "day2night")
_TORCHVISION = {
    "deeplabv3_resnet50": "COCO_WITH_VOC_LABELS_V1",
    "deeplabv3_mobilenet_v3_large": "COCO_WITH_VOC_LABELS_V1",
    "resnet18": "IMAGENET1K_V1",
    "vgg19": "IMAGENET1K_V1",
}

WEIGHTS: dict[str, str] = {  # name: URL
    **{name: _PIX2PIX_URL.format(name) for name in _PIX2PIX_NAMES},
    **{name: get_model_weights(name)[version].url for name, version in _TORCHVISION.items()},
}
_OFFLINE = {"vgg19": "train without the perceptual loss: --set perceptual_weight=0"}
_OFFLINE_DEFAULT = "start from weights learned here on drawn streets with --set weights=synthetic"


def fetch(name: str, folder: Path | None = None, progress: bool = True) -> Path:
    """The file of these weights in `folder`, by default `weights` of the data folder.

    It is downloaded if it is missing. Raises UserError for an unknown name, if the file's content
    differs from the released one, or if it cannot be written or downloaded. If the download fails,
    the message says where to get the file, where to put it, and what works offline.
    """
    check_choice("file of weights", name, WEIGHTS)
    folder = data_root() / "weights" if folder is None else Path(folder)
    path = folder / f"{name}.pth"
    if path.is_file():
        _check(name, path, source=path)
        return path
    url = WEIGHTS[name]
    task, remedy = f"write the pretrained weights to {path}", "; set PIX2PIX_DATA to another folder"
    with explain_os_error(task, remedy), atomic_write(path) as temporary:
        try:
            download(url, temporary, progress)
        except urllib.error.URLError as error:
            raise UserError(
                f"the pretrained weights '{name}' are missing and their download failed "
                f"({error.reason}): get {url} and put it at {path}, "
                f"or {_OFFLINE.get(name, _OFFLINE_DEFAULT)}"
            ) from None
        _check(name, temporary, source=url)
    return path


def provenance(path: Path) -> dict[str, str | int]:
    """Name, size in bytes and SHA-256 of the file that a run started from, for its result."""
    path = Path(path)
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}


def load_state(path: Path) -> dict[str, Tensor]:
    """Read a network's state dict from a file without executing anything in it.

    The prefix `module.` of a network that was trained in DataParallel is removed, and the batch
    counters that old files lack are set to 0 (only batch norms without a momentum use them).
    Raises UserError if the file is missing, damaged, or no state dict.
    """
    path = Path(path)
    state = load_tensors(path, "weight file")
    if not state or not is_state_dict(state):
        raise UserError(f"{path} is not a state dict (tensors by name)")
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    for key in [key for key in state if key.endswith("running_var")]:
        counter = key.removesuffix("running_var") + "num_batches_tracked"
        state.setdefault(counter, torch.tensor(0))
    return state


def load_generator_weights(
    generator: nn.Module, state: dict[str, Tensor], source: Path | str = "the state dict"
) -> None:
    """Load a state dict of `load_state` into a generator.

    A DeepLabGenerator takes only the backbone of a torchvision DeepLabV3; its last convolution
    keeps its weights. Every other generator takes a state dict that fits exactly. Raises UserError
    that names `source` and the first key that does not fit; the generator is then unchanged.
    """
    network, prefix = without_label_input(generator), ""
    if isinstance(network, DeepLabGenerator):
        network, prefix = network.backbone, "backbone."
        state = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    _check_fit(network, state, source, prefix)
    network.load_state_dict(state)


def load_discriminator_weights(
    discriminator: nn.Module, state: dict[str, Tensor], source: Path | str = "the state dict"
) -> None:
    """Load a state dict of `load_state` into a discriminator.

    A ResNet18Discriminator takes a torchvision ResNet18: the first convolution's filters are
    widened to see the label map too, and layers that it does not have (fc, and with a patch head
    layer4) are left out. Everything else is as in `load_generator_weights`.
    """
    network = without_label_input(discriminator)
    if isinstance(network, ResNet18Discriminator):
        label_channels, network = network.label_channels, network.backbone
        unused = {"fc", "layer4"} - {name for name, _ in network.named_children()}
        state = {key: value for key, value in state.items() if key.split(".")[0] not in unused}
        filters = state.get("conv1.weight")
        if filters is not None and filters.ndim == 4 and filters.shape[1] == 3:
            state["conv1.weight"] = widen_filters(filters, label_channels)
    _check_fit(network, state, source)
    network.load_state_dict(state)


def load_perceptual(folder: Path | None = None) -> PerceptualLoss:
    """The perceptual loss with torchvision's weights of VGG19 (548 MB), see `fetch`."""
    path = fetch("vgg19", folder)
    with torch.device("meta"):  # the random weights are not needed, nor is torch's random state
        loss = PerceptualLoss()
    layers = {f"features.{name}" for name, _ in loss.features.named_children()}
    state = {k: v for k, v in load_state(path).items() if k.rpartition(".")[0] in layers}
    _check_fit(loss, state, path)
    loss.load_state_dict(state, assign=True)
    return loss


def _check_fit(
    network: nn.Module, state: dict[str, Tensor], source: Path | str, prefix: str = ""
) -> None:
    """Raise UserError with the first difference, if there is one."""
    if misfit := first_misfit(network, state, prefix):
        if isinstance(network, Pix2PixUNet):
            misfit += "; the released generators fit only image_size=256 and width=64"
        raise UserError(f"{source} does not fit the network: {misfit}")


def first_misfit(network: nn.Module, state: dict[str, Tensor], prefix: str = "") -> str | None:
    """The first difference between a network's tensors and a state dict, in words; None if it fits.

    Compares names, shapes and types only, so the network may be on the device `meta`. The words
    have `prefix` before each name.
    """
    expected = network.state_dict()
    for key, value in expected.items():
        found = state.get(key)
        if found is None:
            return f"'{prefix}{key}' is missing"
        if found.shape != value.shape:
            shapes = tuple(found.shape), tuple(value.shape)
            return f"'{prefix}{key}' has the shape {shapes[0]} instead of {shapes[1]}"
        if found.is_floating_point() != value.is_floating_point():
            return f"'{prefix}{key}' is of the type {found.dtype} instead of {value.dtype}"
        if found.layout != torch.strided or found.is_quantized:
            return f"'{prefix}{key}' is not a dense tensor"
    extra = [key for key in state if key not in expected]
    return f"'{prefix}{extra[0]}' is not part of it" if extra else None


def _check(name: str, path: Path, source: Path | str) -> None:
    """Raise UserError unless the file is the released one, as far as that can be known."""
    # torchvision's file names end in the start of the file's SHA-256
    prefix = re.search(r"-([0-9a-f]{8,})\.pth$", WEIGHTS[name])
    if prefix is None:
        with torch.device("meta"):  # shapes without memory
            network = Pix2PixUNet()
        try:
            state = load_state(path)
        except UserError:
            raise UserError(
                f"{source} is not the released file '{name}', or only a part of it"
            ) from None
        _check_fit(network, state, source)
        _check_same_as_first(path.with_name(f"{name}.sha256"), _sha256(path), source)
    elif not (digest := _sha256(path)).startswith(prefix[1]):
        raise UserError(
            f"{source} is not the released file '{name}': its SHA-256 begins with "
            f"{digest[: len(prefix[1])]} instead of {prefix[1]}"
        )


def _check_same_as_first(record: Path, digest: str, source: Path | str) -> None:
    """Raise UserError unless `digest` is in the file `record`, which is written if it is missing.

    A folder that cannot be written keeps no record, but nothing can replace its weights either.
    """
    if not record.is_file():
        with suppress(OSError):
            write_text(record, f"{digest}\n")
        return
    with explain_os_error(f"read {record}"):
        first = record.read_text(encoding="utf-8", errors="replace").strip()
    if digest != first:
        raise UserError(
            f"{source} is not the file that was used here first: its SHA-256 begins with "
            f"{digest[:8]} instead of {first[:8]}; if you trust it, remove {record}"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
