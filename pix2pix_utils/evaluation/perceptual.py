"""Perceptual metrics from torchmetrics: LPIPS, DISTS, KID and FID.

Their networks are in torch's own folder (`torch.hub.get_dir()`). LPIPS's (5 MB) is downloaded by
torchvision on first use, that of KID and FID (95 MB) by torch-fidelity. DISTS needs VGG-16 (528
MB), which nobody should download by surprise: it is used if the file is there.
"""

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from pix2pix_utils.data.pairs import StreetPairs, to_unit
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import Predictor, predictions

PerceptualDistance = Callable[[Tensor, Tensor], Tensor]
"""Takes two batches of photos (N, 3, S, S) in [-1, 1]; returns distances (N,), 0 if equal."""

BACKBONE: Final = "squeeze"  # LPIPS on SqueezeNet 1.1: 5 MB, where AlexNet takes 233 MB
SMALLEST = 64  # pixels
TIMEOUT = 5  # seconds until a server counts as unreachable
SUBSETS = 100  # of images; KID is averaged over them

# the network of each measure, or the reason why it is unavailable
_networks: dict[str, torch.nn.Module | str] = {}


def perceptual_distances(
    image_size: int, device: torch.device
) -> tuple[dict[str, PerceptualDistance], dict[str, str]]:
    """The perceptual distances that can be had, and a reason in one sentence for each other one."""
    available, missing = {}, {}
    for name, find in PERCEPTUAL.items():
        try:
            available[name] = find(image_size, device)
        except UserError as error:
            missing[name] = str(error)
    return available, missing


def lpips(image_size: int, device: torch.device) -> PerceptualDistance:
    """Learned perceptual image patch similarity (Zhang et al. 2018), version 0.1, on SqueezeNet.

    Distance between SqueezeNet's features of two photos, weighted to agree with human judgements;
    lower is closer. The weights were fitted on patches of 64x64 pixels. Smaller photos are refused:
    scaling them up would mostly measure the blur of the scaling. Most papers report LPIPS on
    AlexNet, whose values cannot be compared with these.

    Raises UserError for a smaller image, or if torchmetrics or the weights are unavailable. The
    network is loaded, or fails to load, once per process.
    """
    network = _network("LPIPS", _load_lpips, image_size).to(device)

    @torch.no_grad()
    def distance(photos: Tensor, others: Tensor) -> Tensor:
        return network(photos.to(device), others.to(device)).flatten()

    return distance


def dists(image_size: int, device: torch.device) -> PerceptualDistance:
    """Deep image structure and texture similarity (Ding et al. 2020), on VGG-16.

    Compares mean and variance (texture) and covariance (structure) of VGG's activations of two
    photos, weighted to agree with human judgements and to tolerate another sample of the same
    texture, such as other leaves; lower is closer. Photos below `SMALLEST` are refused, as VGG's
    last level would see fewer than 4x4 positions.

    Raises UserError for a smaller image, if torchmetrics is missing or older than 1.8, or if
    VGG-16's weights are not in torch's folder; they are never downloaded. The network is loaded, or
    fails to load, once per process.
    """
    network = _network("DISTS", _load_dists, image_size).to(device)

    @torch.no_grad()
    def distance(photos: Tensor, others: Tensor) -> Tensor:
        return network(to_unit(photos).to(device), to_unit(others).to(device)).flatten()

    return distance


PERCEPTUAL = {"lpips": lpips, "dists": dists}


def _network(measure: str, load: Callable[[], torch.nn.Module], image_size: int) -> torch.nn.Module:
    """The loaded network of a measure; raises UserError if it or the image size will not do."""
    if image_size < SMALLEST:
        raise UserError(
            f"{measure} needs photos of at least {SMALLEST}x{SMALLEST} pixels, "
            f"these have {image_size}x{image_size}"
        )
    if measure not in _networks:
        try:
            _networks[measure] = load()
        except UserError as error:
            _networks[measure] = str(error)
    network = _networks[measure]
    if isinstance(network, str):
        raise UserError(network)
    return network


def _load_lpips() -> torch.nn.Module:
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
        from torchvision.models import SqueezeNet1_1_Weights
    except ImportError as error:
        raise UserError(
            f"LPIPS needs torchmetrics ({error}): python -m pip install torchmetrics"
        ) from None
    _require_download("LPIPS", SqueezeNet1_1_Weights.IMAGENET1K_V1.url)
    try:
        return LearnedPerceptualImagePatchSimilarity(net_type=BACKBONE).net.eval()
    except (OSError, RuntimeError) as error:
        raise _unusable("LPIPS", error) from None


def _load_dists() -> torch.nn.Module:
    try:
        from torchmetrics.functional.image.dists import DISTSNetwork
        from torchvision.models import VGG16_Weights
    except ImportError as error:
        raise UserError(
            f"DISTS needs torchmetrics 1.8 ({error}): python -m pip install --upgrade torchmetrics"
        ) from None
    url = VGG16_Weights.DEFAULT.url
    if not _stored(url).is_file():
        raise UserError(
            "the weights of DISTS (VGG-16, 528 MB) are not downloaded unasked: "
            f"download {url} and save it as {_short(_stored(url))}"
        )
    try:
        return DISTSNetwork().eval()
    except (OSError, RuntimeError) as error:
        raise _unusable("DISTS", error) from None


def _unusable(measure: str, error: Exception) -> UserError:
    reason = str(error).splitlines()[0]
    return UserError(f"the weights of {measure} could not be loaded: {reason}")


def inception_distances(
    predict: Predictor, pairs: StreetPairs, device: torch.device, seed: int = 0
) -> dict[str, float]:
    """KID (Binkowski et al. 2018) and FID (Heusel et al. 2017) between generated and real photos.

    Both compare the two sets of photos rather than pairs, by features of an Inception network;
    lower is closer. `kid` is unbiased and suits small splits; `kid_deviation` is its standard
    deviation over random subsets of half the split (at most 1000 images). `fid` is biased upwards
    below about 10,000 images: compare it only between splits of one size. Photos are scaled to
    299x299 pixels, so both mean little for very small photos. Returns these three and `images`.

    Raises UserError if torch-fidelity is not installed, if its weights cannot be downloaded, or if
    there are fewer than 4 images.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance
    except ImportError as error:
        raise UserError(
            f"KID and FID need another package ({error}): "
            "python -m pip install torchmetrics torch-fidelity"
        ) from None
    count = len(pairs)
    if count < 4:
        raise UserError(f"KID and FID compare sets of photos: {count} are too few")
    _require_download("KID and FID", URL_INCEPTION_V3)
    if device.type == "mps":
        device = torch.device("cpu")  # FID needs float64, which Apple GPUs lack
    try:
        kid = KernelInceptionDistance(
            subsets=SUBSETS, subset_size=min(1000, count // 2), normalize=True
        ).to(device)
        fid = FrechetInceptionDistance(normalize=True).to(device)
    except (OSError, RuntimeError, ModuleNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the network of KID and FID could not be loaded: {reason}") from None
    for batch, photos in predictions(predict, pairs):
        for metric in (kid, fid):
            metric.update(to_unit(batch["photo"]).to(device), real=True)
            metric.update(to_unit(photos).clamp(0, 1).to(device), real=False)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # for the subsets
        mean, deviation = kid.compute()
    return {
        "kid": float(mean),
        "kid_deviation": float(deviation),
        "fid": float(fid.compute()),
        "images": count,
    }


def _require_download(measure: str, url: str) -> None:
    """Raise UserError if the file is not in torch's folder and its server does not answer.

    torch itself would wait without a time limit.
    """
    stored = _stored(url)
    if stored.is_file():
        return
    try:
        request = urllib.request.Request(url, method="HEAD")
        urllib.request.urlopen(request, timeout=TIMEOUT).close()
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"the weights of {measure} cannot be downloaded ({reason}): "
            f"download {url} and save it as {_short(stored)}"
        ) from None


def _stored(url: str) -> Path:
    """Where torch keeps a downloaded file."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _short(path: Path) -> str:
    """The path with ~ for the home folder, since the message appears in reports."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
