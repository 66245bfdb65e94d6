"""Can the baseline learn eight pairs by heart? If not, something in it is broken.

python tests/benchmarks/overfit.py [STEPS]     a few minutes on two CPU cores
"""

import sys
import time

import torch

from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import load_data_for
from pix2pix_utils.training.step import Networks, training_step

GOAL = 0.9
PAIRS = 8


def main(steps: int) -> int:
    config = configure("baseline", "demo", settings=[f"train_pairs={PAIRS}", "val_pairs=1"])
    train = load_data_for(config, "synthetic").train
    torch.manual_seed(config.seed)
    networks = Networks.build(config, torch.device("cpu"))
    started = time.monotonic()
    objective = build_objective(config.adversarial_loss, config.distance, config.alpha)
    for step in range(1, steps + 1):
        batch = train.batch(torch.randperm(PAIRS)[: config.batch_size].tolist())
        training_step(networks, batch["label"], batch["photo"], objective)
        if step % 250 == 0 or step == steps:
            score = ssim_scores(generator_predictor(networks.generator), train).mean()
            print(f"step {step}: train SSIM {score:.3f} after {time.monotonic() - started:.0f} s")
            if score > GOAL:
                return 0
    print(f"train SSIM stayed below {GOAL}")
    return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 6000))
