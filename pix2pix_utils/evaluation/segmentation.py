"""Segmentation score: how well a segmentation network recovers the label map from a photo.

The FCN score of the pix2pix paper (Isola et al. 2017, section 3.2): a network trained to segment
real photos segments a generated photo, and the result is compared with the label map that the photo
was generated from. Real photos give the upper bound. The network here is a small one, trained on
the data set's own train split: its scores compare models on one data set at one image size, and are
not comparable with the paper's.
"""

import hashlib
import itertools
import json
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.pairs import StreetPairs, class_frequencies, epoch_order
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.devices import describe_environment, explain_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.confusion import confusion_counts, segmentation_scores
from pix2pix_utils.evaluation.predictors import batchwise
from pix2pix_utils.files import (
    as_csv,
    explain_os_error,
    read_json,
    remove_leftovers,
    write_json,
    write_text,
)
from pix2pix_utils.locks import FileLock
from pix2pix_utils.tensors import load_tensors, save_checkpoint


@dataclass(frozen=True)
class Settings:
    """Settings of the network and its training, small enough for two CPU cores."""

    width: int = 16  # filters at half resolution
    epochs: int = 10
    steps: int = 60  # at least; for tiny data sets
    batch_size: int = 8
    learning_rate: float = 6e-3  # maximum of a one-cycle schedule
    seed: int = 0


SETTINGS = Settings()
SMALLEST = 17  # pixels: of a smaller photo, the deepest batch norm would see a single value
IGNORED = -100  # class index that cross-entropy ignores: pixels of void classes


class SegmentationNetwork(nn.Module):
    """A small U-Net: photos (N, 3, S, S) in [-1, 1], S at least 17, to logits (N, C, S, S).

    Works at half resolution, which is fast on a CPU.
    """

    def __init__(self, classes: int, width: int = SETTINGS.width):
        super().__init__()
        widths = [width, 2 * width, 4 * width, 4 * width]
        self.stem = _block(3, width, stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(_block(a, b, stride=2), _block(b, b))
            for a, b in itertools.pairwise(widths)
        )
        self.up = nn.ModuleList(
            _block(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.classify = nn.Conv2d(width, 4 * classes, kernel_size=3, padding=1)

    def forward(self, photo: Tensor) -> Tensor:
        height, width = photo.shape[-2:]
        x = self.stem(F.pad(photo, (0, width % 2, 0, height % 2), mode="replicate"))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            x = F.interpolate(x, size=skip.shape[-2:], mode="nearest")
            x = up(torch.cat([x, skip], dim=1))
        return F.pixel_shuffle(self.classify(x), 2)[..., :height, :width]


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


@dataclass(frozen=True)
class Segmenter:
    """A trained segmentation network with its scores on real photos."""

    network: SegmentationNetwork
    device: torch.device
    folder: Path
    result: dict  # split -> scores of real photos; train_seconds, environment

    @torch.no_grad()
    def __call__(self, photos: Tensor) -> Tensor:
        """Photos (N, 3, S, S) in [-1, 1] to class maps (N, S, S) int64, on the network's device."""
        return self.network(photos.to(self.device)).argmax(dim=1)


def segmenter(
    data: StreetData, output: Path, device: torch.device, progress: bool = True
) -> Segmenter:
    """The segmentation network of this data set and image size; trained if there is none yet.

    It is trained on the real photos of the train split and kept in `output/segmentation` with its
    configuration, history, and the scores of real photos on every split (`result`), under a hash
    of the data, the pairs in use, the image size and its settings. `result.json` is written last,
    so an interrupted training run starts over. A second process waits for the first. Raises
    UserError if the photos are smaller than `SMALLEST`, if no training pixel belongs to a scored
    class, if memory is too small, or if the folder cannot be written.
    """
    size = data.train.image_size
    if size < SMALLEST:
        raise UserError(
            f"the segmentation network needs photos of at least {SMALLEST}x{SMALLEST} pixels, "
            f"these have {size}x{size}: choose a larger image_size"
        )
    folder = Path(output) / "segmentation" / identity(data)
    network = _load(data, folder)
    if network is None:
        advice = (
            f"the memory of the device '{device.type}' is too small to train the segmentation "
            f"network on {SETTINGS.batch_size} photos of {size}x{size} pixels: close other "
            "programs, use --device cpu, or choose a smaller image_size"
        )
        with ExitStack() as held:
            with explain_os_error(f"write the segmentation network to {folder}"):
                folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(FileLock(folder / ".lock"))
            with explain_out_of_memory(advice):
                network = _load(data, folder) or _train(data, folder, device, progress)
    return Segmenter(network.to(device).eval(), device, folder, read_json(folder / "result.json"))


def identity(data: StreetData) -> str:
    """Name of the folder below `output/segmentation` with the network of this data."""
    digest = hashlib.sha256(json.dumps(_configuration(data), sort_keys=True).encode()).hexdigest()
    return f"{data.name}-{data.train.image_size}px-{digest[:8]}"


def _configuration(data: StreetData) -> dict:
    return {
        "settings": asdict(SETTINGS),
        "fingerprint": data.fingerprint,
        "image_size": data.train.image_size,
        "pairs": {split: len(data[split]) for split in SPLITS},
        "classes": list(data.palette.classes[: data.palette.evaluated]),
    }


def _load(data: StreetData, folder: Path) -> SegmentationNetwork | None:
    """The stored network; None if it is missing or damaged."""
    network = _fresh_network(data)
    try:
        read_json(folder / "result.json")  # written last
        network.load_state_dict(load_tensors(folder / "weights.pt", "segmentation network"))
    except (UserError, RuntimeError, TypeError):
        return None
    return network


def _fresh_network(data: StreetData) -> SegmentationNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SETTINGS.seed)
        return SegmentationNetwork(data.palette.evaluated, SETTINGS.width)


def _train(
    data: StreetData, folder: Path, device: torch.device, progress: bool
) -> SegmentationNetwork:
    """Train a network and write its folder."""
    weights = _class_weights(data.train)
    remove_leftovers(folder)
    (folder / "result.json").unlink(missing_ok=True)
    write_json(folder / "config.json", _configuration(data))
    network = _fresh_network(data).to(device)
    history, started = [], time.monotonic()
    count, size = len(data.train), SETTINGS.batch_size
    steps = -(-count // size)  # in an epoch
    epochs = max(SETTINGS.epochs, -(-SETTINGS.steps // steps))
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        tqdm(total=epochs * count, desc="segmentation", unit="img", disable=not progress) as bar,
    ):
        torch.manual_seed(SETTINGS.seed)  # for mirroring
        rate = SETTINGS.learning_rate
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
        for epoch in range(epochs):
            total = torch.zeros((), device=device)
            network.train()
            for indices in epoch_order(count, SETTINGS.seed, epoch).split(size):
                loss = _loss(network, data.train.batch(indices.tolist()), weights, device)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.detach() * len(indices)
                bar.update(len(indices))
            scores = _scores(network, data.val, device)
            history.append({"epoch": epoch + 1, "loss": float(total) / count, **scores})
            bar.set_postfix({name: f"{value:.2f}" for name, value in scores.items()})
    seconds = time.monotonic() - started
    save_checkpoint(folder / "weights.pt", network.state_dict())
    write_text(folder / "history.csv", as_csv(history))
    result: dict = {split: _scores(network, data[split], device) for split in SPLITS}
    result |= {"train_seconds": round(seconds, 1), "environment": describe_environment(device)}
    write_json(folder / "result.json", result)
    return network


def _loss(
    network: SegmentationNetwork, batch: dict, weights: Tensor, device: torch.device
) -> Tensor:
    """Cross-entropy over the evaluated classes; half of the pairs are mirrored."""
    photo, classes = batch["photo"], batch["classes"]
    mirrored = torch.rand(len(photo)) < 0.5  # the same for photo and label map
    photo = torch.where(mirrored[:, None, None, None], photo.flip(-1), photo)
    classes = torch.where(mirrored[:, None, None], classes.flip(-1), classes)
    classes = classes.masked_fill(classes >= len(weights), IGNORED)
    logits = network(photo.to(device))
    # a mean would be 0 / 0 for a batch with only void pixels
    summed = F.cross_entropy(
        logits, classes.to(device), weights.to(device), ignore_index=IGNORED, reduction="sum"
    )
    return summed / classes.numel()


def _class_weights(pairs: StreetPairs) -> Tensor:
    """Weights (evaluated,): one over the square root of a class's share, mean 1 over the pixels.

    Without them the network never predicts poles or riders, which cover less than 1 % of a photo.
    Raises UserError if no pixel belongs to an evaluated class.
    """
    evaluated = pairs.palette.evaluated
    pixels = (class_frequencies(pairs)[:evaluated] * len(pairs) * pairs.image_size**2).round()
    if not pixels.any():
        raise UserError(
            "no training pixel belongs to a class that is scored: "
            "there is nothing to train a segmentation network on"
        )
    shares = np.maximum(pixels, 1) / pixels.sum()
    weights = 1 / np.sqrt(shares)
    return torch.from_numpy(weights / (weights * pixels).sum() * pixels.sum()).float()


def _scores(
    network: SegmentationNetwork, pairs: StreetPairs, device: torch.device
) -> dict[str, float]:
    """The segmentation scores of a split's real photos."""
    network.eval()

    def count(batch: dict) -> np.ndarray:
        predicted = network(batch["photo"].to(device)).argmax(dim=1)
        return confusion_counts(batch["classes"], predicted, len(pairs.palette))

    return segmentation_scores(np.concatenate(list(batchwise(count, pairs))), pairs.palette)
