"""For the tests of the widgets: untrained runs, and a control by name."""

import torch

from pix2pix_utils.evaluation.predictors import generator_predictor
from pix2pix_utils.tensors import save_checkpoint
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.step import Networks
from pix2pix_utils.training.validation import sample_grid

SSIM = (0.31, 0.45, 0.38)  # the best of three epochs is the second


def make_run(folder, config, data, finished=True) -> Run:
    """A run of three epochs with history, sample grids and a best checkpoint."""
    run = Run.create(folder, config, data)
    torch.manual_seed(config.seed)
    networks = Networks.build(config, torch.device("cpu"), data.train.signed_colors)
    predict = generator_predictor(networks.generator)
    for epoch in range(1, len(SSIM) + 1):
        sample_grid(predict, data.val).save(run.samples / f"epoch-{epoch:04d}.png")
    run.write_history(history())
    state = {"config": config.to_dict(), "palette": data.palette.to_dict(), "epoch": 2}
    save_checkpoint(run.best_checkpoint, {**networks.state_dict(), **state})
    if finished:
        run.write_result({"experiment": config.experiment, "ssim": {"eval": {}}})
    return run


def history() -> list[dict]:
    return [
        {
            "epoch": epoch,
            "discriminator_loss": 0.7 - 0.1 * epoch,
            "real_taken_for_real": 0.5 + 0.1 * epoch,
            "fake_taken_for_real": 0.5 - 0.1 * epoch,
            "generator_loss": 30.0 - epoch,
            "l1": 0.3 - 0.01 * epoch,
            "val_ssim": ssim,
            "seconds": 1.0,
        }
        for epoch, ssim in enumerate(SSIM, start=1)
    ]


def control(box, description):
    """The widget with this description."""
    if getattr(box, "description", None) == description:
        return box
    inside = (control(child, description) for child in getattr(box, "children", ()))
    return next((found for found in inside if found is not None), None)
