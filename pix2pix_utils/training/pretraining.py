"""Pretrained weights to start from: released ones, or weights learned here on drawn streets.

`weights=released` takes what torchvision and the pix2pix authors published, and downloads it once.
`weights=synthetic` needs no download: the generator is pretrained on drawn streets of another seed
than the data set's, and saved in the same format. A DeepLab backbone learns to segment photos; a
U-Net learns the translation itself.
`weights=streets` is pretraining matched to the task, which the report recommends (section V): the
run's own two networks first learn to translate drawn streets in the data set's classes and colours.
"""

import difflib
import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.acceleration.distributed import any_rank, barrier, is_main, rank_zero_first
from pix2pix_utils.data.class_matching import ClassMatching, match_classes
from pix2pix_utils.data.dataset import StreetData, load_data
from pix2pix_utils.data.layouts.synthetic import SCENES, drawing_version
from pix2pix_utils.data.pairs import StreetPairs, epoch_order
from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.files import remove_leftovers
from pix2pix_utils.locks import FileLock
from pix2pix_utils.models import build_generator
from pix2pix_utils.models.deeplab import DeepLabGenerator
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.code_version import code_version
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.experiments import EXPERIMENTS, Experiment
from pix2pix_utils.training.progress import ProgressCallback
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train, with_precision
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.trainer import RANDOM_START
from pix2pix_utils.training.weights import (
    fetch,
    first_misfit,
    load_discriminator_weights,
    load_generator_weights,
    load_state,
    provenance,
)

_RELEASED_GENERATORS = {
    "deeplab-resnet50": "deeplabv3_resnet50",
    "deeplab-mobilenet": "deeplabv3_mobilenet_v3_large",
    "deeplab-mobilenet-skips": "deeplabv3_mobilenet_v3_large",
    "pix2pix-unet": "facades_label2photo",  # the nearest task; there is none for streets
}
_RELEASED_DISCRIMINATORS = {"resnet18": "resnet18", "resnet18-patch": "resnet18"}
_STARTS = {
    "none": "random weights",
    "released": "trained weights",
    "synthetic": "trained weights",
    "streets": "weights learnt on drawn streets in the data set's classes",
}
# `weights=streets` draws at most so many scenes: drawing one takes longer than training on it
SCENES_PER_PAIR = 4  # of the data set's training pairs
SCORED_SCENES = 64  # for validation, which chooses the best epoch, and as many for the test


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
        prepare = weight_initializer(config, data, output, device, progress)
    _check_name(config)
    return train(config, data, output, device, progress, prepare, on_progress, reuse)


def _check_name(config: Config) -> None:
    """Raise UserError if the run starts from other weights than its experiment's name implies."""
    row = EXPERIMENTS.get(config.experiment.partition("+")[0])
    if row is None or config.weights in (own := _implied_weights(row)):
        return
    others = [name for name, row in EXPERIMENTS.items() if config.weights in _implied_weights(row)]
    nearest = difflib.get_close_matches(row.name, others, n=2, cutoff=0)
    raise UserError(
        f"weights={config.weights}: the experiment '{config.experiment}' starts from "
        f"{_STARTS[own[0]]}; {' and '.join(nearest)} start from {_STARTS[config.weights]}"
    )


def _implied_weights(row: Experiment) -> tuple[str, ...]:
    if "weights" in row.settings:
        return (row.settings["weights"],)
    return ("released", "synthetic") if row.pretrained else ("none",)


def weight_initializer(
    config: Config, data: StreetData, output: Path, device: torch.device, progress: bool = True
) -> Callable[[Networks], dict]:
    """A function that loads the configured weights into new networks and returns their origin.

    Raises UserError for an unknown source, for one without weights for this generator, and if the
    classes of the drawn streets cannot be matched to those of `data`.
    """
    check_choice("source of weights", config.weights, _STARTS)
    if config.weights == "streets":
        matching = match_classes(data.palette)
        return partial(_start_from_streets, config, data, matching, output, device, progress)
    if config.generator not in _RELEASED_GENERATORS:
        raise UserError(
            f"there are no trained weights for the generator '{config.generator}', only for "
            f"{', '.join(_RELEASED_GENERATORS)}; use --set weights=none"
        )
    if config.weights == "released" and config.label_input != "rgb":
        raise UserError(
            f"label_input is {config.label_input}, but the released weights were trained on three "
            "colours: --set label_input=rgb, or --set weights=synthetic"
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


def _start_from_streets(
    config: Config,
    data: StreetData,
    matching: ClassMatching,
    output: Path,
    device: torch.device,
    progress: bool,
    networks: Networks,
) -> dict:
    """Load what both networks learnt on drawn streets; without an adversary only one learnt."""
    if is_main() and str(matching):
        tqdm.write(str(matching), file=sys.stderr)
    path = pretrain_on_streets(config, data, output, device, progress)
    pretraining = _streets_config(config, data)
    amount = {"scenes": pretraining.train_pairs, "epochs": pretraining.epochs}
    state = load_state(path)
    origin: dict = dict(RANDOM_START)
    learners = ("generator", "discriminator")
    for name in learners if config.adversarial_loss != "none" else learners[:1]:
        network, prefix = getattr(networks, name), f"{name}."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if misfit := first_misfit(network, own, prefix):
            raise UserError(f"{path} does not fit the network: {misfit}; remove the file")
        network.load_state_dict(own)
        origin[name] = {"learnt on": "drawn streets", **amount, **provenance(path)}
    return origin


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
    return _weights_learnt(pretraining, None, output, device, progress)


def pretrain_on_streets(
    config: Config, data: StreetData, output: Path, device: torch.device, progress: bool = True
) -> Path:
    """The file of both networks' weights learned on drawn streets in the classes of `data`.

    As `pretrain_generator`, but for every generator, and with all settings of the run except its
    augmentation, frozen backbone and warm-up. It takes as many updates as the run, rounded up to
    whole epochs. Every scene is new as long as that needs no more than `SCENES_PER_PAIR` for each
    training pair of `data`, and no more than the 2975 that there are; otherwise they come again in
    every epoch.

    In the file, tensors are called `generator.*` (the best epoch's; the moving average, if there is
    one) and `discriminator.*`. Runs that differ in their seed alone start from the same file; other
    classes or colours of the palette are another one. Raises UserError if the classes of the drawn
    streets cannot be matched to those of `data`.
    """
    pretraining = _streets_config(with_precision(config, device), data)
    return _weights_learnt(pretraining, match_classes(data.palette), output, device, progress)


def _weights_learnt(
    pretraining: Config,
    matching: ClassMatching | None,
    output: Path,
    device: torch.device,
    progress: bool,
) -> Path:
    """The file that a pretraining leaves behind: see `pretrain_generator`."""
    code = code_version(replace(pretraining, weights="streets" if matching else "synthetic"))
    material = [pretraining.to_dict(), code, drawing_version()]
    material += matching.identity() if matching else []
    digest = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:8]
    name = f"{pretraining.generator}-{pretraining.image_size}px-{digest}.pth"
    path = Path(output) / "weights" / name
    if path.is_file():
        return path
    # With the hash in its name, `Run.create` takes no other pretraining for an earlier version of
    # this one, and gives no advice that only holds for runs which the user started.
    pretraining = replace(pretraining, experiment=f"{pretraining.experiment}-{digest}")
    lock = Path(output) / "runs" / ".pretraining.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock) if is_main() else nullcontext():
        (exists,) = any_rank(path.is_file())  # another process may have written it meanwhile
        if not exists:
            state = _pretrain(pretraining, matching, output, device, progress)
            if is_main():
                remove_leftovers(path.parent)
                save_checkpoint(path, state)
            barrier()
    return path


def _pretrain(
    config: Config,
    matching: ClassMatching | None,
    output: Path,
    device: torch.device,
    progress: bool,
) -> dict[str, Tensor]:
    """Pretrain on drawn streets; returns the generator's weights.

    With a `matching`, the streets have its classes, and the weights are those of both networks.
    """
    streets = load_data(
        "synthetic",
        image_size=config.image_size,
        limits=config.pair_limits,
        data_seed=config.data_seed,
        progress=progress,
    )
    if matching:
        run = train(config, matching.recode(streets), output, device, progress)
        best = load_checkpoint(run.best_checkpoint)
        networks = ("generator", "discriminator")
        return {f"{name}.{key}": value for name in networks for key, value in best[name].items()}
    if config.generator.startswith("deeplab"):
        return learn_segmentation(config, streets.train, device, progress)
    run = train(config, streets, output, device, progress)
    return load_checkpoint(run.best_checkpoint)["generator"]


def _pretraining_config(config: Config) -> Config:
    """How the generator is pretrained before the run of `config`."""
    pretraining = replace(_on_other_streets(config), epochs=max(1, config.epochs // 2))
    if not config.generator.startswith("deeplab"):
        return pretraining
    # segmentation does not use these settings: experiments that differ in them share one file
    unused = {
        *("discriminator", "discriminator_augmentation", "adversarial_loss", "distance", "alpha"),
        *("ssim_weight", "ms_ssim_weight", "feature_weight", "perceptual_weight"),
        *("learning_rate", "discriminator_learning_rate", "decay_from", "beta1", "beta2"),
        *("average_decay", "accumulation", "precision"),
    }
    return replace(pretraining, **{name: getattr(Config(), name) for name in unused})


def _streets_config(config: Config, data: StreetData) -> Config:
    """How both networks are pretrained before the run of `config` on `data`."""
    together = config.batch_size * config.accumulation
    updates = config.epochs * -(-len(data.train) // together)
    available = len(SCENES["train"])
    epochs = -(-updates * together // min(SCENES_PER_PAIR * len(data.train), available))
    scored = min(len(data.val), SCORED_SCENES)
    return replace(
        _on_other_streets(config),
        epochs=epochs,
        train_pairs=min(-(-updates // epochs) * together, available),
        val_pairs=scored,
        test_pairs=scored,
    )


def _on_other_streets(config: Config) -> Config:
    return replace(
        config,
        experiment=f"pretraining-{config.generator}",
        weights="none",
        # the networks see whether a pair is mirrored, so they must have as many inputs
        augmentation="mirror" if "mirror" in config.augmentation.split("+") else "none",
        freeze_backbone=False,
        warmup_steps=0,
        seed=0,
        data_seed=config.data_seed + 1,  # other streets than those of the data set
    )


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
        classify = nn.Conv2d(generator.feature_channels, len(pairs.palette), kernel_size=1)
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
