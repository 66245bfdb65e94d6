"""TODO."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import nn

from pix2pix_utils.acceleration.distributed import barrier, is_main, rank_zero_first, world_size
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.devices import explain_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.evaluation.statistics import summarize
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.interrupts import InterruptGuard
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.trainer import BEST_KEYS, ProgressCallback, Trainer, _scores


def train(
    config: Config,
    data: StreetData,
    output: Path,
    device: torch.device,
    progress: bool = True,
    prepare: Callable[[Networks], dict] | None = None,
    on_progress: ProgressCallback | None = None,
) -> Run:
    """The finished run of this configuration below `output/runs`: loaded, resumed or trained.

    `prepare` may put trained weights into the fresh networks; what it returns goes into the
    result, as the word on where they came from. `watch` is told how the training goes. Validation
    SSIM chooses the epoch; the result then scores that checkpoint on all three splits.
    """
    with rank_zero_first():
        run = Run.create(output, config, data)
    if run.is_finished:
        return run
    with (
        InterruptGuard(),  # for what comes before and behind `fit`, which has its own
        explain_out_of_memory(out_of_memory_advice(config, device)),
        run.locked() if is_main() else nullcontext(),
    ):
        if is_main():
            run.write_environment(device)
        trainer = Trainer(config, data, device)
        with _explain_checkpoint_errors(run):
            state = run.load_last()
            if state:
                trainer.load_state(state)
        if prepare and not state:
            trainer.started_from = prepare(trainer.networks)
        trainer.fit(run, progress, on_progress)
        with _explain_checkpoint_errors(run):
            best = load_checkpoint(run.best_checkpoint)
            trainer.check_state(best, BEST_KEYS)
        trainer.networks.generator.load_state_dict(best["generator"])
        _write_result(run, trainer, best["epoch"])
        barrier()
    return run


@contextmanager
def _explain_checkpoint_errors(run: Run) -> Iterator[None]:
    """Say of a checkpoint that cannot be used where it lies and how to do without it."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f"cannot go on with the run {run.folder}: {error}; remove that folder to train it anew"
        ) from None


def _write_result(run: Run, trainer: Trainer, best_epoch: int) -> None:
    scores = []
    summary: dict[str, dict[str, dict]] = {"eval": {}, "train": {}}
    # in `train` mode the images go through one by one: only those that a claim rests on
    for inference, splits in (("eval", SPLITS), ("train", ("val", "test"))):
        predict = generator_predictor(trainer.networks.generator, inference)
        for split in splits:
            pairs = trainer.data[split]
            values = _scores(predict, pairs)
            summary[inference][split] = summarize(values)
            scores += [
                {"inference": inference, "split": split, "name": name, "ssim": f"{value:.6f}"}
                for name, value in zip(pairs.names, values, strict=True)
            ]
    if not is_main():
        return
    run.write_scores(scores)
    run.write_result(
        {
            "experiment": run.config.experiment,
            "dataset": trainer.data.name,
            "started_from": trainer.started_from,
            "best_epoch": best_epoch,
            "precision": trainer.networks.precision,
            "processes": world_size(),
            "ssim": summary,
            "train_seconds": round(sum(epoch["seconds"] for epoch in trainer.history), 1),
            "generator_parameters": _count(trainer.networks.generator),
            "discriminator_parameters": _count(trainer.networks.discriminator),
        }
    )


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def out_of_memory_advice(config: Config, device: torch.device) -> str:
    """One sentence with the settings that take memory, and which of them to lower."""
    remedies = []
    if config.batch_size > 1:
        half, times = -(-config.batch_size // 2), 2 * config.accumulation
        smaller = f"--set batch_size={half} --set accumulation={times}"
        remedies.append(f"{smaller} (an update in smaller parts)")
    if device.type == "cuda" and config.precision == "fp32":
        remedies.append("--set precision=bf16")
    remedies += ["a smaller image_size or width", "ending what else takes memory"]
    return (
        f"the memory of the device '{device.type}' is too small to train with "
        f"batch_size={config.batch_size}, image_size={config.image_size}, "
        f"width={config.width} and precision={config.precision}: "
        f"try {', '.join(remedies[:-1])} or {remedies[-1]}"
    )
