"""Pretrained weights to start from: released ones, or weights learned here on drawn streets.

`weights=released` takes what torchvision and the pix2pix authors published, and downloads it once.
`weights=synthetic` needs no download: the generator is pretrained on drawn streets of another seed
than the data set's, and saved in the same format. A DeepLab backbone learns to segment photos; a
U-Net learns the translation itself.
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

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.acceleration.distributed import any_rank, barrier, is_main, rank_zero_first
from pix2pix_utils.data.dataset import StreetData, load_data
from pix2pix_utils.data.layouts.synthetic import drawing_version
from pix2pix_utils.data.pairs import StreetPairs, epoch_order
from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.files import remove_leftovers
from pix2pix_utils.models import build_generator
from pix2pix_utils.models.deeplab import DeepLabGenerator
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.code_version import code_version
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS
from pix2pix_utils.training.progress import ProgressCallback
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train, with_precision
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.trainer import RANDOM_START
from pix2pix_utils.training.weights import (
    fetch,
    load_discriminator_weights,
    load_generator_weights,
    load_state,
    provenance,
)

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
    reuse: bool = False,
) -> Run:
    """Like `train`, but starting from pretrained weights if the configuration asks for them.

    Raises UserError if these weights are not available, or if the experiment is defined without
    them (or only with them), so a run always starts from the weights that its name implies.
    """
    prepare = None
    if config.weights != "none":
        prepare = weight_initializer(config, output, device, progress)
    _check_name(config)
    return train(config, data, output, device, progress, prepare, on_progress, reuse)


def _check_name(config: Config) -> None:
    """Raise UserError if a pretrained experiment has no weights, or another one has some."""
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
    """A function that loads the configured weights into new networks and returns their origin.

    Raises UserError for an unknown source, or one without weights for this generator.
    """
    check_choice("source of weights", config.weights, ("none", "released", "synthetic"))
    if config.generator not in _RELEASED_GENERATORS:
        raise UserError(
            f"there are no trained weights for the generator '{config.generator}', only for "
            f"{', '.join(_RELEASED_GENERATORS)}; use --set weights=none"
        )

    def initialize(networks: Networks) -> dict:
        origin: dict = dict(RANDOM_START)
        if config.weights == "synthetic":
            path = pretrain_generator(config, output, device, progress)
            origin["generator"] = {"learnt on": "drawn streets", **provenance(path)}
        else:
            name = _RELEASED_GENERATORS[config.generator]
            with rank_zero_first():
                path = fetch(name, progress=progress)
            origin["generator"] = {"released as": name, **provenance(path)}
            if other_name := _RELEASED_DISCRIMINATORS.get(config.discriminator):
                with rank_zero_first():
                    other = fetch(other_name, progress=progress)
                load_discriminator_weights(networks.discriminator, load_state(other), other)
                origin["discriminator"] = {"released as": other_name, **provenance(other)}
        load_generator_weights(networks.generator, load_state(path), path)
        return origin

    return initialize


def pretrain_generator(
    config: Config, output: Path, device: torch.device, progress: bool = True
) -> Path:
    """The file of a generator's weights learned on drawn streets; trains them if it is missing.

    It is in `output/weights`. The generator is pretrained on as many pairs as the run, for half its
    epochs. The file's name ends in a hash of the whole pretraining configuration, since weights
    from streets of another seed may have seen this data set's test scenes, and of the code that
    pretrains and draws. If another process is pretraining below the same `output`, this one waits
    for it.
    """
    pretraining = _pretraining_config(with_precision(config, device))
    code = code_version(replace(pretraining, weights=config.weights))
    identity = json.dumps([pretraining.to_dict(), code, drawing_version()], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    path = Path(output) / "weights" / f"{config.generator}-{config.image_size}px-{digest}.pth"
    if path.is_file():
        return path
    lock = Path(output) / "runs" / ".pretraining.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock) if is_main() else nullcontext():
        (exists,) = any_rank(path.is_file())  # another process may have written it meanwhile
        if not exists:
            state = _pretrain(pretraining, output, device, progress)
            if is_main():
                remove_leftovers(path.parent)
                save_checkpoint(path, state)
            barrier()
    return path


def _pretrain(
    config: Config, output: Path, device: torch.device, progress: bool
) -> dict[str, Tensor]:
    """Pretrain a generator on drawn streets; returns its weights."""
    streets = load_data(
        "synthetic",
        image_size=config.image_size,
        limits=config.pair_limits,
        data_seed=config.data_seed,
        progress=progress,
    )
    if config.generator.startswith("deeplab"):
        return learn_segmentation(config, streets.train, device, progress)
    run = train(config, streets, output, device, progress)
    return load_checkpoint(run.best_checkpoint)["generator"]


def _pretraining_config(config: Config) -> Config:
    """How the generator is pretrained before the run of `config`."""
    pretraining = replace(
        config,
        experiment=f"pretraining-{config.generator}",
        epochs=max(1, config.epochs // 2),
        weights="none",
        augmentation="none",
        freeze_backbone=False,
        warmup_steps=0,
        seed=0,
        data_seed=config.data_seed + 1,  # other streets than those of the data set
    )
    if not config.generator.startswith("deeplab"):
        return pretraining
    # segmentation does not use these settings: experiments that differ in them share one file
    unused = {"discriminator", "adversarial_loss", "distance", "alpha", "learning_rate",
              "discriminator_learning_rate", "accumulation", "precision"}  # fmt: skip
    return replace(pretraining, **{name: getattr(Config(), name) for name in unused})


def learn_segmentation(
    config: Config, pairs: StreetPairs, device: torch.device, progress: bool = True
) -> dict[str, torch.Tensor]:
    """Train a DeepLab generator's backbone to predict the class of every pixel of a photo.

    Returns its weights with the keys of torchvision's DeepLabV3, `backbone.*`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        generator = build_generator(config.generator, config.image_size, config.width)
        assert isinstance(generator, DeepLabGenerator)
        accelerate_on_cpu(generator)
        classify = nn.Conv2d(generator.output.in_channels, len(pairs.palette), kernel_size=1)
        generator.to(device).train()
        classify.to(device)
        optimizer = torch.optim.Adam(
            [*generator.backbone.parameters(), *classify.parameters()],
            lr=1e-3,
            fused=True,
        )
        total = config.epochs * len(pairs)
        with tqdm(total=total, desc="segmentation", unit="img", disable=not progress) as bar:
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
    weights = generator.backbone.state_dict()
    return {f"backbone.{key}": value.cpu() for key, value in weights.items()}
