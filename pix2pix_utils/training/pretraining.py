"""Trained weights for the rows called pretrained: released ones, or made here on drawn streets.

`weights=released` takes what torchvision and the pix2pix authors published; it needs a network
once. `weights=synthetic` works without one: it learns on drawn streets of another seed than the
data set's, and writes a file of the same format. A DeepLab backbone learns to name the class of
every pixel of a photo; a U-Net learns the translation itself.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from pix2pix_utils.acceleration.distributed import any_rank, barrier, is_main, rank_zero_first
from pix2pix_utils.data.dataset import StreetData, load_data
from pix2pix_utils.data.pairs import StreetPairs, epoch_order
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import remove_leftovers
from pix2pix_utils.models import build_generator
from pix2pix_utils.models.deeplab import DeepLabGenerator
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.trainer import RANDOM_START, ProgressCallback
from pix2pix_utils.training.weights import (
    fetch,
    load_discriminator_weights,
    load_generator_weights,
    load_state,
    provenance,
)

SOURCES = ("none", "released", "synthetic")
STREETS_SEED = 1  # of the drawn streets to pretrain on, ahead of the data set's own seed
SEGMENTATION_LEARNING_RATE = 1e-3

_RELEASED_GENERATORS = {
    "deeplab-resnet50": "deeplabv3_resnet50",
    "deeplab-mobilenet": "deeplabv3_mobilenet_v3_large",
    "pix2pix-unet": "facades_label2photo",  # the nearest task; there is none for streets
}
_RELEASED_DISCRIMINATORS = {"resnet18": "resnet18", "resnet18-patch": "resnet18"}


def train_experiment(
    config: Config,
    data: StreetData,
    output: Path,
    device: torch.device,
    progress: bool = True,
    on_progress: ProgressCallback | None = None,
) -> Run:
    """`training.train`, from trained weights if the configuration asks for them.

    Raises UserError if they cannot be had, or if the experiment's name says otherwise; nothing is
    then trained from random ones instead.
    """
    prepare = None
    if config.weights != "none":
        prepare = weight_initializer(config, output, device, progress)
    _check_name(config)
    return train(config, data, output, device, progress, prepare, on_progress)


def _check_name(config: Config) -> None:
    """Raise UserError if a row called pretrained has no weights, or another row has some."""
    row = EXPERIMENTS.get(config.experiment.partition("+")[0])
    if row and row.pretrained and config.weights == "none":
        raise UserError(
            f"weights=none: the experiment '{config.experiment}' starts from trained weights; "
            "scratch-torchvision and scratch-unet start from random ones"
        )
    if row and not row.pretrained and config.weights != "none":
        raise UserError(
            f"weights={config.weights}: the experiment '{config.experiment}' starts from random "
            "weights; pretrained-torchvision and pretrained-unet start from trained ones"
        )


def weight_initializer(
    config: Config, output: Path, device: torch.device, progress: bool = True
) -> Callable[[Networks], dict]:
    """A function that puts the configured weights into fresh networks and tells what they are.

    Raises UserError for an unknown source, or one that has nothing for this generator.
    """
    if config.weights not in SOURCES:
        raise UserError(
            f"there are no weights '{config.weights}'; choose one of: {', '.join(SOURCES)}"
        )
    if config.generator not in _RELEASED_GENERATORS:
        raise UserError(
            f"there are no trained weights for the generator '{config.generator}', only for "
            f"{', '.join(_RELEASED_GENERATORS)}; use --set weights=none"
        )

    def start(networks: Networks) -> dict:
        told: dict = dict(RANDOM_START)
        if config.weights == "synthetic":
            path = pretrain_generator(config, output, device, progress)
            told["generator"] = {"learnt on": "drawn streets", **provenance(path)}
        else:
            name = _RELEASED_GENERATORS[config.generator]
            with rank_zero_first():
                path = fetch(name, progress=progress)
            told["generator"] = {"released as": name, **provenance(path)}
            if judge_name := _RELEASED_DISCRIMINATORS.get(config.discriminator):
                with rank_zero_first():
                    judge = fetch(judge_name, progress=progress)
                load_discriminator_weights(networks.discriminator, load_state(judge), judge)
                told["discriminator"] = {"released as": judge_name, **provenance(judge)}
        load_generator_weights(networks.generator, load_state(path), path)
        return told

    return start


def pretrain_generator(
    config: Config, output: Path, device: torch.device, progress: bool = True
) -> Path:
    """The file of a generator's weights learnt on drawn streets, made if it is not there.

    It lies in `output/weights` and learns from as many pairs as the run, for half its epochs. Its
    name ends in a hash of all that decides what is learnt, so that no other lesson's file is taken
    for it: one on the streets of another seed may have seen this data set's test scenes. A second
    process that wants it waits for the first.
    """
    pretraining = _pretraining_config(config)
    digest = hashlib.sha256(json.dumps(pretraining.to_dict(), sort_keys=True).encode()).hexdigest()[
        :8
    ]
    path = Path(output) / "weights" / f"{config.generator}-{config.image_size}px-{digest}.pth"
    if path.is_file():
        return path
    lock = Path(output) / "runs" / ".pretraining.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock) if is_main() else nullcontext():
        (made,) = any_rank(path.is_file())  # meanwhile, by another process
        if not made:
            state = _learn(pretraining, output, device, progress)
            if is_main():
                remove_leftovers(path.parent)
                save_checkpoint(path, state)
            barrier()
    return path


def _learn(
    pretraining: Config, output: Path, device: torch.device, progress: bool
) -> dict[str, Tensor]:
    """The weights that a lesson on drawn streets ends with."""
    streets = load_data(
        "synthetic",
        image_size=pretraining.image_size,
        limits=pretraining.pair_limits,
        data_seed=pretraining.data_seed,
        progress=progress,
    )
    if pretraining.generator.startswith("deeplab"):
        return learn_segmentation(pretraining, streets.train, device, progress)
    run = train(pretraining, streets, output, device, progress)
    return load_checkpoint(run.best_checkpoint)["generator"]


def _pretraining_config(config: Config) -> Config:
    """What a generator learns from before the run of `config`."""
    pretraining = replace(
        config,
        experiment=f"pretraining-{config.generator}",
        epochs=max(1, config.epochs // 2),
        weights="none",
        augmentation="none",
        freeze_backbone=False,
        warmup_steps=0,
        seed=0,
        data_seed=STREETS_SEED + config.data_seed,
    )
    if not config.generator.startswith("deeplab"):
        return pretraining
    # segmentation has neither an opponent nor a photo to come close to: the rows that differ in
    # them share one file
    settled = (
        "discriminator",
        "adversarial_loss",
        "distance",
        "alpha",
        "learning_rate",
        "accumulation",
        "precision",
    )
    defaults = Config()
    return replace(pretraining, **{name: getattr(defaults, name) for name in settled})


def learn_segmentation(
    config: Config, pairs: StreetPairs, device: torch.device, progress: bool = True
) -> dict[str, torch.Tensor]:
    """Teach a DeepLab generator's backbone to name the class of every pixel of a photo.

    Returns its weights under the keys of torchvision's DeepLabV3, `backbone.*`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        generator = build_generator(config.generator, config.image_size, config.width)
        assert isinstance(generator, DeepLabGenerator)
        classify = nn.Conv2d(generator.output.in_channels, len(pairs.palette), kernel_size=1)
        generator.to(device).train()
        classify.to(device)
        optimizer = torch.optim.Adam(
            [*generator.backbone.parameters(), *classify.parameters()],
            lr=SEGMENTATION_LEARNING_RATE,
            fused=True,
        )
        total = config.epochs * len(pairs)
        with tqdm(total=total, desc="learn classes", unit="img", disable=not progress) as bar:
            for epoch in range(config.epochs):
                order = epoch_order(len(pairs), config.seed, epoch)
                for indices in order.split(config.batch_size):
                    batch = pairs.batch(indices.tolist())
                    photo = generator.normalize(batch["photo"].to(device))
                    logits = classify(generator.backbone(photo)["out"])  # (N, C, h, w)
                    logits = F.interpolate(
                        logits, size=photo.shape[-2:], mode="bilinear", align_corners=False
                    )
                    loss = F.cross_entropy(logits, batch["classes"].to(device))
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    bar.update(len(indices))
    return {
        f"backbone.{key}": value.detach().cpu()
        for key, value in generator.backbone.state_dict().items()
    }
