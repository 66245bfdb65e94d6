"""From a configuration to a finished run: create or resume it, train it, score and record it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from pix2pix_utils.acceleration.distributed import barrier, is_main, rank_zero_first, world_size
from pix2pix_utils.acceleration.memory import reuse_freed_memory
from pix2pix_utils.acceleration.precision import choose_precision
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.source import SPLITS
from pix2pix_utils.devices import describe_environment, explain_out_of_memory
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.evaluation.statistics import summarize
from pix2pix_utils.training.checkpoints import check_checkpoint, load_checkpoint
from pix2pix_utils.training.config import Config
from pix2pix_utils.training.interrupts import InterruptGuard
from pix2pix_utils.training.progress import ProgressCallback
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.trainer import BEST_KEYS, Trainer
from pix2pix_utils.training.validation import split_scores


def train(
    config: Config,
    data: StreetData,
    output: Path,
    device: torch.device,
    progress: bool = True,
    prepare: Callable[[Networks], dict] | None = None,
    on_progress: ProgressCallback | None = None,
    reuse: bool = False,
) -> Run:
    """The finished run of this configuration below `output/runs`: loaded, resumed or trained.

    A run that was trained with other code is not this one, unless `reuse` is true: see
    `Run.create`. A precision of `auto` is that of the device, so a run never changes its precision.
    `prepare` may load trained weights into the new networks; what it returns is recorded in the
    result as their origin. `on_progress` is called twice a second and after every epoch. The
    epoch that the configuration keeps, the best by validation SSIM or the last, is scored on all
    three splits.

    Raises UserError if the run cannot be trained or resumed, and `Interrupted` if it is stopped.
    """
    config = with_precision(config, device)
    with rank_zero_first():
        run = Run.create(output, config, data, reuse)
    if run.is_finished:
        return run
    if world_size() > config.accumulation:
        raise UserError(
            f"{world_size()} processes share the batches of an update, but accumulation is "
            f"{config.accumulation}: --set accumulation={world_size()}, or a multiple of it"
        )
    set_process_wide_options()
    with (
        InterruptGuard(),  # for what happens before and after `fit`, which has its own
        explain_out_of_memory(out_of_memory_advice(config, device)),
        run.locked() if is_main() else nullcontext(),
    ):
        if is_main():
            run.add_session(
                {
                    **describe_environment(device),
                    "processes": world_size(),
                    "changed_code": run.changed_code(),
                }
            )
        trainer = Trainer(config, data, device)
        with _explain_checkpoint_errors(run):
            state = run.load_last()
            if state:
                trainer.load_state(state)
        if prepare and not state:
            trainer.started_from = prepare(trainer.networks)
            trainer.networks.restart_average()
        trainer.fit(run, progress, on_progress)
        with _explain_checkpoint_errors(run):
            best = load_checkpoint(run.best_checkpoint)
            check_checkpoint(best, BEST_KEYS, config, data, trainer.networks)
        trainer.networks.final_generator.load_state_dict(best["generator"])
        _write_result(run, trainer, best["epoch"])
        barrier()
    return run


def with_precision(config: Config, device: torch.device) -> Config:
    """The configuration with the precision that `auto` stands for on this device."""
    return replace(config, precision=choose_precision(config.precision, device))


def set_process_wide_options() -> None:
    """Options of this process that training needs: reproducible cuDNN, and memory that is reused.

    cuDNN's fastest backward passes sum in a nondeterministic order, so results would vary.
    """
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    reuse_freed_memory()


@contextmanager
def _explain_checkpoint_errors(run: Run) -> Iterator[None]:
    """Add the run folder and a remedy to checkpoint errors."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f"cannot resume the run {run.folder}: {error}; remove that folder to train from scratch"
        ) from None


def _write_result(run: Run, trainer: Trainer, best_epoch: int) -> None:
    scores = []
    summary: dict[str, dict[str, dict]] = {"eval": {}, "train": {}}
    # in `train` mode images are predicted one by one: only those splits that claims rest on
    for inference, splits in (("eval", SPLITS), ("train", ("val", "test"))):
        predict = generator_predictor(trainer.networks.final_generator, inference)
        for split in splits:
            pairs = trainer.data[split]
            values = split_scores(predict, pairs)
            summary[inference][split] = summarize(values, pairs.groups)
            scores += [
                {"inference": inference, "split": split, "name": n, "group": g, "ssim": f"{v:.6f}"}
                for n, g, v in zip(pairs.names, pairs.groups, values, strict=True)
            ]
    if not is_main():
        return
    run.write_scores(scores)
    networks = trainer.networks
    run.write_result(
        {
            "experiment": run.config.experiment,
            "dataset": trainer.data.name,
            "started_from": trainer.started_from,
            "best_epoch": best_epoch,
            "precision": networks.precision,
            "processes": world_size(),
            "ssim": summary,
            "train_seconds": round(sum(epoch["seconds"] for epoch in trainer.history), 1),
            "generator_parameters": sum(p.numel() for p in networks.generator.parameters()),
            "discriminator_parameters": sum(p.numel() for p in networks.discriminator.parameters()),
        }
    )


def out_of_memory_advice(config: Config, device: torch.device) -> str:
    """One sentence with the settings that decide memory use, and which of them to lower."""
    remedies = []
    if config.batch_size > 1:
        half, times = -(-config.batch_size // 2), 2 * config.accumulation
        smaller = f"--set batch_size={half} --set accumulation={times}"
        remedies.append(f"{smaller} (the same update in smaller batches)")
    if device.type == "cuda" and config.precision == "fp32":
        remedies.append("--set precision=bf16")
    remedies += ["a smaller image_size or width", "closing other programs"]
    return (
        f"not enough memory on the device '{device.type}' to train with "
        f"batch_size={config.batch_size}, image_size={config.image_size}, "
        f"width={config.width} and precision={config.precision}: "
        f"try {', '.join(remedies[:-1])} or {remedies[-1]}"
    )
